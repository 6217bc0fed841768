"""Section: which hyperparameters won, how sure that is, and which of them matter."""

from job.report.blocks import Cell, figure, paragraph, section, strong, table
from job.report.figures.every import DEPENDENCE, IMPORTANCE, PAIRS
from job.report.markup import Markup
from job.report.results import TrialResult
from job.report.view import View
from job.report.words import NBSP, NONE, PARAMETERS, count, listed, parameter, percent
from job.search.surrogate import LEAST_TRIALS

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
        f" Its validation {view.objective_name} is {view.score(winner.value)}, after epoch {winner.best_epoch} of "
        f"{len(winner.epochs)}.",
    )
    children = [lead, _certainty(view), _winner_table(view, winner), _runners_up(view)]
    drawn = [figure(view, each) for each in (IMPORTANCE, DEPENDENCE, PAIRS)]
    if not any(drawn):
        drawn = [
            paragraph(
                f"How much each hyperparameter matters is said from {LEAST_TRIALS} trials with different values on."
            )
        ]
    return section("hyperparameters", "Which hyperparameters are best, and how sure is that?", *children, *drawn)


def _certainty(view: View) -> Markup:
    found = view.within_noise()
    if found is None:
        if len(view.complete) < 2:  # noqa: PLR2004 -- a winner and another
            return Markup()
        (_, best), (second, value) = view.complete[:2]
        return paragraph(
            f"The next best, trial {second.number}, has {view.score(value)}; the winner's value is {view.score(best)}. "
            "Both are the best of several epochs on the same validation photos, so a small difference means little."
        )
    near, (low, high) = found
    photos = sum(row.validation for row in view.run.dataset.classes)
    interval = f"({percent(low)} to {percent(high)}, {count(photos, 'validation photo')})"
    if not near:
        return paragraph(f"No other trial is within the 95{NBSP}% interval of its value {interval}.")
    lies, them = ("lies", "it") if len(near) == 1 else ("lie", "them")
    return paragraph(
        strong(f"{count(len(near), 'other trial')} {lies} within the 95{NBSP}% interval of its value"),
        f" {interval}: the validation part cannot tell {them} from the winner. Where their hyperparameters differ "
        "widely, the choice matters little.",
    )


def _winner_table(view: View, winner: TrialResult) -> Markup:
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
    for trial, value in view.complete[: _RUNNERS_UP + 1]:
        row: list[Cell] = [str(trial.number), view.score(value), str(trial.best_epoch)]
        row += [parameter(trial.params[name]) for name in names]
        if near:
            row.append("winner" if trial is view.winner else "yes" if trial.number in near else "no")
        rows.append(row)
    if len(rows) < 2:  # noqa: PLR2004 -- a winner and another
        return Markup()
    return table("The winner and the runners-up, by validation value", columns, rows, numbers=_numbers(view), marked=0)


def _numbers(view: View) -> list[int]:
    """Return the columns of numbers: the value, the epoch and the ranges."""
    return [1, 2, *(3 + index for index, name in enumerate(view.space.searched) if view.range_of(name))]
