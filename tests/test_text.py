"""Text from outside: what a table's bytes are read as, what is one name, and what can be shown of what is no text."""

import codecs
import json
import unicodedata

import pytest

from job.text import bytes_of, cleaned, decode_table, is_text, likeness, normalised, printable, printable_value


@pytest.mark.parametrize(
    "data",
    [
        "Hüte,鞋子".encode(),
        "Hüte,鞋子".encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + "Hüte,鞋子".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "Hüte,鞋子".encode("utf-16-be"),
    ],
)
def test_each_encoding_that_is_read_gives_the_same_text(data: bytes) -> None:
    """UTF-8 with or without its mark, and UTF-16 of either byte order with one."""
    assert decode_table(data) == "Hüte,鞋子"


@pytest.mark.parametrize("data", [b"H\xfcte", codecs.BOM_UTF16_LE + b"H\0\x00\xd8", codecs.BOM_UTF16_BE + b"\0H\xfc"])
def test_what_is_no_text_is_found_and_can_be_shown(data: bytes) -> None:
    """A byte of another encoding, half a character and a cut-off one are no text, and are written out for people."""
    text = decode_table(data)
    assert not is_text(text)
    assert is_text(printable(text))
    printable(text).encode()
    assert "\\" in printable(text)


def test_the_bytes_of_what_is_no_text_are_those_that_were_read() -> None:
    """An error shows the bytes that stand in the file."""
    assert bytes_of(decode_table(b"\xd0\xac\xd7\xd3")) == b"\xd0\xac\xd7\xd3"
    assert bytes_of(decode_table(codecs.BOM_UTF16_LE + b"\x41\xd8")) == b"\xd8\x41"


def test_another_encoding_with_a_mark_is_named() -> None:
    """UTF-32 begins as UTF-16 does and is no UTF-16."""
    with pytest.raises(ValueError, match="UTF-32"):
        decode_table("id".encode("utf-32"))


def test_both_forms_of_a_name_are_one() -> None:
    """A name that macOS has taken apart is the one that was typed; marks and blanks around a field are none of it."""
    taken_apart = unicodedata.normalize("NFD", "Größe")
    assert taken_apart != "Größe"
    assert normalised(taken_apart) == "Größe"
    assert cleaned(f"\ufeff {taken_apart}\u200b ") == "Größe"


@pytest.mark.parametrize("other", ["BAGS", "Ba gs", "bags\u00a0", "\uff22ags", "B\u200bags"])
def test_what_people_take_for_one_is_alike(other: str) -> None:
    """Case, blanks, width and signs that nobody sees make no difference; other letters do."""
    assert likeness(other) == likeness("Bags")
    assert likeness(other) != likeness("Bugs")


def test_values_of_an_event_are_written_out_at_any_depth() -> None:
    """No lone surrogate is left in a list or dict, and numbers stay what they are."""
    value = printable_value({"a\udce9": ["\udce9", ("\ud800", 3)], "b": None})
    assert value == {"a\\xe9": ["\\xe9", ["\\ud800", 3]], "b": None}
    json.dumps(value, ensure_ascii=False).encode()
