"""Section: which hyperparameters won, how sure that is, and which of them matter."""

from job.page.blocks import Cell, figure, paragraph, section, strong, table
from job.page.figures.every import DEPENDENCE, FINALS, IMPORTANCE, PAIRS
from job.page.markup import Markup, join
from job.page.view import View
from job.records.trial import TrialRecord
from job.search.surrogate import LEAST_COMPLETE, LEAST_TRIALS
from job.words import NBSP, NONE, PARAMETERS, count, deviation, listed, parameter, percent

_RUNNERS_UP = 6
_SHARES = ("importance alone", "with interactions")


def hyperparameters(view: View) -> Markup:
    """Return the page's second answer."""
    winner = view.winner
    if winner is None or winner.value is None:
        return section("hyperparameters", "Which hyperparameters are best?", paragraph("No trial has a value yet."))
    so_far = "" if view.results else " so far"
    chosen = ", ".join(f"{PARAMETERS.get(name, name)} {parameter(value)}" for name, value in winner.params.items())
    lead = paragraph(
        strong(f"Trial {winner.number} is best{so_far}: {chosen}."),
        f" {'In the search its' if view.chosen else 'Its'} validation {view.objective_name} "
        f"{'was' if view.chosen else 'is'} {view.score(winner.value)}, after epoch {winner.best_epoch} of "
        f"{len(winner.epochs)}.",
    )
    words = [lead, _repeated(view), _certainty(view)]
    children = [*words, _finals(view), _winner_table(view, winner), _runners_up(view)]
    drawn = [figure(view, each) for each in (IMPORTANCE, DEPENDENCE, PAIRS)]
    if not any(drawn):
        drawn = [
            paragraph(
                f"How much each hyperparameter matters is said from {LEAST_TRIALS} trials on, complete or pruned, "
                f"{LEAST_COMPLETE} or more of which are complete with different values."
            )
        ]
    return section("hyperparameters", "Which hyperparameters are best, and how sure is that?", *children, *drawn)


def _certainty(view: View) -> Markup:
    found = view.within_noise()
    if found is None:
        if len(view.complete) < 2 or view.chosen:  # noqa: PLR2004 -- a winner and another
            return Markup()
        (_, best), (second, value) = view.complete[:2]
        return paragraph(
            f"The next best, trial {second.number}, has {view.score(value)}; the winner's value is {view.score(best)}. "
            "Both are the best of several epochs on the same validation photos, so a small difference means little."
        )
    near, (low, high) = found
    photos = sum(row.validation for row in view.run.dataset.classes)
    interval = f"({percent(low)} to {percent(high)}, {count(photos, 'validation photo')})"
    its = "its value in the search" if view.chosen else "its value"
    if not near:
        return paragraph(f"No other trial is within the 95{NBSP}% interval of {its} {interval}.")
    lies, them = ("lies", "it") if len(near) == 1 else ("lie", "them")
    return paragraph(
        strong(f"{count(len(near), 'other trial')} {lies} within the 95{NBSP}% interval of {its}"),
        f" {interval}: the validation part cannot tell {them} from the winner. Where their hyperparameters differ "
        "widely, the choice matters little.",
    )


def _repeated(view: View) -> Markup:
    """Return what training the best trials again with other seeds says of the winner; nothing where none was."""
    if not view.finals:
        return Markup()
    trials = f"the {count(len(view.finals), 'best trial')} of the search"
    best, chosen = view.run.best, view.chosen
    if chosen is None or best is None:
        return paragraph(
            f"Of {trials}, trained again with other seeds, none has a value with each of them yet: the best trial is "
            "the one with the best value of its own."
        )
    seeds = count(len(chosen.values), "other seed")
    among = f", the best mean of {trials}" if len(view.finals) > 1 else ""
    return paragraph(
        strong(f"Trained again with {seeds}, it has a mean validation {view.objective_name} of {view.spread(chosen)}"),
        f"{among}. The model is that of repetition {best.repetition}. What a trial reached in the search does not "
        "count here: the best of many was lucky, too, and promises more than its hyperparameters keep.",
    )


