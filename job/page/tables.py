"""The page's tables: what stands in their rows, in words."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from job.page.timeline import tries_of
from job.page.view import Range, View
from job.records.results import Results
from job.records.run import AttemptRecord
from job.records.trial import TrialRecord
from job.words import NONE, PARAMETERS, deviation, duration, listed, moment, parameter, percent

_RUNNERS_UP = 6
_CONFUSIONS = 10
_SHOWN_IDS = 12

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is its heading."""

    caption: str
    columns: Sequence[str]
    rows: Rows
    numbers: Sequence[int] = ()
    """Columns that stand right."""
    trials: Sequence[int] = ()
    """The trial of each row, where rows are trials."""
    marked: int | None = None
    """The trial that stands out."""


def winner_table(view: View) -> Table:
    """Return the winner's hyperparameters beside what was searched."""
    winner = view.winner
    assert winner is not None  # noqa: S101 -- only then it is shown
    columns = ["hyperparameter", "winner", "searched"]
    columns += ["within its interval"] if view.near else []
    shares = len(columns)
    columns += ["importance alone", "with interactions"] if view.run.importance else []
    rows = []
    for name, value in winner.params.items():
        row = [PARAMETERS.get(name, name), parameter(value), _searched(view, name)]
        if view.near:
            row.append(_spread([trial.params[name] for trial in [winner, *view.near]]))
        if view.run.importance:
            share = view.run.importance.get(name)
            row += [percent(share.main, 0), percent(share.total, 0)] if share else [NONE, NONE]
        rows.append(row)
    return Table("The winner's hyperparameters", columns, rows, range(shares, len(columns)))


def _searched(view: View, name: str) -> str:
    space = view.searched.get(name)
    if isinstance(space, Range):
        return f"{parameter(space.low)} to {parameter(space.high)}{', logarithmic' if space.log else ''}"
    return ", ".join(space) if space else "fixed"


def _spread(values: Sequence[float | str]) -> str:
    """Return between which values, or over which names, trials are spread."""
    names = sorted({value for value in values if isinstance(value, str)})
    numbers = [value for value in values if not isinstance(value, str)]
    if names:
        return listed(names)
    low, high = parameter(min(numbers)), parameter(max(numbers))
    return low if low == high else f"{low} to {high}"


def runners_up(view: View) -> Table:
    """Return the winner and the next best trials."""
    near = {trial.number for trial in view.near}
    shown = [pair for rank, pair in enumerate(view.complete) if rank <= _RUNNERS_UP or pair[0] is view.winner]
    rows = []
    for trial, value in shown:
        row = [str(trial.number), view.score(value), str(trial.best_epoch), *_params(trial, view.searched)]
        if near:
            row.append("winner" if trial is view.winner else "yes" if trial.number in near else "no")
        rows.append(row)
    columns = ["trial", view.objective_name, "epoch", *(PARAMETERS[name] for name in view.searched)]
    columns += ["within interval"] if near else []
    numbers = [1, 2, *(3 + at for at, name in enumerate(view.searched) if name in view.ranges)]
    return _of_trials(view, "The winner and the runners-up, by validation value", columns, rows, numbers)


def finals_table(view: View) -> Table:
    """Return the values of the trials that were trained again."""
    rows = [
        [
            str(trial.number),
            NONE if final.mean is None else view.score(final.mean),
            NONE if final.std is None else deviation(final.std, view.objective),
            NONE if trial.value is None else view.score(trial.value),
            view.seeds(final),
        ]
        for trial, final in view.finals
    ]
    columns = ["trial", "mean", "standard deviation", "in the search", "each seed"]
    return _of_trials(view, f"Validation {view.objective_name} with other seeds", columns, rows, (1, 2, 3))


def all_trials(view: View) -> Table:
    """Return every trial."""
    names = list(view.trials[0].params)
    rows = [
        [
            str(trial.number),
            trial.status if trial.error is None else f"{trial.status}: {trial.error}",
            NONE if trial.value is None else view.score(trial.value),
            NONE if trial.best_epoch is None else str(trial.best_epoch),
            str(len(trial.epochs)),
            *_params(trial, names),
            duration(trial.timing.total),
        ]
        for trial in view.trials
    ]
    columns = ["trial", "status", view.objective_name, "best epoch", "epochs", *(PARAMETERS.get(n, n) for n in names)]
    strings = {5 + at for at, name in enumerate(names) if isinstance(view.trials[0].params[name], str)}
    numbers = [at for at in range(2, len(names) + 6) if at not in strings]
    return _of_trials(view, "All trials", [*columns, "time"], rows, numbers)


