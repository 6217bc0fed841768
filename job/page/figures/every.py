"""Every figure of the page, by its name."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from job.page.figures.classes import class_balance, class_recall, confusion_matrix, test_accuracy
from job.page.figures.curves import learning_curves
from job.page.figures.hyperparameters import finals, importance, pair_dependence, partial_dependence
from job.page.figures.parts import Panel
from job.page.figures.run import attempts, phases
from job.page.figures.search import best_value, parallel_coordinates, sampled
from job.page.view import View


@dataclass(frozen=True)
class Figure:
    """A figure of the report; `draw` returns its panels, none where there is nothing to show."""

    title: str
    caption: str
    draw: Callable[[View], list[Panel]]
    columns: int
    """Panels side by side on a desk."""

    @property
    def legend(self) -> bool:
        """Whether the first panel is a scale of colours."""
        return self.draw is pair_dependence


_DRAWN: dict[str, tuple[Callable[[View], list[Panel]], int]] = {
    "test_accuracy": (test_accuracy, 1),
    "finals": (finals, 1),
    "importance": (importance, 1),
    "partial_dependence": (partial_dependence, 2),
    "pair_dependence": (pair_dependence, 3),
    "best_value": (best_value, 1),
    "parallel_coordinates": (parallel_coordinates, 1),
    "sampled": (sampled, 4),
    "learning_curves": (learning_curves, 2),
    "class_recall": (class_recall, 2),
    "confusion_matrix": (confusion_matrix, 1),
    "class_balance": (class_balance, 2),
    "phases": (phases, 1),
    "attempts": (attempts, 1),
}
_WORDS = tomllib.loads(files("job.page").joinpath("captions.toml").read_text("utf-8"))
FIGURES = {name: Figure(**words, draw=_DRAWN[name][0], columns=_DRAWN[name][1]) for name, words in _WORDS.items()}
EXPORTED = (
    *("best_value", "parallel_coordinates", "learning_curves", "finals", "partial_dependence", "pair_dependence"),
    *("importance", "confusion_matrix", "class_recall"),
)
"""Those that are also written as files of their for slides and READMEs."""
