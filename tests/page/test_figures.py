"""Figures: a mark whose place is known stands there in each of them, read by the labels of its axes.

What goes in is results.json alone. Marks are found by their titles, so that a figure that is drawn in another way needs
another `tests.page.drawn` and no other expectation.
"""

import re
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from job.page.charts import unchecked
from job.page.figures.every import FIGURES
from job.page.figures.parts import log_ticks, round_values
from job.page.theme import colours
from job.page.timeline import Ending
from job.page.view import View
from job.records.dataset import ClassCount
from job.records.results import Final, Importance, Results
from job.records.status import DeviceUsed
from job.records.tries import TryRecord
from job.study.results import score_test
from tests.page.drawn import Drawn, drawn
from tests.page.made import START, made_results

CLASSES = ("Topwear", "Shoes", "Bags")
CONFUSION = np.array([[40, 4, 0], [0, 20, 1], [0, 5, 5]])
PARAMS: dict[str, float | str] = {"learning_rate": 0.1, "momentum": 0.8, "weight_decay": 0.01, "optimizer": "nag"}
ACCURACIES = (0.4, 0.6, 0.8, 0.6)
"""Of trial 0 after its epochs."""


def known_results() -> Results:
    """Return results in which trial 0 stands at labels of each axis, and all numbers of the test are known."""
    made = made_results(12, 3, 4, statuses={5: "failed"})
    trials: list[Any] = []
    for trial in made.trials:
        other = {"optimizer": "sgd"} if trial.params["optimizer"] == "nag" else {}
        trials.append(trial.model_copy(update={"params": trial.params | other}))
    epochs = [
        epoch.model_copy(update={"accuracy": accuracy})
        for epoch, accuracy in zip(trials[0].epochs, ACCURACIES, strict=True)
    ]
    trials[0] = trials[0].model_copy(update={"params": PARAMS, "value": 0.8, "best_epoch": 3, "epochs": epochs})
    counts = {"Topwear": (1000, 100, 10), "Shoes": (600, 60, 7), "Bags": (300, 30, 3)}
    classes = [ClassCount(name=name, train=a, validation=b, test=c) for name, (a, b, c) in counts.items()]
    shares = {"momentum": (0.1, 0.2), "learning_rate": (0.4, 0.8)}
    update = {
        "trials": trials,
        "test": score_test(CONFUSION, 70, CLASSES, []),
        "dataset": made.dataset.model_copy(update={"classes": classes}),
        "importance": {name: Importance(main=main, total=total) for name, (main, total) in shares.items()},
    }
    return made.model_copy(update=update)


RESULTS = known_results()


@pytest.fixture(scope="module")
def partial_dependence() -> Drawn:
    return drawn("partial_dependence", RESULTS)


def test_the_test_accuracy_is_a_share_of_the_whole_width() -> None:
    """The red mark stands where the photos that are right end, within its interval."""
    figure = drawn("test_accuracy", RESULTS)
    zero, whole = figure.label("0")[0], figure.label("100 %")[0]
    (dot,) = figure.dots("Test accuracy")
    assert (dot[0] - zero) / (whole - zero) == pytest.approx(65 / 75, abs=0.005)
    (interval,) = figure.lines("Test accuracy")
    shares = [(end - zero) / (whole - zero) for end, _ in interval]
    assert shares == pytest.approx(RESULTS.test.accuracy_ci95, abs=0.005)


def test_a_final_has_its_seeds_beside_its_own_value() -> None:
    """In a trial's row stand its value in the search, then each seed's, and the line is their mean."""
    finals = [Final(trial=0, values=[0.7, 0.9, 0.8], mean=0.8, std=0.1)]
    best = RESULTS.best.model_copy(update={"trial": 0, "repetition": 2})
    figure = drawn("finals", RESULTS.model_copy(update={"finals": finals, "best": best}))
    own, *seeds = figure.dots("Trial 0:")
    for dot, words in zip((own, *seeds), ("80 %", "70 %", "90 %", "80 %"), strict=True):
        assert figure.stands_at(dot, x=words, y="trial 0")
    assert seeds[0][0] < seeds[1][0]
    spread, mean = figure.lines("Trial 0:")
    assert figure.stands_at(mean[0], x="80 %")
    assert [figure.stands_at(end, x=words) for end, words in zip(spread, ("70 %", "90 %"), strict=True)] == [True] * 2


