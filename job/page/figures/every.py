"""All figures of the report: what each is called, what it shows in a sentence, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from job.page.figures.attempts import attempts, phases
from job.page.figures.classes import class_balance, class_recall
from job.page.figures.confusion import confusion_matrix
from job.page.figures.curves import learning_curves
from job.page.figures.dependence import importance_bars, pair_dependence, partial_dependence
from job.page.figures.finals import finals
from job.page.figures.parallel import parallel_coordinates
from job.page.figures.quality import test_accuracy
from job.page.figures.trials import best_value, sampled
from job.page.svg import Drawing
from job.page.view import View
from job.words import NBSP

WIDE, NARROW = 920.0, 350.0
"""Widths that figures are drawn for: a desk's screen or paper, and a phone's."""


@dataclass(frozen=True)
class Figure:
    """A figure of the report; `draw` returns None where there is nothing to show."""

    name: str
    title: str
    caption: str
    draw: Callable[[View, float], Drawing | None]


TEST_ACCURACY = Figure(
    "test_accuracy",
    "Photos of the test part that the model names right",
    f"The red mark is the share that is right, with its 95{NBSP}% interval.",
    test_accuracy,
)
FINALS = Figure(
    "finals",
    "The best trials, trained again with other seeds",
    "A dot is a repetition, the upright line their mean, the bar one standard deviation to each side. The ring is the "
    "trial's own value, which the search found and which does not count. Red is the winner.",
    finals,
)
IMPORTANCE = Figure(
    "importance",
    "How much each hyperparameter matters",
    "Share of the variation in the predicted value that is due to it: in full colour alone, pale with interactions. "
    "Functional ANOVA (Sobol' indices) of the Gaussian process fitted to all trials.",
    importance_bars,
)
DEPENDENCE = Figure(
    "partial_dependence",
    "What the search expects along each hyperparameter",
    "Line: the value that the Gaussian process fitted to all trials predicts, the mean over all settings of the "
    "other hyperparameters; band: 80 % of those settings. Dots are the trials, the red one is the winner.",
    partial_dependence,
)
PAIRS = Figure(
    "pair_dependence",
    "What the search expects of two hyperparameters together",
    "The mean over the others; the stronger the colour, the better. Dots are the trials, the red one is the winner.",
    pair_dependence,
)
BEST_VALUE = Figure(
    "best_value",
    "Best value over trials",
    "Dots are trials, the line is the best value so far. Trials without a value: cross diverged, triangle failed, "
    "ring pruned. A small triangle at the edge is a value beyond the scale.",
    best_value,
)
PARALLEL = Figure(
    "parallel_coordinates",
    "Every trial, from hyperparameters to value",
    "One line a trial, the better the stronger its colour; red is the winner, dashed ones have no value.",
    parallel_coordinates,
)
SAMPLED = Figure(
    "sampled",
    "Where the search looked",
    "One dot a trial, the first at the top; the better the stronger its colour. Where dots gather, the search "
    "has settled.",
    sampled,
)
CURVES = Figure(
    "learning_curves",
    "Learning curves",
    "Red is the winner. Blue are trials that the validation part cannot tell from it, dashed ones that did not end.",
    learning_curves,
)
CONFUSION = Figure(
    "confusion_matrix",
    "What is taken for what",
    "Test photos by true class (row) and predicted class (column), largest class first. Blue is right, red is wrong; "
    "the stronger the colour, the larger the share of its row.",
    confusion_matrix,
)
RECALL = Figure(
    "class_recall",
    "Recall of each class",
    f"Share of a class's test photos that are named right, with its 95{NBSP}% interval; the worst first. Classes with "
    "few photos have wide intervals.",
    class_recall,
)
BALANCE = Figure(
    "class_balance",
    "Photos of each class",
    "In each part of the split, on a logarithmic scale; the largest class first.",
    class_balance,
)
PHASES = Figure("phases", "Where the time went", "Summed over all attempts; idle is what nothing accounts for.", phases)
ATTEMPTS = Figure(
    "attempts",
    "Attempts",
    "A bar is one process at work, a tick the end of a trial; grey attempts ended before the run did.",
    attempts,
)

EXPORTED = (BEST_VALUE, PARALLEL, CURVES, FINALS, DEPENDENCE, PAIRS, IMPORTANCE, CONFUSION, RECALL)
"""Those that are also written as files of their own, for slides and READMEs."""
