"""Why rows have no photos: spreadsheets and copies change ids, which a comparison with photos without a row tells."""

import posixpath
import re
from collections.abc import Callable, Collection

from job.catalogue.locate import PHOTO_EXTENSIONS
from job.text import likeness

_DECIMAL = re.compile(r"(\d+)[.,]0+")
_ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_WRITTEN_OUT = re.compile(r"\\x[0-9a-f]{2}")


def likely_cause(ids: Collection[str], photos: Collection[str]) -> str:
    """Return why `ids` of rows without a photo differ from `photos` without a row, as part of a sentence.

    It is the cause that explains most of them; empty if none is found.
    """
    found = []
    for key_of_id, key_of_photo, words in _CAUSES:
        by_key = {key_of_photo(photo): photo for photo in photos}
        pairs = [(each, by_key[key]) for each in ids if (key := key_of_id(each)) and key in by_key]
        if pairs:
            found.append((len(pairs), words.format(id=pairs[0][0], photo=pairs[0][1])))
    if rounded := [each for each in ids if _ROUNDED.fullmatch(each)]:
        found.append((len(rounded), f"{rounded[0]} was rounded by a spreadsheet; {_AS_TEXT}"))
    if not found and (odd := _in_another_encoding(ids, photos)):
        found.append((len(odd), f"names of photos are in another encoding than UTF-8, such as {odd[0]}; name them so"))
    if not found:
        return ""
    count, cause = max(found, key=lambda each: each[0])
    return f"most likely, {cause}" if count == 1 else f"most likely, {cause} (as {count} ids)"


def _in_another_encoding(ids: Collection[str], photos: Collection[str]) -> list[str]:
    """Return the names that are not UTF-8, and those that zipfile may have read as cp437 if ids have such letters."""
    takes_for_cp437 = any(not each.isascii() for each in ids)
    return [each for each in photos if _WRITTEN_OUT.search(each) or (takes_for_cp437 and not each.isascii())]


def _without_zeros(text: str) -> str:
    return text.lstrip("0")


def _without_decimals(text: str) -> str:
    match = _DECIMAL.fullmatch(text)
    return match[1].lstrip("0") if match else ""


def _without_extension(text: str) -> str:
    stem, extension = posixpath.splitext(posixpath.basename(text))
    return stem if extension.lower() in PHOTO_EXTENSIONS else ""


def _without_marks(text: str) -> str:
    return text.strip("='\"")


def _itself(text: str) -> str:
    return text


_AS_TEXT = "write the ids as text"
_CAUSES: tuple[tuple[Callable[[str], str], Callable[[str], str], str], ...] = (
    (_without_decimals, _without_zeros, f"{{id}} was made a decimal number of {{photo}}; {_AS_TEXT}"),
    (
        _without_zeros,
        _without_zeros,
        f"{{id}} and {{photo}} differ in leading zeros, as by a spreadsheet; {_AS_TEXT}",
    ),
    (_without_marks, _itself, f"{{id}} has a spreadsheet's marks around {{photo}}; {_AS_TEXT}"),
    (_without_extension, _itself, "the id {id} has a file's ending, and the id of its photo is {photo}; leave it out"),
    (likeness, likeness, "the id {id} differs in case, blanks or form from its photo's, {photo}; write them alike"),
)
"""(key of a row's id, key of a photo's id, words if both keys are equal); an empty key is none."""
