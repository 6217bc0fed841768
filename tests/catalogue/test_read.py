"""styles.csv: repaired where it is broken in known ways, refused where it is no table of photos."""

import pytest

from job.catalogue.read import Quarantined, Styles, read_styles
from job.errors import CatalogueError
from tests.tiny import HEADER, row


def read(*lines: str, column: str = "subCategory") -> Styles:
    return read_styles("\n".join([HEADER, *lines, ""]).encode(), column, "styles.csv")


def pairs(styles: Styles) -> list[tuple[str, str]]:
    return list(zip(styles.table["id"], styles.table["label"], strict=True))


def test_rows_with_commas_in_the_name_are_rejoined() -> None:
    """A name with one or two unquoted commas costs no row and no field, and its id is reported."""
    styles = read(row("1", "Bags", "Red, white bag"), row("2", "Shoes", "Live,Laugh,Love"), row("3", "Bags"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes"), ("3", "Bags")]
    assert styles.repaired == ("1", "2")
    assert styles.quarantined == ()


def test_stray_quotes_swallow_nothing() -> None:
    """A lone quote, within a name or at its start, does not reach beyond its line."""
    styles = read(row("1", "Bags", 'Tempo 3.5" Short'), row("2", "Shoes", '"Half quoted'), row("3", "Bags"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes"), ("3", "Bags")]


def test_proper_quoting_is_honoured() -> None:
    """A field quoted as RFC 4180 says may hold commas, doubled quotes and line breaks."""
    styles = read(row("1", "Bags", '"Red, ""white"""'), row("2", "Shoes", '"two\nlines"'), row("3", "Bags"))
    assert pairs(styles) == [("1", "Bags"), ("2", "Shoes"), ("3", "Bags")]
    assert styles.rows == 3
    assert styles.repaired == ()


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
    assert styles.quarantined == (
        Quarantined("1", "no value of subCategory"),
        Quarantined("2", "row of 2 fields where the header has 10"),
    )


def test_rows_without_an_id_are_quarantined_by_line() -> None:
    """A row that names no photo is reported by its line number."""
    assert read(row("", "Bags"), row("3", "Bags")).quarantined == (Quarantined("line 2", "row without an id"),)


def test_windows_line_ends_and_a_byte_order_mark_are_read() -> None:
    """A file saved by a spreadsheet on Windows reads like any other."""
    data = ("\ufeff" + "\r\n".join([HEADER, row("1", "Bags"), ""])).encode()
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
