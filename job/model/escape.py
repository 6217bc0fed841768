"""What users have named (columns, classes, files), made safe to stand in Markdown and YAML."""

import json
import re

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$#!])")


def escape_markdown(text: str) -> str:
    """Return one line in which nothing is markup, in a table's cell, too."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return _SPECIAL.sub(r"\\\1", plain)


def quote_yaml(text: str) -> str:
    """Return a double-quoted YAML string: JSON's strings are such, but for what YAML counts as unprintable."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
