"""Section: where the model fails, by class and photo by photo."""

from job.page.blocks import Cell, figure, folded, paragraph, section, table
from job.page.figures.every import CONFUSION, RECALL
from job.page.markup import Markup, join, tag
from job.page.view import View
from job.records.results import Mistake, Results
from job.words import count, percent

_CONFUSIONS = 10


def failures(view: View) -> Markup:
    """Return the page's fourth answer; nothing for a run that has not been tested."""
    if view.results is None:
        return Markup()
    lead = paragraph(_lead(view.results))
    children = (
        figure(view, RECALL),
        figure(view, CONFUSION),
        _confusions(view.results),
        _gallery(view.results.test.mistakes),
        _class_table(view.results),
    )
    return section("failures", "Where does the model fail?", lead, *children)


def _lead(results: Results) -> str:
    photos = sum(row.support for row in results.test.per_class)
    wrong = photos - sum(results.test.confusion[index][index] for index in range(len(results.test.confusion)))
    if not wrong:
        return f"It names all {count(photos, 'test photo')} right."
    weakest = min((row for row in results.test.per_class if row.support), key=lambda row: row.recall)
    return (
        f"{wrong:,} of {count(photos, 'test photo')} are named wrong. The class with the lowest recall is "
        f"{weakest.name}: {percent(weakest.recall)} of {count(weakest.support, 'photo')}."
    )


def _confusions(results: Results) -> Markup:
    """Return the pairs of classes that are confused most often, where a phone's reader finds them, too."""
    names = [row.name for row in results.dataset.classes]
    matrix = results.test.confusion
    pairs = sorted(
        (-number, names[true], names[predicted], sum(matrix[true]))
        for true in range(len(matrix))
        for predicted, number in enumerate(matrix[true])
        if number and true != predicted
    )[:_CONFUSIONS]
    if not pairs:
        return Markup()
    rows: list[list[Cell]] = [
        [true, predicted, f"{-number:,}", percent(-number / photos)] for number, true, predicted, photos in pairs
    ]
    return table(
        "The most frequent confusions", ["true class", "taken for", "photos", "of its class"], rows, numbers=(2, 3)
    )


def _gallery(mistakes: list[Mistake]) -> Markup:
    if not mistakes:
        return Markup()
    caption = tag(
        "figcaption",
        tag("h3", "Most confidently wrong"),
        tag("p", "Test photos as the model sees them, the surest mistakes first; some are wrong labels rather."),
    )
    items = [tag("li", _photo(mistake)) for mistake in mistakes]
    return tag("figure", caption, tag("ol", *items, class_="gallery"), id="mistakes")


def _photo(mistake: Mistake) -> Markup:
    words = f"Photo {mistake.id}: {mistake.true}, taken for {mistake.predicted}"
    image = tag("img", src=f"data:image/jpeg;base64,{mistake.thumbnail}", alt=words, title=words)
    labels = (
        tag("span", mistake.predicted, class_="wrong"),
        tag("span", f"{percent(mistake.probability)} sure", class_="note"),
        tag("span", tag("span", "is ", class_="note"), mistake.true, class_="right"),
        tag("span", mistake.id, class_="note id"),
    )
    return join((image, *labels))


def _class_table(results: Results) -> Markup:
    rows: list[list[Cell]] = [
        [row.name, percent(row.recall), percent(row.precision), percent(row.f1), f"{row.support:,}"]
        for row in results.test.per_class
    ]
    shown = table(
        "Scores of each class", ["class", "recall", "precision", "F1", "test photos"], rows, numbers=range(1, 5)
    )
    return folded(f"Table of all {count(len(rows), 'class', 'classes')}", shown)
