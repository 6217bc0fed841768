"""What several trials at a time win in time and lose in knowledge: searches replayed on a table of learning curves.

    python -m benchmarks.parallel

The table is one of those of `benchmarks/searches.py`, and trained is, as there, the nearest configuration that no trial
has had yet; regrets are those of `benchmarks/metric.py`. Each of q equal workers takes one unit of time for an
epoch, so the clock of `job.search.schedule` is the clock on the wall, and a verdict comes as soon as its epoch has
ended. The job's rule is compared with two simpler ones.
"""

import math
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.figure import Figure, print_figures
from benchmarks.methods import N_INITIAL, RULE, SPACE
from benchmarks.metric import Scale
from benchmarks.replay import Row, Table, load
from benchmarks.table import FOLDER
from job.search.process import Observation
from job.search.schedule import Length, Start, starts
from job.search.suggest import suggest

TABLE = FOLDER / "subCategory-1600.jsonl"
SEEDS = 50
PARALLEL = (1, 4, 8, 16)
CAP = 180
"""Epochs, of all trials together, after which a search is given up."""
EPOCHS = (60, 90, 120, 180)
TIMES = (11, 22, 45, 90, 180)
"""Where regrets are told: epochs spent, and epochs on the clock. After 11, 16 workers have spent 176."""
N_TRIALS = 30
"""A job's trials, unless it is told otherwise."""

Rule = Callable[[Sequence["Trial"], int], Start]


@dataclass(frozen=True)
class Trial:
    """A trial: what was trained, and when."""

    row: Row
    start: Start
    losses: tuple[float, ...]
    status: str
    """Complete, diverged or pruned."""

    @property
    def length(self) -> int:
        """The epochs that it takes; that in which a loss was not finite has no entry among the losses."""
        return len(self.losses) + (self.status == "diverged")

    @property
    def end(self) -> int:
        """When it ends."""
        return self.start.time + self.length

    def spent(self, time: int) -> int:
        """Return the epochs that it has taken by then."""
        return min(max(time - self.start.time, 0), self.length)

    def observed(self, epochs: int | None = None) -> Observation:
        """Return what it tells, once it has ended or after so many epochs."""
        if epochs is not None:
            return Observation(self.row.params, None, self.losses[:epochs], pruned=True)
        loss = min(self.losses) if self.status == "complete" else None
        return Observation(self.row.params, loss, self.losses, pruned=self.status == "pruned")


def next_end(trials: Sequence[Trial], parallel: int) -> Start:
    """Return when the next trial starts by the job's rule: at the next end of an earlier one."""
    return starts([Length(each.length) for each in trials], parallel)[-1]


def in_order(trials: Sequence[Trial], parallel: int) -> Start:
    """Let trial k wait for trials 0 to k - q, and know no other."""
    known = range(max(0, len(trials) - parallel + 1))
    return Start(max((trials[each].end for each in known), default=0), tuple(known))