def test_importance_bars_are_as_long_as_the_shares() -> None:
    """The most important one is at the top; the pale bar is its share with interactions, the full one alone."""
    figure = drawn("importance", RESULTS)
    lengths: dict[str, list[float]] = {}
    for name in ("learning rate", "momentum"):
        for (left, top), (right, bottom) in figure.lines(f"{name}: "):
            lengths.setdefault(name, []).append(right - left)
            assert figure.stands_at((left, (top + bottom) / 2), y=name)
    unit = lengths["learning rate"][0] / 0.8
    assert [length / unit for length in lengths["learning rate"]] == pytest.approx([0.8, 0.4], abs=0.01)
    assert [length / unit for length in lengths["momentum"]] == pytest.approx([0.2, 0.1], abs=0.01)
    assert figure.label("learning rate")[1] < figure.label("momentum")[1]


def test_a_trial_stands_at_its_hyperparameters_and_its_value(partial_dependence: Drawn) -> None:
    """In each panel of partial dependence: along the axis at its hyperparameter, upwards at its value."""
    dots = partial_dependence.dots("Trial 0")
    for dot, words in zip(dots, ("0.1", "0.8", "0.01", "nag"), strict=True):
        assert partial_dependence.stands_at(dot, x=words, y="80 %")


def test_a_prediction_stands_at_what_is_predicted(partial_dependence: Drawn) -> None:
    """The curve's own marks are where the titles say, between the labels beside them."""
    shown = next(shape for shape in partial_dependence.shapes if shape.title.startswith("momentum 0.5: "))
    percent = float(shown.title.split()[-2])
    ((x, y),) = shown.points
    low, high = (partial_dependence.label(words)[1] for words in ("60 %", "80 %"))
    assert high < low
    assert y == pytest.approx(low + (percent - 60) / 20 * (high - low), abs=1.5)
    before, after = (partial_dependence.label(words)[0] for words in ("0.4", "0.6"))
    assert before < after
    assert x == pytest.approx((before + after) / 2, abs=1.5)


def test_a_trial_stands_at_each_pair_of_its_hyperparameters() -> None:
    """The first of a pair goes to the right, the second upwards, in the dots as in the surface behind them."""
    figure = drawn("pair_dependence", RESULTS)
    for dot, (x, y) in zip(figure.dots("Trial 0"), (("0.1", "0.8"), ("0.1", "0.01"), ("0.8", "0.01")), strict=True):
        assert figure.stands_at(dot, x=x, y=y)
    left = [shape for shape in figure.shapes if shape.title.startswith("learning rate 0.001 to")]
    lowest, highest = (
        next(shape for shape in left if words in shape.title) for words in ("momentum 0.1 to", "to 0.9: predicted")
    )
    assert figure.stands_at(lowest.points[0], x="0.001")
    assert figure.stands_at(highest.points[0], x="0.001")
    assert max(y for _, y in highest.points) < min(y for _, y in lowest.points)


def test_a_surface_is_darkest_where_it_is_best() -> None:
    """The colour of a cell follows what is predicted in it, whichever way the objective is better."""
    for objective, sign in (("accuracy", 1), ("log_loss", -1)):
        figure = drawn("pair_dependence", made_results(12, 3, 4, objective=objective))
        cells = [shape for shape in figure.shapes if ": predicted " in shape.title]
        shades: dict[int, float] = {}
        for cell in cells:
            step, *_ = re.findall(r"--q(\d+)", cell.style)
            (value,) = re.findall(r"predicted ([\d.]+)", cell.title)
            shades[int(step)] = float(value)
        values = [sign * shades[shade] for shade in sorted(shades)]
        assert values[0] < values[-1]
        assert min(shades) == 0
        assert max(shades) == 23


def test_a_trial_stands_at_its_number_and_its_best_value_so_far_is_a_line() -> None:
    """Better is up, later to the right; what has no value has a row of its own."""
    figure = drawn("best_value", RESULTS)
    (dot,) = figure.dots("Trial 0")
    assert figure.stands_at(dot, x="0", y="80 %")
    (sign,) = figure.dots("Trial 5")
    assert figure.stands_at(sign, y="no value")
    best = max(RESULTS.trials, key=lambda trial: trial.value or 0.0)
    (highest,) = figure.dots(f"Trial {best.number}")
    assert highest[1] < dot[1]
    assert highest[0] > dot[0]


