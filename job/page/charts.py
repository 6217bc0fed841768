"""Charts as Vega: compiled from Altair's Vega-Lite here, so the page carries no compiler and is open sooner."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import font_roboto
import vl_convert
from altair.utils import schemapi
from markupsafe import Markup

from job.page.figures.every import COLUMNS, FIGURES
from job.page.figures.parts import Panel, Row, Rows
from job.page.theme import CONFIG, in_light
from job.page.view import View

WIDTH = 920
"""Pixels that figures in files are wide."""
_GAP = 36
_NAME = "table{}"
_ZOOM = 2.0  # PNGs are for screens with two pixels for each of CSS's
_IMPORTS = (
    'import {View, parse} from "/npm/vega@6.2.0/+esm";'
    'import {expressionInterpreter} from "/npm/vega-interpreter@2.0.0/+esm";'
)  # modules within vl-convert


def shown(value: Any) -> Any:  # noqa: ANN401 -- all that JSON holds
    """Return a value with a sign in place of what neither HTML nor XML can hold, such as NUL."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        if value.isprintable():
            return value
        return "".join(char if char.isprintable() or char in "\n\xa0" else "\ufffd" for char in value)
    if isinstance(value, dict):
        return {shown(key): shown(each) for key, each in value.items()}
    return [shown(each) for each in value] if isinstance(value, list) else value


@cache
def script() -> str:
    """Return the page's JavaScript: Vega, its interpreter, which needs no eval, and page.js."""
    own = files("job.page").joinpath("page.js").read_text("utf-8")
    return vl_convert.javascript_bundle(f"{_IMPORTS}\n{own}")


def compile_figure(name: str, view: View) -> list[dict[str, Any]]:
    """Return the figure's panels in Vega, each as wide as the element that holds it."""
    with unchecked():
        return [compile_panel(panel) for panel in FIGURES[name](view)]


def compile_panel(panel: Panel, width: float | str = "container") -> dict[str, Any]:
    """Return a panel in Vega, as wide as this with its labels."""
    square = panel.pop("square", False)
    spec = panel | {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}, "config": CONFIG}
    tables: list[list[Row]] = []
    vega: dict[str, Any] = json.loads(_vega(_named(spec, tables)))
    for data in vega["data"]:
        if (name := data["name"]) in map(_NAME.format, range(len(tables))):
            data["values"] = shown(tables[int(name.removeprefix(_NAME[:-2]))])
    if square:
        vega.setdefault("signals", []).append({"name": "height", "update": "width"})
        vega.pop("height", None)
    return vega


@lru_cache(maxsize=256)
def _vega(spec: str) -> str:
    """Compile a chart without its rows; most are the same after the next trial."""
    return json.dumps(vl_convert.vegalite_to_vega(spec))


def _named(spec: Panel, tables: list[list[Row]]) -> str:
    """Return a chart's JSON, with a name in place of each table, which is appended to `tables`."""

    def name(table: Rows) -> str:
        if table.rows not in tables:
            tables.append(table.rows)
        return _NAME.format(tables.index(table.rows))

    return json.dumps(shown(spec), default=name)


def draw_figure(name: str, view: View) -> tuple[bytes, bytes] | None:
    """Return a figure as SVG and PNG in the light palette, or None where there is nothing to show.

    Roboto draws them, so they are the same on every machine; it has Latin, Greek and Cyrillic.
    """
    with unchecked():
        panels = FIGURES[name](view)
    if not panels:
        return None
    legend = [panels.pop(0) | {"width": 220}] if name == "pair_dependence" else []
    columns = min(COLUMNS[name], len(panels))
    width = (WIDTH - (columns - 1) * _GAP) // columns - 90  # less what the labels take
    for panel in panels:
        panel.update({"width": width} | ({"height": width} if panel.pop("square", False) else {}))
    body = {"concat": panels, "columns": columns, "spacing": _GAP} if len(panels) > 1 else panels[0]
    svg = draw_svg({"vconcat": [*legend, body], "spacing": _GAP} if legend else body)
    return svg, vl_convert.svg_to_png(svg.decode(), scale=_ZOOM)


def draw_svg(spec: Panel) -> bytes:
    """Return a chart as an SVG in the light palette."""
    _register_fonts()
    tables: list[list[Row]] = []
    named = json.loads(_named(spec | {"config": CONFIG | {"background": "var(--paper)", "padding": 20}}, tables))
    named["datasets"] = {_NAME.format(at): shown(rows) for at, rows in enumerate(tables)}
    return vl_convert.vegalite_to_svg(in_light(json.dumps(named))).encode()


@contextmanager
def unchecked() -> Iterator[None]:
    """Let Altair build charts without checking each part against its schema, which takes longer than all the rest."""
    with schemapi.debug_mode(arg=False):
        yield


@cache
def _register_fonts() -> None:
    vl_convert.register_font_directory(font_roboto.font_directory)
