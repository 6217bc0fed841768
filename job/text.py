"""Text from outside: how a table's bytes become text, and how names and labels are compared and shown.

Bytes that are not text stand in a string as lone surrogates (Python's `surrogateescape`), which neither JSON nor a hash
nor a page can hold.
"""

import codecs
import re
import unicodedata
from typing import Any

READ_ENCODINGS = "UTF-8, with or without a byte order mark, or UTF-16 with one"

_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE = "\ufeff\u200b\u2060"  # str.strip leaves these: a byte order mark within a file, zero-width blanks


def decode_table(data: bytes) -> str:
    """Return the text of a table; bytes that are not text become surrogates, which `is_text` finds.

    Raises ValueError for an encoding whose byte order mark is known but which is not read; the message names it.
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise ValueError("UTF-32")
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            whole = len(data) & ~1  # an odd byte: it was cut off within a character
            return data[2:whole].decode(encoding, "surrogatepass") + data[whole:].decode("utf-8", "surrogateescape")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


def is_text(text: str) -> bool:
    """Return whether the text has no lone surrogate."""
    return text.isascii() or _SURROGATE.search(text) is None


def bytes_of(text: str) -> bytes:
    """Return the bytes from which a string with surrogates was decoded."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16-be", "surrogatepass")


def normalised(text: str) -> str:
    """Return the form in which names and labels are compared: NFC, where macOS writes file names in NFD."""
    return unicodedata.normalize("NFC", text)


def cleaned(text: str) -> str:
    """Return a field of a table, `normalised` and without blanks around it."""
    plain = text.strip()
    return plain if plain.isascii() else normalised(plain.strip(_INVISIBLE).strip())


def likeness(text: str) -> str:
    """Return a key that is equal for texts that differ only in case, blanks or normalisation."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in folded if not char.isspace() and unicodedata.category(char) not in {"Cf", "Cc"})


def printable(text: str) -> str:
    r"""Return the text with its lone surrogates written out, `\xe9` for a byte of a name that is no UTF-8."""
    return text if is_text(text) else _SURROGATE.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"  # noqa: PLR2004 -- as PEP 383 has it


def printable_value(value: Any) -> Any:  # noqa: ANN401 -- what a log event holds
    """Return a value of a log event, or a list or dict of such, with `printable` texts in it."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable_value(key): printable_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable_value(item) for item in value]
    return value