def test_the_best_value_so_far_never_gets_worse() -> None:
    """The line steps from the first value through each better one to the best."""
    with unchecked():
        layers = FIGURES["best_value"](View(RESULTS))[0]["layer"]
    (line,) = [layer for layer in layers if layer["mark"]["type"] == "line"]
    points = [(row["x"], row["v"]) for row in line["data"]["name"].rows]
    values = [value for _, value in points]
    assert points[0] == (0, 0.8)
    assert values == sorted(values)
    assert values[-1] == max(trial.value or 0.0 for trial in RESULTS.trials)
    assert line["mark"]["interpolate"] == "step-after"


def test_a_trials_line_goes_through_its_hyperparameters_to_its_value() -> None:
    """Parallel coordinates: on each axis at its label, and the larger, the higher; without a value, below the axis."""
    figure = drawn("parallel_coordinates", RESULTS)
    (line,) = figure.lines("Trial 0")
    for point, words in zip(line, ("0.1", "0.8", "0.01", "nag", "80.0 %"), strict=True):
        assert figure.stands_at(point, y=words)
    smaller = min(RESULTS.trials, key=lambda trial: float(trial.params["learning_rate"]))
    (other,) = figure.lines(f"Trial {smaller.number}")
    assert line[0][1] < other[0][1] - 100
    (better,) = figure.lines(f"Trial {RESULTS.best.trial}")
    assert better[-1][1] < line[-1][1]
    (without,) = figure.lines("Trial 5")
    assert figure.stands_at(without[-1], y="no value")


def test_the_search_goes_from_the_first_trial_at_the_top_to_the_last() -> None:
    """Where the search looked: each panel has trial 0 at its label and in the first row."""
    figure = drawn("sampled", RESULTS)
    dots, last = figure.dots("Trial 0"), figure.dots("Trial 11")
    for dot, below, words in zip(dots, last, ("0.1", "0.8", "0.01", ""), strict=True):
        assert figure.stands_at(dot, x=words, y="0")
        assert below[1] > dot[1]
    assert figure.label("0.2")[0] < dots[1][0]


def test_a_learning_curve_goes_through_its_epochs() -> None:
    """From epoch to epoch to the right, better up; the losses of the winner are those of the records."""
    figure = drawn("learning_curves", RESULTS)
    (line,) = figure.lines("Trial 0")
    for number, (point, accuracy) in enumerate(zip(line, ACCURACIES, strict=True), 1):
        assert figure.stands_at(point, x=str(number), y=f"{100 * accuracy:.0f} %")
    assert line[2][0] > line[0][0]
    assert line[2][1] < line[0][1]
    winner = RESULTS.trials[RESULTS.best.trial]
    zero, one = figure.label("0")[1], figure.label("1")[1]
    one = next(y for x, y in figure.places("1") if x < figure.label("0")[0] + 20 and y < zero)
    for epoch in winner.epochs:
        for name, loss in (("training", epoch.train_loss), ("validation", epoch.validation_loss)):
            ((x, y),) = figure.dots(f"Epoch {epoch.epoch}: {name} loss")
            assert y == pytest.approx(zero + loss * (one - zero), abs=1.5)
            assert figure.stands_at((x, y), x=str(epoch.epoch))


def test_the_confusion_matrix_has_true_classes_in_rows() -> None:
    """What is taken for what: the true class at the left, the predicted one above, and right is another colour."""
    figure = drawn("confusion_matrix", RESULTS)
    for title, true, predicted, number in (
        ("Topwear taken for Shoes: 4 of 44", "Topwear", "Shoes", "4"),
        ("Shoes taken for Bags: 1 of 21", "Shoes", "Bags", "1"),
        ("Bags taken for Shoes: 5 of 10", "Bags", "Shoes", "5"),
        ("Shoes: 20 of 21", "Shoes", "Shoes", "20"),
    ):
        (((left, top), (right, bottom)),) = figure.lines(title)
        middle = ((left + right) / 2, (top + bottom) / 2)
        assert figure.stands_at(middle, x=predicted, y=true)
        assert figure.stands_at(middle, x=number, y=number)
        assert right - left == pytest.approx(bottom - top, abs=1)
    assert {text for text, _ in figure.words} >= {"rows: true", "columns: predicted"}
    assert {shape.style[:7] for shape in figure.shapes if " taken for " in shape.title} == {"var(--e"}
    assert {shape.style[:7] for shape in figure.shapes if " right (" in shape.title} == {"var(--q"}