def _params(trial: TrialRecord, names: Any) -> list[str]:  # noqa: ANN401 -- a list or the keys of a dict
    return [parameter(trial.params[name]) if name in trial.params else NONE for name in names]


def _of_trials(view: View, caption: str, columns: Sequence[str], rows: Rows, numbers: Sequence[int]) -> Table:
    marked = view.winner.number if view.winner else None
    return Table(caption, columns, rows, numbers, trials=[int(row[0]) for row in rows], marked=marked)


def confusions(results: Results) -> Table:
    """Return the pairs of classes that are confused most often, where a phone's reader finds them, too."""
    names = [row.name for row in results.dataset.classes]
    pairs = sorted(
        (-number, names[true], names[predicted], sum(row))
        for true, row in enumerate(results.test.confusion)
        for predicted, number in enumerate(row)
        if number and true != predicted
    )
    rows = [[true, other, f"{-n:,}", percent(-n / photos)] for n, true, other, photos in pairs[:_CONFUSIONS]]
    return Table("The most frequent confusions", ["true class", "taken for", "photos", "of its class"], rows, (2, 3))


def classes(results: Results) -> Table:
    """Return the scores of each class."""
    rows = [
        [row.name, percent(row.recall), percent(row.precision), percent(row.f1), f"{row.support:,}"]
        for row in results.test.per_class
    ]
    return Table("Scores of each class", ["class", "recall", "precision", "F1", "test photos"], rows, range(1, 5))


def reasons(view: View) -> Table:
    """Return why ids were left out, the most frequent kind of reason first."""
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for item in view.run.dataset.quarantined:
        groups[item.kind or item.reason].append((item.id, item.reason))
    rows = []
    for kind, members in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        ids, reason = [identifier for identifier, _ in members], members[0][1]
        if any(other != reason for _, other in members):
            reason = f"{kind.replace('_', ' ')}, for instance: {reason}"
        more = f" and {len(ids) - _SHOWN_IDS:,} more" if len(ids) > _SHOWN_IDS else ""
        rows.append([reason, f"{len(ids):,}", ", ".join(ids[:_SHOWN_IDS]) + more])
    return Table("Why ids were left out", ["reason", "ids", "which"], rows, (1,))


def attempts(view: View) -> Table:
    """Return every attempt."""
    columns = ["attempt", "host", "device", "how it ended", "started", "worked", "last trial"]
    rows = [
        [
            str(number),
            attempt.host or NONE,
            str(attempt.device) if attempt.device else NONE,
            attempt.outcome or "killed, or still at work",
            moment(attempt.started_at),
            duration(attempt.seconds["total"]) if "total" in attempt.seconds else NONE,
            _last(attempt),
        ]
        for number, attempt in enumerate(view.run.run.attempts, start=1)
    ]
    return Table("All attempts", columns, rows, (5, 6))


def tries(view: View) -> Table:
    """Return who trained which steps of which trial."""
    columns = ["trial", "repetition", "worker", "host", "device", "from step", "how it ended", "started", "lasted"]
    rows = [
        [
            str(each.work.trial),
            NONE if each.work.repetition is None else str(each.work.repetition),
            str(each.work.worker),
            each.work.host,
            str(each.work.device),
            f"{each.work.step:,}",
            each.ending,
            moment(each.work.started_at),
            each.lasted,
        ]
        for each in tries_of(view)
    ]
    return _of_trials(view, "Who trained what", columns, rows, (2, 5, 8))


def _last(attempt: AttemptRecord) -> str:
    """Return the trial, and its repetition, that an attempt worked on last."""
    if attempt.trial is None:
        return NONE
    return f"{attempt.trial}" + (f", repetition {attempt.repetition}" if attempt.repetition else "")


def settings(view: View) -> Table:
    """Return the settings that define the run."""
    values = view.settings | {f"search_space.{name}": value for name, value in view.run.search_space.items()}
    rows = [[name, v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)] for name, v in values.items()]
    return Table("Settings that define the run", ["setting", "value"], rows)


def left_out(view: View) -> Table:
    """Return every id that was left out."""
    return Table("Ids left out", ["id", "reason"], [[item.id, item.reason] for item in view.run.dataset.quarantined])


def excluded(view: View, caption: str) -> Table:
    """Return the classes with too few photos."""
    rows = [[row.name, f"{row.images:,}"] for row in view.run.dataset.excluded_classes]
    return Table(caption, ["class", "photos"], rows, (1,))


def versions(view: View) -> Table:
    """Return the versions that the run was made with."""
    return Table("Versions", ["package", "version"], list(view.run.run.environment.versions.items()))
