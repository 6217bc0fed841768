"""Section: how the run went: attempts, time, speed, cost, versions and settings."""

import json

from job.page.blocks import Cell, facts, figure, folded, paragraph, section, table
from job.page.figures.every import ATTEMPTS, PHASES
from job.page.markup import Markup
from job.page.view import View
from job.records.run import AttemptRecord
from job.words import NONE, count, duration, moment

_FINISHED = {"complete", "budget_spent"}
_HOUR = 3600.0


def run(view: View) -> Markup:
    """Return the page's sixth answer."""
    how = view.run.run
    worked = sum(attempt.seconds.get("total", 0.0) for attempt in how.attempts)
    environment = how.environment
    cut_short = [each for each in how.attempts if each.outcome not in _FINISHED]
    if view.results is None and cut_short:
        cut_short = cut_short[:-1]  # the last one is at work
    told = f", {len(cut_short)} of which ended before the run did" if cut_short else ""
    lead = paragraph(f"{count(len(how.attempts), 'attempt')}{told}; {duration(worked)} of work.")
    pairs: list[tuple[str, Cell]] = [
        ("device", f"{environment.device}, {environment.precision}"),
        ("speed", NONE if how.images_per_second is None else f"{how.images_per_second:,.0f} training photos a second"),
    ]
    if how.price_per_hour:
        cost = worked / _HOUR * how.price_per_hour
        pairs.append(("cost", f"{cost:,.2f}, at {how.price_per_hour:g} an hour"))
    pairs += [("CPU threads", str(environment.threads)), ("seed", str(view.run.settings.get("seed", NONE)))]
    if environment.source_revision:
        pairs.append(("source revision", environment.source_revision))
    if environment.image:
        pairs.append(("image", environment.image))
    children = (facts(pairs), figure(view, PHASES), figure(view, ATTEMPTS), _attempts(how.attempts))
    return section("run", "How did the run go?", lead, *children, _versions(view), _settings(view))


def _attempts(attempts: list[AttemptRecord]) -> Markup:
    rows: list[list[Cell]] = []
    for number, attempt in enumerate(attempts, start=1):
        seconds = attempt.seconds.get("total")
        rows.append(
            [
                str(number),
                attempt.host or NONE,
                attempt.outcome or "killed, or still at work",
                moment(attempt.started_at),
                NONE if seconds is None else duration(seconds),
                NONE if attempt.trial is None else _last(attempt),
            ]
        )
    if not rows:
        return Markup()
    columns = ["attempt", "host", "how it ended", "started", "worked", "last trial"]
    shown = table("All attempts", columns, rows, numbers=(4, 5))
    return folded(f"Table of {'the attempt' if len(rows) == 1 else f'all {len(rows)} attempts'}", shown)


def _last(attempt: AttemptRecord) -> str:
    """Return the trial, and its repetition, that an attempt worked on last."""
    return f"{attempt.trial}" + (f", repetition {attempt.repetition}" if attempt.repetition else "")


def _versions(view: View) -> Markup:
    rows: list[list[Cell]] = [[name, version] for name, version in view.run.run.environment.versions.items()]
    return folded("Versions", table("Versions", ["package", "version"], rows)) if rows else Markup()


def _settings(view: View) -> Markup:
    rows: list[list[Cell]] = [[name, _plain(value)] for name, value in view.run.settings.items()]
    rows += [[f"search_space.{name}", _plain(value)] for name, value in view.run.search_space.items()]
    return folded("Settings", table("Settings that define the run", ["setting", "value"], rows))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