def _finals(view: View) -> Markup:
    """Return the values of the trials that were trained again."""
    if not view.finals:
        return Markup()
    rows: list[list[Cell]] = [
        [
            str(trial.number),
            NONE if final.mean is None else view.score(final.mean),
            NONE if final.std is None else deviation(final.std, view.objective),
            NONE if trial.value is None else view.score(trial.value),
            view.seeds(final),
        ]
        for trial, final in view.finals
    ]
    marked = next((row for row, (_, final) in enumerate(view.finals) if final is view.chosen), None)
    columns = ["trial", "mean", "standard deviation", "in the search", "each seed"]
    shown = table(f"Validation {view.objective_name} with other seeds", columns, rows, numbers=(1, 2, 3), marked=marked)
    return join((figure(view, FINALS), shown))


def _winner_table(view: View, winner: TrialRecord) -> Markup:
    near = (view.within_noise() or ([], None))[0]
    columns = ["hyperparameter", "winner", "searched"]
    if near:
        columns.append("within its interval")
    if view.run.importance:
        columns += _SHARES
    rows: list[list[Cell]] = []
    for name, value in winner.params.items():
        row: list[Cell] = [PARAMETERS.get(name, name), parameter(value), _searched(view, name)]
        if near:
            row.append(_spread([trial.params[name] for trial in [winner, *near]]))
        if view.run.importance:
            share = view.run.importance.get(name)
            row += [percent(share.main, 0), percent(share.total, 0)] if share else [NONE, NONE]
        rows.append(row)
    shares = [index for index, name in enumerate(columns) if name in _SHARES]
    return table("The winner's hyperparameters", columns, rows, numbers=shares)


def _searched(view: View, name: str) -> str:
    dimension = view.space.searched.get(name)
    if dimension is None:
        return "fixed"
    if isinstance(dimension, tuple):
        return ", ".join(dimension)
    suffix = ", logarithmic" if dimension.prior == "log-uniform" else ""
    return f"{parameter(dimension.low)} to {parameter(dimension.high)}{suffix}"


def _spread(values: list[float | str]) -> str:
    """Return between which values, or over which names, trials are spread."""
    names = sorted({value for value in values if isinstance(value, str)})
    numbers = [value for value in values if not isinstance(value, str)]
    if names:
        return listed(names)
    low, high = parameter(min(numbers)), parameter(max(numbers))
    return low if low == high else f"{low} to {high}"


def _runners_up(view: View) -> Markup:
    near = {trial.number for trial in (view.within_noise() or ([], None))[0]}
    names = list(view.space.searched)
    columns = ["trial", view.objective_name, "epoch", *(PARAMETERS[name] for name in names)]
    if near:
        columns.append("within interval")
    rows: list[list[Cell]] = []
    shown = [pair for rank, pair in enumerate(view.complete) if rank <= _RUNNERS_UP or pair[0] is view.winner]
    for trial, value in shown:
        row: list[Cell] = [str(trial.number), view.score(value), str(trial.best_epoch)]
        row += [parameter(trial.params[name]) for name in names]
        if near:
            row.append("winner" if trial is view.winner else "yes" if trial.number in near else "no")
        rows.append(row)
    if len(rows) < 2:  # noqa: PLR2004 -- a winner and another
        return Markup()
    marked = next((row for row, (trial, _) in enumerate(shown) if trial is view.winner), None)
    caption = "The winner and the runners-up, by validation value"
    return table(caption, columns, rows, numbers=_numbers(view), marked=marked)


def _numbers(view: View) -> list[int]:
    """Return the columns of numbers: the value, the epoch and the ranges."""
    return [1, 2, *(3 + index for index, name in enumerate(view.space.searched) if view.range_of(name))]
