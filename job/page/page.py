"""report.html: one file that asks nothing of anyone, drawn from the results, or from the progress of a run, alone.

It answers, in this order: how good the best model is, which hyperparameters won, what the search did, where the model
fails, what was in the data, and how the run went. Equal input gives equal bytes.
"""

import base64
import hashlib
import json
import string
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from job.page import tables
from job.page.charts import compile_figure, script, shown
from job.page.figures.every import COLUMNS, FIGURES
from job.page.theme import WEIGHTS, font_face, variables
from job.page.timeline import tries_of
from job.page.view import View
from job.records.results import Progress, Results
from job.words import NBSP, NONE, PARAMETERS, count, duration, listed, parameter, percent, significant

REFRESH_SECONDS = 60

COMMON = (
    frozenset(string.printable)
    | frozenset(map(chr, range(0xA0, 0x180)))
    | frozenset("⁻⁰⁴⁵⁶⁷⁸⁹\u2212\u2013\u2026\ufffd")
)
"""Letters of every page, of all of Europe's Latin alphabets, so that the next page takes the same fonts."""


def draw_page(run: Results | Progress) -> bytes:
    """Return the page of a finished run, or of one that goes on, which loads itself again every minute."""
    view = View(run)
    panels = {name: compile_figure(name, view) for name in FIGURES}
    trials = {f"Trial {trial.number}": view.describe(trial) for trial in view.trials}
    charts = {"figures": {name: specs for name, specs in panels.items() if specs}, "trials": shown(trials)}
    data = json.dumps(charts, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    given = {"view": view, "run": run, "column": str(view.settings.get("target_column", "class"))}
    templates = _templates()
    body = templates.get_template("body.html").render(given, panels=panels)
    letters = COMMON | frozenset(body) | frozenset(data)
    filled = {
        "body": body,
        "style": _style(letters, len(run.dataset.classes)),
        "script": script(),
        "data": data.replace("<", "\\u003c").replace(">", "\\u003e"),
    }
    safe = {name: Markup(text) for name, text in filled.items()}  # noqa: S704 -- made here; names in the body are escaped
    return templates.get_template("page.html").render(given, **safe).encode()


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("job.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    filters = (percent, significant, count, duration, listed, parameter)
    environment.filters |= {each.__name__: each for each in filters}
    environment.filters |= {
        "digest": lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode(),
        "in_words": lambda name: PARAMETERS.get(name, name),
        "point": lambda params: ", ".join(f"{PARAMETERS[name]} {parameter(params[name])}" for name in params),
        "how_many": lambda group: f"{len(group[1])} {group[0]}",
        "tries": tries_of,
        "total": lambda seconds: seconds.get("total", 0.0),
    }
    environment.globals |= {"NBSP": NBSP, "NONE": NONE, "columns": COLUMNS, "tables": tables}
    environment.globals["refresh"] = REFRESH_SECONDS
    return environment


def _style(letters: frozenset[str], classes: int) -> str:
    """Return the page's style sheet, with the letters that the page needs."""
    fonts = "".join(font_face(weight, letters) for weight in WEIGHTS)
    dark = f"@media screen and (prefers-color-scheme:dark){{{variables(dark=True)}}}"
    # cells of 14 to 46 pixels; a frame on a phone moves sideways
    matrix = f"#confusion_matrix .plots{{min-width:{140 + 14 * classes}px;max-width:{150 + 46 * classes}px}}"
    return fonts + matrix + variables(dark=False) + dark + files("job.page").joinpath("page.css").read_text("utf-8")