def in_batches(trials: Sequence[Trial], parallel: int) -> Start:
    """Start q trials at once, when all earlier ones have ended."""
    known = range(len(trials) // parallel * parallel)
    return Start(max((trials[each].end for each in known), default=0), tuple(known))


RULES: dict[str, Rule] = {"": next_end, ", in order": in_order, ", in batches": in_batches}


@dataclass(frozen=True)
class Search:
    """A search's trials, as long as it had spent less than CAP epochs."""

    parallel: int
    trials: tuple[Trial, ...]

    def spent(self, time: int) -> int:
        """Return the epochs that all trials have taken by then."""
        return sum(each.spent(time) for each in self.trials)

    def time(self, epochs: int) -> int:
        """Return when so many epochs have been spent."""
        return next(time for time in range(epochs + 1) if self.spent(time) >= epochs)

    def regret(self, scale: Scale, *, time: float = math.inf, epochs: float = math.inf) -> float:
        """Return the regret of the best trial that is complete by then, with no more than so many epochs spent."""
        ended = [each for each in self.trials if each.status == "complete" and each.end <= time]
        counting = [each for each in ended if self.spent(each.end) <= epochs]
        if not counting:
            return 1.0
        return scale.regret(min(counting, key=lambda each: min(each.losses)).row.true_loss)

    def busy(self) -> float:
        """Return the share of the time until CAP epochs in which workers train."""
        time = self.time(CAP)
        return self.spent(time) / time / self.parallel

    def busy_in_a_job(self) -> float:
        """Return the same for the first N_TRIALS alone, until the last of them ends."""
        trials = self.trials[:N_TRIALS]
        return sum(each.length for each in trials) / max(each.end for each in trials) / self.parallel


def search(table: Table, rule: Rule, parallel: int, seed: int) -> Search:
    """Replay the job's search with so many trials at a time.

    A verdict depends on earlier trials alone, so one trial after the other is replayed to its end.
    """
    trials: list[Trial] = []
    trained: set[int] = set()
    while True:
        start = rule(trials, parallel)
        if len(trials) >= N_TRIALS and sum(each.spent(start.time) for each in trials) >= CAP:
            return Search(parallel, tuple(trials))
        pending = [each for each in range(len(trials)) if each not in start.known]
        params = suggest(
            SPACE,
            seed=seed,
            observations=[trials[each].observed() for each in start.known],
            number=len(trials),
            n_initial=N_INITIAL,
            pending=[trials[each].observed(max(0, start.time - trials[each].start.time - 1)) for each in pending],
            parallel=parallel,
        )
        if len(trained) == len(table.rows):  # a search that stops most trials soon begins all of them
            trained.clear()
        number = table.nearest(params, trained)
        trained.add(number)
        trials.append(_train(table, table.rows[number], start, trials))


def _train(table: Table, row: Row, start: Start, earlier: Sequence[Trial]) -> Trial:
    curves = [each.losses for each in earlier]
    for epoch in range(1, min(len(row.losses), table.epochs - 1) + 1):
        if RULE(curves, row.losses[:epoch], table.epochs):
            return Trial(row, start, row.losses[:epoch], "pruned")
    return Trial(row, start, row.losses, "complete" if len(row.losses) == table.epochs else "diverged")


def _one(rule: str, parallel: int, seed: int) -> Search:
    return search(load(TABLE), RULES[rule], parallel, seed)


def figures() -> Iterator[Figure]:
    """Yield a figure for each rule and each number of trials at a time: how much less time CAP epochs take."""
    scale = load(TABLE).scale
    cases = [(rule, parallel) for rule in RULES for parallel in PARALLEL if parallel > 1 or not rule]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        running = {case: [pool.submit(_one, *case, seed) for seed in range(SEEDS)] for case in cases}
        for (rule, parallel), futures in running.items():
            found = [future.result() for future in futures]
            details: dict[str, float | int | str] = {
                "busy": _mean([100 * each.busy() for each in found], 1, "%"),
                f"busy_in_{N_TRIALS}_trials": _mean([100 * each.busy_in_a_job() for each in found], 1, "%"),
            }
            for epochs in EPOCHS:
                regrets = [100 * each.regret(scale, epochs=epochs) for each in found]
                details[f"regret_at_{epochs}_epochs"] = _mean(regrets, 1, "%")
            for time in TIMES:
                if time * parallel <= CAP:
                    regrets = [100 * each.regret(scale, time=time) for each in found]
                    details[f"regret_at_time_{time}"] = _mean(regrets, 1, "%")
            # with one worker, the time is the epochs
            faster = statistics.fmean(each.spent(each.time(CAP)) / each.time(CAP) for each in found)
            yield Figure(f"q = {parallel}{rule}", round(faster, 2), None, "times as fast as q = 1", details=details)


def _mean(values: Sequence[float], digits: int, unit: str = "") -> str:
    """Return the mean of the seeds and its standard error."""
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.fmean(values):.{digits}f}{unit} ± {error:.{digits}f}"


if __name__ == "__main__":
    print_figures(figures())