def test_a_classs_recall_stands_in_its_row_the_worst_first() -> None:
    """Half of the bags are found: the dot is in the middle, between the ends of its interval."""
    figure = drawn("class_recall", RESULTS)
    (dot,) = figure.dots("Bags: recall 50.0 %")
    ((low, high),) = figure.lines("Bags: recall 50.0 %")
    assert figure.stands_at(dot, x="50 %", y="Bags")
    assert figure.stands_at(dot, y="10")  # its photos
    assert low[0] < dot[0] < high[0]
    assert figure.label("Bags")[1] < figure.label("Topwear")[1] < figure.label("Shoes")[1]


def test_a_classs_photos_stand_in_its_row_the_largest_first() -> None:
    """A dot for each part in its colour, on a logarithmic scale."""
    figure = drawn("class_balance", RESULTS)
    found = {shape.style: shape.points[0] for shape in figure.shapes if shape.title.startswith("Topwear: 1,000 train")}
    for part, words in (("test", "10"), ("validation", "100"), ("train", "1000")):
        (dot,) = (point for style, point in found.items() if f"--{part})" in style)
        assert figure.stands_at(dot, x=words, y="Topwear")
    assert figure.label("Topwear")[1] < figure.label("Shoes")[1] < figure.label("Bags")[1]


def test_parts_of_equal_size_are_both_seen() -> None:
    """Validation and test have the same number of photos as a rule: their dots stand one above the other."""
    figure = drawn("class_balance", made_results(9, 3, 2))
    places = [shape.points[0] for shape in figure.shapes if shape.title.startswith("Shoes: ")]
    assert len({round(y, 1) for _, y in places}) == 3


def test_a_phases_bar_is_as_long_as_it_took() -> None:
    """The longest is at the top, and a bar half as long took half the time."""
    seconds = {"train": 100.0, "fetch": 50.0, "idle": 200.0}
    run = RESULTS.run.model_copy(update={"seconds": seconds})
    figure = drawn("phases", RESULTS.model_copy(update={"run": run}))
    (((left, _), (longest, _)),) = figure.lines("idle:")
    for name, share in (("idle", 1.0), ("train", 0.5), ("fetch", 0.25)):
        (((start, top), (end, bottom)),) = figure.lines(f"{name}:")
        assert (end - start) / (longest - left) == pytest.approx(share, abs=0.01)
        assert figure.stands_at((start, (top + bottom) / 2), y=name)
    assert figure.label("idle")[1] < figure.label("train")[1] < figure.label("fetch")[1]


def test_an_attempt_goes_from_its_start_to_its_end_with_its_trials_in_between() -> None:
    """The first attempt at the top, from 0 to 20 minutes; trial 0 ended a quarter of the way."""
    attempts = list(RESULTS.run.attempts)
    attempts[0] = attempts[0].model_copy(update={"ended_at": START + timedelta(minutes=20)})
    run = RESULTS.run.model_copy(update={"attempts": attempts})
    figure = drawn("attempts", RESULTS.model_copy(update={"run": run}))
    (((start, top), (end, bottom)),) = figure.lines("Attempt 1 on ")
    middle = (top + bottom) / 2
    assert figure.stands_at((start, middle), x="0", y="attempt 1")
    assert figure.stands_at((end, middle), x="20")
    (tick,) = figure.marks("Trial 0, ended")
    assert (tick[0][0] - start) / (end - start) == pytest.approx(0.25, abs=0.01)
    assert figure.label("attempt 1")[1] < figure.label("attempt 2")[1]


def work(trial: int, worker: int, start: float, end: float | None, outcome: str | None = None) -> TryRecord:
    """Return a worker's work, from and to minutes after the start."""
    return TryRecord(
        trial=trial,
        worker=worker,
        host=f"host-{worker}",
        device=DeviceUsed("cpu", None, "float32"),
        started_at=START + timedelta(minutes=start),
        step=1200,
        ended_at=None if end is None else START + timedelta(minutes=end),
        outcome=outcome,
    )


def workers(*timeline: TryRecord) -> Drawn:
    run = RESULTS.run.model_copy(update={"timeline": list(timeline), "attempts": RESULTS.run.attempts[:1]})
    return drawn("workers", RESULTS.model_copy(update={"run": run}))


