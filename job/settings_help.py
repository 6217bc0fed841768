"""The settings as a person reads them: `job --help` and the table in docs/settings.md, from the one definition."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from job.settings import Settings, variable_name

_BLOCK = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


@dataclass(frozen=True)
class SettingHelp:
    """One setting: its environment variable, default, allowed values and meaning."""

    variable: str
    default: str
    allowed: str
    meaning: str


def describe_settings() -> list[SettingHelp]:
    """Return every setting, in order of definition."""
    rows = []
    for field, info in Settings.model_fields.items():
        if get_origin(info.annotation) is Literal:
            allowed = ", ".join(get_args(info.annotation))
        elif info.annotation is bool:
            allowed = "true, false"
        else:
            allowed = " and ".join(_bounds(info.metadata))
        default = str(info.default).lower() if info.annotation is bool else str(info.default)
        rows.append(SettingHelp(variable_name(field), default, allowed, info.description or ""))
    return rows


def _bounds(metadata: list[object]) -> list[str]:
    bounds = []
    for bound in metadata:
        match bound:
            case Ge(ge=limit):
                bounds.append(f"at least {limit}")
            case Gt(gt=limit):
                bounds.append(f"over {limit}")
            case Le(le=limit):
                bounds.append(f"at most {limit}")
            case Lt(lt=limit):
                bounds.append(f"under {limit}")
    return bounds


def settings_as_text(width: int = 100) -> str:
    """Return the settings as the part of `job --help` that lists them."""
    blocks = []
    for row in describe_settings():
        allowed = f" ({row.allowed})" if row.allowed else ""
        meaning = textwrap.fill(
            row.meaning.replace("`", "") + allowed,
            width,
            initial_indent="      ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        )
        blocks.append(f"  {row.variable}={row.default}\n{meaning}")
    return "\n".join(blocks)


def settings_as_markdown() -> str:
    """Return the settings as the table in docs/settings.md."""
    lines = ["| variable | default | allowed | meaning |", "|---|---|---|---|"]
    for row in describe_settings():
        meaning = row.meaning.replace("|", "\\|")
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.variable}` | {default} | {row.allowed} | {meaning} |")
    return "\n".join(lines) + "\n"


def replace_table(text: str) -> str:
    """Return a document with the table between its settings markers made anew."""
    return _BLOCK.sub(lambda match: match[1] + settings_as_markdown() + match[2], text)


if __name__ == "__main__":  # `make settings`
    path = Path("docs/settings.md")
    path.write_text(replace_table(path.read_text("utf-8")), "utf-8")
