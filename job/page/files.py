"""A run's page and figures, drawn and written: when it ends, and again by `job report RUN_URI`."""

from typing import TypeVar

from job.errors import JobError, ObjectMissingError
from job.meter import Meter, silent
from job.page.charts import draw_figure
from job.page.figures.every import EXPORTED
from job.page.page import draw_page
from job.page.view import View
from job.records.record import BadRecordError, Record
from job.records.results import PROGRESS, RESULTS, Progress, Results
from job.storage import Storage, open_storage

PAGE = "report.html"
FOLDER = "figures/"

RecordT = TypeVar("RecordT", bound=Record)


def redraw(uri: str) -> list[str]:
    """Draw the page and the figures of the run at `uri`, a folder or an S3 prefix; return the keys that were written.

    Raises JobError where there is nothing to draw, or what there is cannot be read.
    """
    storage = open_storage(uri)
    found = _read(storage, RESULTS, Results) or _read(storage, PROGRESS, Progress)
    if found is None:
        message = f"there is neither {RESULTS} nor {PROGRESS} at {storage.uri}; give the OUTPUT_URI of a run"
        raise JobError(message)
    return write_report(storage, found)


def write_report(storage: Storage, run: Results | Progress, meter: Meter = silent) -> list[str]:
    """Write the page and the figures beside the results that they are drawn from; return their keys."""
    keys = []
    for name, content, content_type in draw_figures(run, meter):
        storage.put(FOLDER + name, content, content_type=content_type)
        keys.append(FOLDER + name)
    return [*keys, write_page(storage, run)]


def write_page(storage: Storage, run: Results | Progress) -> str:
    """Write the page alone, which takes less time than the figures do; return its key."""
    storage.put(PAGE, draw_page(run), content_type="text/html; charset=utf-8")
    return PAGE


def draw_figures(run: Results | Progress, meter: Meter = silent) -> list[tuple[str, bytes, str]]:
    """Return (name, content, content type) of each main figure that has something to show, for slides and READMEs."""
    view = View(run)
    drawn = {}
    for done, name in enumerate(EXPORTED):
        meter("drawing", done, len(EXPORTED))
        drawn[name] = draw_figure(name, view)
    meter("drawing", len(EXPORTED), len(EXPORTED))
    return [
        (f"{name}.{form}", content, content_type)
        for name, both in drawn.items()
        if both is not None
        for form, content, content_type in zip(("svg", "png"), both, ("image/svg+xml", "image/png"), strict=True)
    ]


def _read(storage: Storage, key: str, record: type[RecordT]) -> RecordT | None:
    try:
        return record.from_json(storage.get(key))
    except ObjectMissingError:
        return None
    except BadRecordError as error:
        message = f"{storage.uri}{key} cannot be drawn: {error}; start the job again, which makes it anew"
        raise JobError(message) from None
