"""Section: what was in the data, and what was left out and why."""

import re
from collections import defaultdict
from collections.abc import Sequence

from job.page.blocks import Cell, facts, figure, folded, paragraph, section, strong, table
from job.page.figures.every import BALANCE
from job.page.markup import Markup
from job.page.view import View
from job.words import count

_SHOWN_IDS = 12
_SAME_REASON = re.compile(r"\d+|'[^']*'|\"[^\"]*\"")


def data(view: View) -> Markup:
    """Return the page's fifth answer."""
    dataset = view.run.dataset
    train, validation, test = (
        sum(getattr(row, part) for row in dataset.classes) for part in ("train", "validation", "test")
    )
    lead = paragraph(
        f"{count(dataset.rows, 'row')} listed, {count(dataset.images, 'photo')} of "
        f"{count(len(dataset.classes), 'class', 'classes')} used: {train:,} to train, {validation:,} to compare "
        f"trials, {test:,} to measure the winner."
    )
    warnings = [paragraph(strong(words)) for words in dataset.warnings()]
    pairs: list[tuple[str, Cell]] = [
        ("catalogue", dataset.uri),
        ("fingerprint", dataset.fingerprint),
        ("left out", count(len(dataset.quarantined), "id")),
        ("excluded classes", count(len(dataset.excluded_classes), "class", "classes")),
        ("repaired rows", count(len(dataset.repaired), "name") + " with unquoted commas re-joined"),
        ("identical photos", count(dataset.duplicate_groups, "group") + ", none across the split"),
    ]
    if dataset.repeated:
        pairs.append(("rows more than once", count(len(dataset.repeated), "row") + ", each time the same"))
    if dataset.companions:
        pairs.append(("passed over", count(dataset.companions, "file") + " that macOS has put beside others"))
    children = (figure(view, BALANCE), _quarantined(view), _excluded(view), _repaired(view))
    return section("data", "What was in the data, and what was left out?", lead, *warnings, facts(pairs), *children)


def _quarantined(view: View) -> Markup:
    items = view.run.dataset.quarantined
    if not items:
        return paragraph("No row or photo was left out.")
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for item in items:
        groups[_SAME_REASON.sub("…", item.reason)].append((item.id, item.reason))
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    rows: list[list[Cell]] = []
    for _, members in ordered:
        reason = members[0][1]
        if any(other != reason for _, other in members):
            reason += ", and the like"
        rows.append([reason, f"{len(members):,}", _ids([identifier for identifier, _ in members])])
    shown = table("Why ids were left out", ["reason", "ids", "which"], rows, numbers=(1,))
    every: list[list[Cell]] = [[item.id, item.reason] for item in items]
    whole = folded(f"All {count(len(items), 'id')} left out", table("Ids left out", ["id", "reason"], every))
    return Markup(shown + whole)


def _excluded(view: View) -> Markup:
    excluded = view.run.dataset.excluded_classes
    if not excluded:
        return Markup()
    least = view.run.settings.get("min_class_images")
    rows: list[list[Cell]] = [[row.name, f"{row.images:,}"] for row in excluded]
    why = f"Classes with fewer than {least} photos" if least is not None else "Classes with too few photos"
    return folded(f"{why}: {len(rows)} excluded", table(why, ["class", "photos"], rows, numbers=(1,)))


def _repaired(view: View) -> Markup:
    repaired = view.run.dataset.repaired
    if not repaired:
        return Markup()
    return folded(f"Rows whose name was re-joined: {len(repaired)}", paragraph(", ".join(repaired)))


def _ids(identifiers: Sequence[str]) -> str:
    more = len(identifiers) - _SHOWN_IDS
    return ", ".join(identifiers[:_SHOWN_IDS]) + (f" and {more:,} more" if more > 0 else "")
