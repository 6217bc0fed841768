"""styles.csv: repaired where it is broken in known ways, refused where it is no table of photos."""

import pytest

from job.catalogue.read import Styles, read_styles
from job.errors import CatalogueError
from job.records.dataset import Quarantined, QuarantineKind
from tests.tiny import HEADER, row


def read(*lines: str, column: str = "subCategory") -> Styles:
    return read_styles("\n".join([HEADER, *lines, ""]).encode(), column, "styles.csv")


def pairs(styles: Styles) -> list[tuple[str, str]]:
    return list(styles.labels.items())


def test_rows_with_commas_in_the_name_are_rejoined() -> None:
    """A name with one or two unquoted commas costs no row and no field, and its id is reported."""
    styles = read(row("1", "Bags", "Red, white bag"), row("2", "Shoes", "Live,Laugh,Love"), row("3", "Bags"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes"), ("3", "Bags")]
    assert styles.repaired == ["1", "2"]
    assert styles.quarantined == []


def test_stray_quotes_swallow_nothing() -> None:
    """A lone quote, within a name or at its start, does not reach beyond its line."""
    styles = read(row("1", "Bags", 'Tempo 3.5" Short'), row("2", "Shoes", '"Half quoted'), row("3", "Bags"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes"), ("3", "Bags")]


def test_proper_quoting_is_honoured() -> None:
    """A field quoted as RFC 4180 says may hold commas, doubled quotes and line breaks."""
    styles = read(row("1", "Bags", '"Red, ""white"""'), row("2", "Shoes", '"two\nlines"'), row("3", "Bags"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes"), ("3", "Bags")]
    assert styles.rows == 3
    assert styles.repaired == []


def test_a_quoted_label_over_two_lines_is_one_row() -> None:
    """Where a line stops short because its quoted field goes on below, the lines are read as one row."""
    styles = read('1,Men,Apparel,"Bags', 'and more",Thing,Red,Summer,2012,NA,x', row("2", "Shoes"))
    assert pairs(styles) == [("1", "Bags\nand more"), ("2", "Shoes")]


def test_what_csv_itself_refuses_costs_no_row() -> None:
    """A field beyond csv's limit, a quote within a field above a short line, and a form feed in a name lose no row."""
    styles = read(row("1", "Bags", "x" * 200_000), row("2", "Shoes", 'A 3.5" phone'), 'foo"bar', row("3", "Bags"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes"), ("3", "Bags")]
    assert [item.id for item in styles.quarantined] == ['foo"bar']
    assert pairs(read(row("1", "Bags", "a\x0cb\u2028c"))) == [("1", "Bags")]


def test_spaces_around_a_label_make_no_class_of_their_own() -> None:
    """`Bags ` is `Bags`."""
    assert pairs(read(row("1", "Bags "), row("2", "Bags"))) == [("1", "Bags"), ("2", "Bags")]


def test_na_is_a_value_and_empty_columns_cost_nothing() -> None:
    """`NA` is a class like any other, and an empty field of a column that is not used drops no row."""
    styles = read("1,,,Bags,,,,,NA,", "2,,,Shoes,,,,,Casual,", column="usage")
    assert pairs(styles) == [("1", "NA"), ("2", "Casual")]


def test_rows_without_a_label_are_quarantined_by_id() -> None:
    """A row whose label is empty or cut off is left out with its reason."""
    styles = read(row("1", ""), "2,Men", row("3", "Bags"))
    assert pairs(styles) == [("3", "Bags")]
    assert styles.quarantined == [
        Quarantined(id="1", reason="no value of subCategory", kind=QuarantineKind.NO_LABEL),
        Quarantined(id="2", reason="row of 2 fields where the header has 10", kind=QuarantineKind.ROW_LENGTH),
    ]


def test_rows_without_an_id_are_quarantined_by_line() -> None:
    """A row that names no photo is reported by its line number."""
    (item,) = read(row("", "Bags"), row("3", "Bags")).quarantined
    assert item == Quarantined(id="line 2", reason="row without an id", kind=QuarantineKind.ROW_WITHOUT_ID)


def test_windows_line_ends_and_a_byte_order_mark_are_read() -> None:
    """A file saved by a spreadsheet on Windows reads like any other."""
    data = ("\ufeff" + "\r\n".join([HEADER, row("1", "Bags"), ""])).encode()
    assert pairs(read_styles(data, "subCategory", "styles.csv")) == [("1", "Bags")]


def table(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_each_encoding_gives_the_same_table(encoding: str) -> None:
    """A spreadsheet's Unicode text is read as any other."""
    data = table(row("1", "Hüte"), row("2", "鞋子"), encoding=encoding)
    assert pairs(read_styles(data, "subCategory", "styles.csv")) == [("1", "Hüte"), ("2", "鞋子")]


@pytest.mark.parametrize(
    ("encoding", "label", "shown"),
    [
        ("cp1251", "Обувь", "ce e1 f3 e2 fc"),
        ("latin-1", "Hüte", "48 fc 74 65"),
        ("gbk", "鞋子", "d0 ac d7 d3"),
        ("shift_jis", "靴", "8c 43"),
    ],
)
def test_labels_and_ids_in_another_encoding_are_refused(encoding: str, label: str, shown: str) -> None:
    """The error names line, column, bytes and what is read, for a label as for an id."""
    message = (
        f"(bytes {shown}), which is no text; save the table as UTF-8, with or without a byte order mark, or UTF-16"
    )
    for line, column in ((row("2", label), "subCategory"), (row(label, "Bags"), "id")):
        with pytest.raises(CatalogueError) as error:
            read_styles(table(row("1", "Bags"), line, encoding=encoding), "subCategory", "styles.csv")
        assert f"styles.csv, line 3: {column} is " in str(error.value)
        assert message in str(error.value)
        str(error.value).encode()


def test_half_a_character_of_utf16_is_refused_too() -> None:
    """What is no text in UTF-16 is named as well, and cut off in a name it does no harm."""
    data = table(row("1", "BXgs"), encoding="utf-16")
    with pytest.raises(CatalogueError, match=r"line 2: subCategory is B\\ud800gs"):
        read_styles(data.replace(b"X\0", b"\0\xd8"), "subCategory", "styles.csv")
    assert pairs(read_styles(data[:-3], "subCategory", "styles.csv")) == [("1", "BXgs")]


def test_bytes_that_are_no_text_cost_no_row_elsewhere() -> None:
    """A name in Latin-1 is the name of a product, and its row is used."""
    data = table(row("1", "Bags", "Café"), row("2", "Shoes", "a, naïve, name"), encoding="latin-1")
    styles = read_styles(data, "subCategory", "styles.csv")
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes")]
    assert styles.repaired == ["2"]


def test_both_forms_of_a_label_are_one_class() -> None:
    """NFD, a blank and a byte order mark within the file make no class of their own."""
    styles = read(row("1", "Hu\u0308te"), row("2", "\ufeffHüte "), row("Gro\u0308ße", "Hüte"))
    assert pairs(styles) == [("1", "Hüte"), ("2", "Hüte"), ("Größe", "Hüte")]


def test_a_row_that_is_there_twice_is_one_row() -> None:
    """Rows that say the same are one and are reported; that an id has different rows is an error."""
    styles = read(row("1", "Bags", "a, b"), row("2", "Shoes"), row("1", "Bags ", "a, b"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes")]
    assert (styles.rows, styles.repeated, styles.repaired) == (2, ["1"], ["1"])
    with pytest.raises(CatalogueError, match="has the id 1 twice, in lines 2 and 3, with other values"):
        read(row("1", "Bags", "a"), row("1", "Bags", "b"))


def test_rows_of_commas_alone_are_no_rows() -> None:
    """A spreadsheet saves the empty rows beneath a table, too."""
    styles = read(row("1", "Bags"), ",,,,,,,,,", ", ,")
    assert (styles.rows, styles.quarantined) == (1, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (table(row("1", "Bags")).replace(b",", b";"), "are separated by semicolons: save it with commas between them"),
        (table(row("1", "Bags")).replace(b",", b"\t"), "are separated by tabs: save it with commas between them"),
        (table(row("1", "Bags"), encoding="utf-16").replace(b",\0", b"\t\0"), "are separated by tabs"),
        (table(row("1", "Bags")).replace(b"id,", b"ID,", 1), "rename ID to id, for upper and lower case matter"),
        (table(row("1", "Bags")).replace(b"subC", b"Sub c", 1), "rename Sub category to subCategory"),
        (table(row("1", "Bags")).replace(b"gender", b"id", 1), "has the column id 2 times; keep one"),
        (b"sep=,\n" + table(row("1", "Bags")), "its first line is for a spreadsheet program alone: delete it"),
        (
            table(row("1", "Bags"), encoding="utf-16-le"),
            "seems to be UTF-16 without a byte order mark: save it as UTF-8",
        ),
        (
            b"PK\x03\x04" + bytes(40),
            "is a workbook of a spreadsheet program, or another zip, and no CSV; save it as CSV",
        ),
        (b"\x1f\x8b\x08" + bytes(40), "is compressed by gzip and no CSV"),
        (
            table(row("1", "Bags")).replace(b"subCategory", b"sub\xe9"),
            "in its header that are no text: save it as UTF-8",
        ),
        (table(row("1", "Bags"), encoding="utf-32"), "styles.csv is UTF-32; save it as UTF-8"),
    ],
)
def test_a_table_from_a_spreadsheet_is_refused_by_the_cause(data: bytes, message: str) -> None:
    """What was most likely done to the table stands in the sentence, with what to do."""
    with pytest.raises(CatalogueError, match=r"styles\.csv") as error:
        read_styles(data, "subCategory", "styles.csv")
    assert message in str(error.value)


def test_blanks_in_the_header_are_no_names() -> None:
    """A column is found with a blank before it and quotes around it."""
    data = table(row("1", "Bags")).replace(b"id,gender", b'"id", gender', 1).replace(b",subCategory", b", subCategory")
    assert pairs(read_styles(data, "subCategory", "styles.csv")) == [("1", "Bags")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "styles.csv is empty"),
        (b"id,subCategory\n", "has a header and no row"),
        (b"name,subCategory\n1,Bags\n", "has no column id; its columns are name, subCategory"),
        (b"id,name\n1,Bags\n", "has no column subCategory; its columns are id, name"),
        (b"id,subCategory\n1,Bags\n2,Bags\n1,Shoes\n", "has the id 1 twice, in lines 2 and 4"),
    ],
)
def test_unusable_tables_are_refused(data: bytes, message: str) -> None:
    """A table that cannot be used is an error that names the file and what is wrong."""
    with pytest.raises(CatalogueError, match=r"styles\.csv") as error:
        read_styles(data, "subCategory", "styles.csv")
    assert message in str(error.value)
