"""report.html: one file that asks nothing of anyone, drawn from the results, or from the progress of a run, alone.

It answers, in this order: how good the best model is, which hyperparameters won, what the search did, where the model
fails, what was in the data, and how the run went. Equal input gives equal bytes.
"""

import base64
import hashlib
import string
from functools import cache
from importlib.resources import files

from job.page.font import WEIGHTS, Weight, woff
from job.page.markup import Markup, join, tag
from job.page.palette import DARK, HOVER, LIGHT, SHAPES, figure_style, page_variables
from job.page.sections.data import data
from job.page.sections.failures import failures
from job.page.sections.hyperparameters import hyperparameters
from job.page.sections.quality import quality
from job.page.sections.run import run
from job.page.sections.search import search
from job.page.view import View
from job.records.results import Progress, Results
from job.words import count

REFRESH_SECONDS = 60

_SECTIONS = {
    "quality": ("Quality", quality),
    "hyperparameters": ("Hyperparameters", hyperparameters),
    "search": ("Search", search),
    "failures": ("Failures", failures),
    "data": ("Data", data),
    "run": ("Run", run),
}


def draw_page(results: Results | Progress) -> bytes:
    """Return the page of a finished run, or of one that goes on, which loads itself again every minute."""
    view = View(results)
    drawn = {name: draw(view) for name, (_, draw) in _SECTIONS.items()}
    body = join(
        (
            _header(view, [name for name, markup in drawn.items() if markup]),
            tag("main", *drawn.values(), id="main"),
            _footer(view),
        )
    )
    style = _style(body)
    policy = (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}'; img-src data:; font-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", http_equiv="refresh", content=str(REFRESH_SECONDS)) if view.results is None else Markup(),
        tag("link", rel="icon", href="data:,"),
        tag("title", _title(view)),
        tag("style", style),
    )
    return ("<!DOCTYPE html>\n" + tag("html", head, tag("body", body), lang="en") + "\n").encode()


def _title(view: View) -> str:
    column = str(view.run.settings.get("target_column", "class"))
    if view.results is None:
        return f"Running, {view.progress()}: {column}"
    return f"Results of {count(len(view.trials), 'trial')}: {column}"


def _header(view: View, names: list[str]) -> Markup:
    dataset = view.run.dataset
    column = str(view.run.settings.get("target_column", "class"))
    line = f"ResNet18, {count(dataset.images, 'photo')} of {count(len(dataset.classes), 'class', 'classes')}, "
    line += f"{count(len(view.trials), 'trial')}"
    states = {"complete": "", "budget_spent": ", ended by its time budget", "running": " done, running"}
    links = [tag("li", tag("a", _SECTIONS[name][0], href=f"#{name}")) for name in names]
    return tag(
        "header",
        tag("a", "Skip to the results", href="#main", class_="skip"),
        tag("p", "fashiontune-job", class_="kicker"),
        tag("h1", f"Telling {column} from a photo"),
        tag("p", line + states[view.run.status], class_="deck"),
        tag("nav", tag("ul", *links), aria_label="Sections"),
    )


def _footer(view: View) -> Markup:
    source = "results.json" if view.results is not None else "progress.json"
    return tag("footer", tag("p", f"Drawn from {source} alone, which holds every number of this page."))


def _style(body: Markup) -> Markup:
    """Return the page's style sheet, with the letters that the page needs."""
    dark = f":root{{{page_variables(DARK)}}}{figure_style(DARK)}"
    parts = (
        *(_face(body, name, weight) for name, weight in WEIGHTS.items()),
        f":root{{{page_variables(LIGHT)}}}",
        _sheet(),
        SHAPES,
        figure_style(LIGHT),
        HOVER,
        f"@media screen and (prefers-color-scheme:dark){{{dark}}}",
    )
    return Markup("".join(parts))


def _face(body: Markup, name: Weight, weight: int) -> str:
    letters = frozenset(body) | frozenset(string.printable)  # those that are escaped, too
    font = base64.b64encode(woff(name, letters)).decode()
    source = f"url(data:font/woff;base64,{font}) format('woff')"
    return f"@font-face{{font-family:Roboto;font-weight:{weight};src:{source}}}"


@cache
def _sheet() -> str:
    lines = files("job.page").joinpath("page.css").read_text("utf-8").splitlines()
    return "".join(line.strip() for line in lines)


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
