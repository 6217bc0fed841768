"""The settings as a person reads them: `job --help` and the table in docs/settings.md, from the one definition."""

import re
import textwrap
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from job.settings import Settings, variable_name

_BOUNDS = {Ge: "at least", Gt: "above", Le: "at most", Lt: "below"}
_TABLE = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


@dataclass(frozen=True)
class SettingHelp:
    """One setting: its environment variable, default, allowed values and meaning."""

    variable: str
    default: str
    allowed: str
    meaning: str


def describe_settings() -> list[SettingHelp]:
    """Return every setting, in order of definition."""
    return [
        SettingHelp(variable_name(field), _word(info.default), _allowed(info), info.description or "")
        for field, info in Settings.model_fields.items()
    ]


def _allowed(info: FieldInfo) -> str:
    if info.annotation is bool:
        return "true, false"
    if get_origin(info.annotation) is Literal:
        return ", ".join(get_args(info.annotation))
    bounds = [part for part in info.metadata if type(part) in _BOUNDS]
    return " and ".join(f"{_BOUNDS[type(bound)]} {astuple(bound)[0]}" for bound in bounds)


def _word(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def settings_as_text() -> str:
    """Return the settings as the part of `job --help` that lists them."""
    blocks = []
    for row in describe_settings():
        meaning = row.meaning.replace("`", "") + (f" ({row.allowed})" if row.allowed else "")
        wrapped = textwrap.fill(meaning, width=94, break_on_hyphens=False)
        blocks.append(f"  {row.variable}={row.default}\n{textwrap.indent(wrapped, ' ' * 6)}")
    return "\n".join(blocks)


def settings_as_markdown() -> str:
    """Return the settings as the table in docs/settings.md."""
    lines = ["| variable | default | allowed | meaning |", "|---|---|---|---|"]
    for row in describe_settings():
        default = f"`{row.default}`" if row.default else ""
        meaning = row.meaning.replace("|", "\\|")
        lines.append(f"| `{row.variable}` | {default} | {row.allowed} | {meaning} |")
    return "\n".join(lines) + "\n"


def replace_table(page: str) -> str:
    """Return the page with a new table between its settings markers."""
    return _TABLE.sub(lambda match: match[1] + settings_as_markdown() + match[2], page)


if __name__ == "__main__":  # `make settings`
    path = Path("docs/settings.md")
    path.write_text(replace_table(path.read_text("utf-8")), "utf-8")
