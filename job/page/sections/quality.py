"""Section: how good the best model is; of a run that goes on, how far it is and the best value so far."""

from job.page.blocks import figure, paragraph, section, strong, tile, tiles
from job.page.figures.every import TEST_ACCURACY
from job.page.figures.quality import majority_share
from job.page.markup import Markup, tag
from job.page.view import View
from job.records.results import Results
from job.words import NBSP, count, percent, significant


def quality(view: View) -> Markup:
    """Return the page's first answer."""
    if view.results is not None:
        return _measured(view, view.results)
    repeated, repetitions = view.n_repetitions
    done, planned = len(view.trials) + repeated, max(view.n_planned + repetitions, 1)
    bar = tag(
        "progress",
        f"{done} of {planned}",
        value=done,
        max=planned,
        aria_label="trials done" if not repetitions else "trials and repetitions done",
    )
    children = [
        tag(
            "div",
            paragraph(strong("The run is going on: "), f"{view.progress()} done. ", _refresh()),
            bar,
            class_="running",
            role="status",
        )
    ]
    best = view.winner
    if best is None or best.value is None:
        children.append(paragraph("No trial has trained to the end yet, so there is no best one."))
    else:
        value, what, how = best.value, "best", f"epoch {best.best_epoch} of {len(best.epochs)}"
        if view.chosen is not None and view.chosen.mean is not None:
            value, what, how = view.chosen.mean, "best mean", count(len(view.chosen.values), "other seed")
        words = f"{what} validation {view.objective_name} so far"
        tile_ = tile(view.score(value), words, f"trial {best.number}, {how}")
        to_repeat = f"and {count(repetitions - repeated, 'repetition')} of the best" if repetitions else ""
        left = tile(str(max(view.n_planned - len(view.trials), 0)), "trials to go", to_repeat)
        children.append(tiles(tile_, left))
        children.append(paragraph("The test part is not touched before all trials are done."))
    return section("quality", "How good is it so far?", *children)


def _refresh() -> Markup:
    return tag("span", f"This page loads itself again every 60{NBSP}seconds.", class_="note")


def _measured(view: View, results: Results) -> Markup:
    test = results.test
    low, high = test.accuracy_ci95
    photos = sum(row.support for row in test.per_class)
    share = majority_share(view)
    largest = max(view.run.dataset.classes, key=lambda row: row.test, default=None)
    lead = paragraph(
        strong(f"{percent(test.accuracy)} of {count(photos, 'test photo')} are named right"),
        f" (95{NBSP}% interval {percent(low)} to {percent(high)}). Nothing else in this run saw these photos, and the "
        f"winner did once. Always naming the largest class, {largest.name if largest else ''}, would be right for "
        f"{percent(share)}.",
    )
    numbers = tiles(
        tile(percent(test.accuracy), "accuracy", f"{percent(low)} to {percent(high)}"),
        tile(significant(test.macro_f1), "macro F1", "mean over classes"),
        tile(percent(test.balanced_accuracy), "balanced accuracy", "mean recall over classes"),
        tile(percent(test.top3_accuracy), "top-3 accuracy", "right class among three"),
    )
    return section("quality", "How good is the best model?", lead, figure(view, TEST_ACCURACY), numbers)