def test_a_worker_has_a_lane_with_a_bar_for_each_trial_that_it_trained() -> None:
    """From the first start on, a bar goes from its start to its end, says what it is and has its trial's number."""
    figure = workers(work(0, 1, 0, 4, "complete"), work(1, 0, 1, 10, "complete"), work(5, 1, 5, 10, "failed"))
    (((start, top), (end, bottom)),) = figure.lines("Trial 0: complete, 4 min\nWorker 1 on host-1, from step 1,200")
    middle = (top + bottom) / 2
    assert figure.stands_at((start, middle), x="0", y="worker 1")
    assert figure.stands_at((end, middle), x="4")
    assert figure.stands_at(((start + end) / 2, middle), x="0", y="0")
    assert figure.label("worker 0")[1] < figure.label("worker 1")[1]
    colour = {shape.title[:8]: shape.style for shape in figure.shapes}
    assert "--good" in colour["Trial 0:"]
    assert "--accent" in colour["Trial 5:"]
    assert [words for words, _ in figure.words if words in set(Ending)] == ["complete", "failed"]


def test_a_lost_worker_is_crossed_and_a_line_leads_to_where_its_trial_went_on() -> None:
    """The cross stands at the end of its bar, and the line ends where another worker's bar begins."""
    figure = workers(work(1, 0, 0, 10, "complete"), work(0, 1, 0, None), work(2, 1, 4, 10, "complete"))
    assert figure.lines("Trial 0: went on") == []
    figure = workers(work(1, 0, 0, 6, "complete"), work(0, 1, 0, None), work(0, 0, 7, 10, "complete"))
    lost, again = figure.lines("Trial 0: lost")[0], figure.lines("Trial 0: complete")[0]
    (cross,) = figure.dots("Trial 0: lost, up to 7 min")
    ((_, top), (end, bottom)) = lost
    assert cross == pytest.approx((end, (top + bottom) / 2), abs=0.5)
    (line,) = figure.lines("Trial 0: went on with worker 0")
    above, below = sorted((line[0], line[-1]), key=lambda point: point[1])
    assert above == pytest.approx((again[0][0], (again[0][1] + again[1][1]) / 2), abs=0.5)
    assert below == pytest.approx(cross, abs=0.5)


def test_only_so_many_workers_are_drawn_as_a_page_can_hold() -> None:
    """The figure says how many there are, and what leads to others is left out."""
    others = [work(0, 99, 0, None), work(0, 0, 5, 6, "complete"), work(1, 1, 0, None), work(1, 98, 5, 6, "complete")]
    figure = workers(*(work(2, number, 0, 9, "complete") for number in range(100)), *others)
    assert figure.places("The first 40 of 100 workers")
    assert figure.places("worker 39")
    assert not figure.places("worker 40")
    assert figure.lines("Trial 1: went on") == []


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.001, 0.1, [0.001, 0.003, 0.01, 0.03, 0.1]),
        (0.0001, 1, [0.0001, 0.001, 0.01, 0.1, 1]),
        (0.02, 0.04, []),
        (1e-8, 1e8, [1e-8, 1e-5, 0.01, 10.0, 1e4, 1e7]),
    ],
)
def test_logarithmic_ticks_are_few_and_round(low: float, high: float, ticks: list[float]) -> None:
    """Where there are less than two, the library's own take their place."""
    assert log_ticks(low, high) == ticks


def test_round_values_are_between_the_ends_or_around_them() -> None:
    """An axis of ten per cent has steps of two."""
    assert round_values(0.853, 0.934) == [0.86, 0.88, 0.9, 0.92]
    assert round_values(0.853, 0.934, around=True) == [0.84, 0.86, 0.88, 0.9, 0.92, 0.94]
    assert round_values(0.1, 0.9) == [0.2, 0.4, 0.6, 0.8]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_is_written_is_legible(dark: bool) -> None:  # noqa: FBT001 -- pytest's
    """Letters have a contrast of 4.5 to 1 (WCAG AA), and shades grow evenly."""
    found = colours(dark)
    for ground in (found["paper"], found["raised"]):
        for name in ("ink", "muted", "accent", "good"):
            assert contrast(found[name], ground) >= 4.5, (name, ground)
    for name in ("train", "validation", "test"):
        assert contrast(found[name], found["paper"]) >= 4.5, name
    lights = [luminance(found[f"q{step}"]) for step in range(24)]
    assert lights == sorted(lights, reverse=not dark)
