"""Every figure of the page, by its name."""

from collections.abc import Callable

from job.page.figures.classes import class_balance, class_recall, confusion_matrix, test_accuracy
from job.page.figures.curves import learning_curves
from job.page.figures.hyperparameters import finals, importance, pair_dependence, partial_dependence
from job.page.figures.parts import Panel
from job.page.figures.run import attempts, phases, workers
from job.page.figures.search import best_value, parallel_coordinates, sampled
from job.page.view import View

FIGURES: dict[str, Callable[[View], list[Panel]]] = {
    draw.__name__: draw
    for draw in (
        *(test_accuracy, finals, importance, partial_dependence, pair_dependence),
        *(best_value, parallel_coordinates, sampled, learning_curves),
        *(class_recall, confusion_matrix, class_balance, phases, workers, attempts),
    )
}
"""What draws a figure's panels; none where there is nothing to show."""

COLUMNS = dict.fromkeys(FIGURES, 1) | {"pair_dependence": 3, "sampled": 4}
COLUMNS |= dict.fromkeys(("partial_dependence", "learning_curves", "class_recall", "class_balance"), 2)
"""Panels side by side on a desk."""

EXPORTED = (
    *("best_value", "parallel_coordinates", "learning_curves", "finals", "partial_dependence", "pair_dependence"),
    *("importance", "confusion_matrix", "class_recall"),
)
"""Those that are also written as files of their own, for slides and READMEs."""
