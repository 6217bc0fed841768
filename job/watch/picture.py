"""A run in lines of text: a row for each finished trial, what is at work, and how the run stands.

Pure functions of progress.json or results.json and the present time. Lines have 79 columns at most, where a terminal
has 80, and are cut where it has fewer.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from rich.text import Text

from job.records.now import AtWork, Now
from job.records.objective import better
from job.records.results import Final, Progress, Results
from job.records.status import TrialStatus
from job.records.trial import TrialRecord
from job.words import NONE, OBJECTIVES, duration, parameter, score, significant

BEST = "★"
_WIDEST = 79
_BAR, _REST = "━", "─"
_SHORTEST_BAR, _LONGEST_BAR = 4, 40
_FEW = 10  # seconds, which no estimate can tell apart
_MUCH = 1000  # photos a second from which thousands are set apart
_COLUMNS = "{:>6} {:<8} {:>6} {:>8}  {:<9} {:>8} {:>8} {:>8} {:>8}"
_TOP = ("", "", "", "", "", "learning", "", "weight", "")
_STYLES = {
    TrialStatus.COMPLETE: "",
    TrialStatus.PRUNED: "dim",
    TrialStatus.DIVERGED: "yellow",
    TrialStatus.FAILED: "red",
}


class Rows:
    """The rows of trials and repetitions that have ended, each of them once."""

    def __init__(self) -> None:
        self._trials: set[int] = set()
        self._repetitions: dict[int, list[float | None]] = {}

    def new(self, run: Progress | Results) -> list[Text]:
        """Return the rows of what has ended since the last time, beneath a heading at first."""
        objective = str(run.settings["objective"])
        lines = heading(objective) if run.trials and not self._trials else []
        lines += [*rows(run, self._trials), *repeated(run.finals, objective, self._repetitions)]
        self._trials = {trial.number for trial in run.trials}
        self._repetitions = {final.trial: final.values for final in run.finals}
        return lines


def heading(objective: str) -> list[Text]:
    """Return the two lines above the rows of trials."""
    name = OBJECTIVES.get(objective, objective).removesuffix(" accuracy")
    names = ("trial", "status", "epochs", name, "optimizer", "rate", "momentum", "decay", "time")
    return [Text(f" {_COLUMNS.format(*each)}".rstrip(), style="bold") for each in (_TOP, names)]


def rows(run: Progress | Results, shown: Collection[int] = ()) -> list[Text]:
    """Return the rows of all trials but those that are shown already, in the order in which they ended.

    A star marks a trial that is better than all above it.
    """
    objective, epochs = str(run.settings["objective"]), int(run.settings["epochs"])
    found: list[Text] = []
    best: float | None = None
    for trial in sorted(run.trials, key=lambda each: each.timing.ended_at):
        star = trial.value is not None and better(trial.value, best, objective)
        best = trial.value if star else best
        if trial.number not in shown:
            found += _row(trial, objective, epochs, star=star)
    return found


def _row(trial: TrialRecord, objective: str, epochs: int, *, star: bool) -> list[Text]:
    params = trial.params
    words = _COLUMNS.format(
        trial.number,
        trial.status,
        f"{len(trial.epochs)}/{epochs}",
        NONE if trial.value is None else score(trial.value, objective),
        str(params["optimizer"]),
        *(parameter(params[name]) for name in ("learning_rate", "momentum", "weight_decay")),
        clock(trial.timing.total),
    )
    style = "bold green" if star else _STYLES[trial.status]
    row = Text.assemble((BEST if star else " ", style), (words, style))
    return [row, *([Text(f"        {trial.error}", style="dim")] if trial.error else [])]


def repeated(finals: Sequence[Final], objective: str, shown: Mapping[int, Sequence[float | None]]) -> list[Text]:
    """Return a row for each repetition but those that are shown already, whose values are given by trial.

    With Ray a trial's later repetition may end first, and then their places in `values` change.
    """
    found = []
    for final in finals:
        left = list(shown.get(final.trial, []))
        for value in final.values:
            if value in left:
                left.remove(value)
                continue
            told = "not complete" if value is None else score(value, objective)
            found.append(Text(f" {final.trial:>6} again, with another seed: {told}"))
    return found


def at_work(each: AtWork, run: Progress | Results, width: int, *, brief: bool = False) -> list[Text]:
    """Return how far a trial in flight is, in up to three lines, or in one."""
    objective, epochs = str(run.settings["objective"]), run.settings["epochs"]
    worker = "" if each.worker is None else f"worker {each.worker}: "
    before = f"{worker}{each.label}, epoch {each.epoch} of {epochs} "
    after = [f" {each.step}/{each.steps}"]
    if each.images_per_second is not None:
        speed = each.images_per_second
        after.append(f"  {speed:,.0f} photos/s" if speed >= _MUCH else f"  {significant(speed)} photos/s")
    if each.train_loss is not None:
        after.append(f"  loss {significant(each.train_loss)}")
    room = width - 1 - len(before)
    while len(after) > 1 and room - len("".join(after)) < _SHORTEST_BAR:
        after.pop()
    length = max(_SHORTEST_BAR, min(_LONGEST_BAR, room - len("".join(after))))
    first = Text.assemble(" ", (before, "bold"), _bar(each.step, each.steps, length), *after)
    if brief:
        return [first]
    params = each.params
    second = (
        f"   {params['optimizer']}, learning rate {parameter(params['learning_rate'])}, "
        f"momentum {parameter(params['momentum'])}, weight decay {parameter(params['weight_decay'])}"
    )
    third = [] if each.value is None else [f"best so far {score(each.value, objective)}"]
    if each.bar is not None:
        side = "below" if better(1.0, 0.0, objective) else "above"
        third.append(f"pruned after this epoch if {side} {score(each.bar, objective)}")
    return [first, Text(second, style="dim"), *([Text(f"   {', '.join(third)}", style="dim")] if third else [])]


def standing(run: Progress | Results, clock_time: datetime) -> list[Text]:
    """Return how the run stands: trials done, the best so far, the time left, budget, cost and last checkpoint."""
    objective = str(run.settings["objective"])
    done = f"{len(run.trials)} of {run.settings['n_trials']} trials"
    first, second = [done], []
    planned = run.settings.get("final_trials", 0) * run.settings.get("final_seeds", 0)
    if run.finals:
        first.append(f"{sum(len(final.values) for final in run.finals)} of {planned} repetitions")
    if run.best is not None:
        first.append(f"best {score(run.best.value, objective)} (trial {run.best.trial})")
    now = run.now if isinstance(run, Progress) else None
    if now is not None:
        if now.seconds_left:
            first.append(f"about {duration(now.seconds_left)} left" if now.seconds_left >= _FEW else "seconds left")
        if now.seconds_allowed is not None:
            second.append(f"{duration(now.seconds_spent)} of {duration(now.seconds_allowed)} spent")
        if run.run.price_per_hour:
            second.append(f"cost {significant(run.run.price_per_hour * now.seconds_spent / 3600)}")
        written = [each.checkpoint_at for each in now.at_work if each.checkpoint_at is not None]
        if written:
            second.append(f"checkpoint {ago(max(written), clock_time)}")
    return [*_packed(first), *_packed(second)]


def _packed(parts: Sequence[str]) -> list[Text]:
    """Return as few lines as hold these parts."""
    lines: list[str] = []
    for part in parts:
        if lines and len(f"{lines[-1]} · {part}") <= _WIDEST:
            lines[-1] += f" · {part}"
        else:
            lines.append(f" {part}")
    return [Text(line) for line in lines]


def task(name: str, done: int, total: int, width: int) -> Text:
    """Return how much of a task is done."""
    share = f" {100 * done // total if total else 0} %"
    return Text.assemble(" ", (f"{name} ", "bold"), _bar(done, total, min(_LONGEST_BAR, width - 10 - len(name))), share)


def going_on(run: Progress, now: Now, width: int, height: int) -> list[Text]:
    """Return all that is going on: each trial at work, then how the run stands, in at most `height` lines."""
    end = standing(run, now.at)
    whole = [line for each in now.at_work for line in at_work(each, run, width)]
    if len(whole) + len(end) > height:
        whole = [line for each in now.at_work for line in at_work(each, run, width, brief=True)]
    return [*whole[: max(0, height - len(end))], *end]


def clock(seconds: float) -> str:
    """Return a time as a clock shows it, such as 1:05 or 2:00:01."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ago(time: datetime, clock_time: datetime) -> str:
    """Return how long ago something was; clocks of two machines may differ by seconds."""
    return f"{duration(max(0.0, round((clock_time - time).total_seconds())))} ago"


def _bar(done: int, total: int, length: int) -> Text:
    full = length * done // total if total else 0
    return Text.assemble((_BAR * full, "green"), (_REST * (length - full), "dim"))


def cut(line: Text, width: int) -> Text:
    """Return a line that is not longer than `width` columns."""
    short = line.copy()
    short.truncate(width, overflow="ellipsis")
    return short
