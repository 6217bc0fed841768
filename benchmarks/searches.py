"""How many epochs of training searches need: methods replayed on a table of real learning curves.

    python -m benchmarks.searches

`benchmarks/curves.jsonl` is the table; `benchmarks/curves.py` says what it holds, and records others. A method proposes
hyperparameters; what is "trained" is the nearest configuration of the table, of the same optimizer, that it has not
trained yet, epoch after epoch, until the method stops it or it is done; the method is told that configuration and its
curve. So every method, like a real one, learns of points where something was measured, pays for every epoch, and never
gets the same measurement twice.
"""

import json
import math
import os
import statistics
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # a process a core

import altair as alt
import numpy as np
from numpy.typing import NDArray
from skopt import Optimizer
from skopt.space import Categorical, Real

from benchmarks.figure import Figure, print_figures
from job.page.charts import draw_svg, unchecked
from job.page.figures.parts import chart, panel, words
from job.search.process import Observation, Params, point
from job.search.pruning import Pruner, stops
from job.search.space import SearchSpace
from job.search.suggest import suggest

TABLE = Path(__file__).with_name("curves.jsonl")
SEEDS = 50
CAP = 200
"""Epochs after which a search is given up."""
WITHIN = {"half_a_point": 0.005, "a_point": 0.01}
"""How near to the table's best counts as having found it, in accuracy."""
N_INITIAL = 8
DEFAULT: Pruner = "median"
SPACE = SearchSpace()


@dataclass(frozen=True)
class Row:
    """A configuration of the table and its losses, 1 - accuracy, one an epoch; fewer than all where it diverged."""

    params: Params
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Table:
    """The recorded curves."""

    rows: tuple[Row, ...]

    @cached_property
    def epochs(self) -> int:
        """The epochs of a whole curve."""
        return max(len(row.losses) for row in self.rows)

    @cached_property
    def best(self) -> float:
        """The lowest loss of a whole curve."""
        return min(min(row.losses) for row in self.rows if len(row.losses) == self.epochs)

    @cached_property
    def _coordinates(self) -> NDArray[np.float64]:
        return np.array([_coordinates(row.params) for row in self.rows])

    def nearest(self, params: Params, trained: set[int]) -> int:
        """Return the nearest row that is not trained yet, of the same optimizer as long as there is one."""
        left = [index for index in range(len(self.rows)) if index not in trained]
        same = [index for index in left if self.rows[index].params["optimizer"] == params["optimizer"]] or left
        distances = ((self._coordinates[same] - _coordinates(params)) ** 2).sum(axis=1)
        return same[int(distances.argmin())]


def _coordinates(params: Params) -> NDArray[np.float64]:
    """Return the place of the three ranges on [0, 1] in their priors."""
    rate, momentum, decay = (float(params[name]) for name in ("learning_rate", "momentum", "weight_decay"))
    return np.array([(math.log10(rate) + 3) / 2, (momentum - 0.1) / 0.8, (math.log10(decay) + 4) / 2])


def read_table() -> Table:
    """Return the recorded curves."""
    lines = [json.loads(line) for line in TABLE.read_text("utf-8").splitlines()]
    return Table(tuple(Row(line["params"], tuple(1 - each for each in line["accuracy"])) for line in lines))


class Search:
    """A method under test; what it is told are configurations of the table."""

    def propose(self) -> Params:
        """Return the hyperparameters that it wants to train next."""
        raise NotImplementedError

    def begin(self, params: Params) -> None:
        """Hear what is trained instead."""

    def stops(self, losses: Sequence[float]) -> bool:
        """Say after an epoch that is not the last whether to stop."""
        del losses
        return False

    def end(self, params: Params, losses: Sequence[float], status: str) -> None:
        """Hear what came of it: complete, diverged or pruned."""


@dataclass
class Random(Search):
    """Random search."""

    seed: int

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def propose(self) -> Params:
        """Return a point of the priors."""
        return point(SPACE, self.rng.random(len(SPACE.searched)))


@dataclass
class Skopt(Search):
    """scikit-optimize as it is shipped: `gp_minimize`'s settings, ten random points first."""

    seed: int

    def __post_init__(self) -> None:
        dimensions = [
            Real(1e-3, 1e-1, prior="log-uniform"),
            Real(0.1, 0.9),
            Real(1e-4, 1e-2, prior="log-uniform"),
            Categorical(["sgd", "adam", "rmsprop", "nag"]),
        ]
        self.optimizer = Optimizer(dimensions, "GP", n_initial_points=10, random_state=self.seed)
        self.worst = 0.0

    def propose(self) -> Params:
        """Return what it asks for."""
        return dict(zip(SPACE.searched, self.optimizer.ask(), strict=True))

    def end(self, params: Params, losses: Sequence[float], status: str) -> None:
        """Tell the lowest loss, of one that diverged the worst one so far."""
        loss = min(losses) if status == "complete" else self.worst
        self.worst = max(self.worst, loss)
        self.optimizer.tell([params[name] for name in SPACE.searched], loss)


@dataclass
class Optuna(Search):
    """Optuna's TPE with a pruner of its own."""

    seed: int
    pruner: str

    def __post_init__(self) -> None:
        import optuna  # noqa: PLC0415 -- the tests replay the job's own search, and need no peer

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        pruners: dict[str, Callable[[], Any]] = {
            "none": optuna.pruners.NopPruner,
            "median": optuna.pruners.MedianPruner,
            "hyperband": partial(optuna.pruners.HyperbandPruner, max_resource=8),
        }
        sampler = optuna.samplers.TPESampler(seed=self.seed)
        self.study = optuna.create_study(study_name=str(self.seed), sampler=sampler, pruner=pruners[self.pruner]())
        self.failed = optuna.trial.TrialState.FAIL
        self.pruned = optuna.trial.TrialState.PRUNED

    def propose(self) -> Params:
        """Ask a trial and give it up: another one trains what the table has."""
        trial = self.study.ask()
        params = _of(trial)
        self.study.tell(trial, state=self.failed)
        return params

    def begin(self, params: Params) -> None:
        """Ask a trial with these parameters."""
        self.study.enqueue_trial(dict(params))
        self.trial = self.study.ask()
        _of(self.trial)

    def stops(self, losses: Sequence[float]) -> bool:
        """Report and ask the pruner."""
        self.trial.report(losses[-1], len(losses))
        return bool(self.trial.should_prune())

    def end(self, params: Params, losses: Sequence[float], status: str) -> None:
        """Tell the lowest loss; one that diverged has failed."""
        del params
        if status == "complete":
            self.study.tell(self.trial, min(losses))
        else:
            self.study.tell(self.trial, state=self.pruned if status == "pruned" else self.failed)


def _of(trial: Any) -> Params:  # noqa: ANN401 -- optuna is not installed where types are checked
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True),
        "momentum": trial.suggest_float("momentum", 0.1, 0.9),
        "weight_decay": trial.suggest_float("weight_decay", 1e-4, 1e-2, log=True),
        "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop", "nag"]),
    }


@dataclass
class Ours(Search):
    """The job's own search."""

    seed: int
    pruner: Pruner
    epochs: int
    prior: Sequence[Sequence[Observation]] = ()
    observations: list[Observation] = field(default_factory=list)

    def propose(self) -> Params:
        """Suggest from all observations, as the job does before each trial."""
        return suggest(
            SPACE,
            seed=self.seed,
            observations=self.observations,
            number=len(self.observations),
            n_initial=N_INITIAL,
            acquisition="EI",
            prior=self.prior,
        )

    def stops(self, losses: Sequence[float]) -> bool:
        """Ask the job's pruner."""
        return stops(self.pruner, [each.curve for each in self.observations], losses, self.epochs)

    def end(self, params: Params, losses: Sequence[float], status: str) -> None:
        """Keep what the job would find in its records."""
        loss = min(losses) if status == "complete" else None
        self.observations.append(Observation(params, loss, tuple(losses), pruned=status == "pruned"))


@dataclass(frozen=True)
class Replay:
    """What a search came to: the epochs spent and the lowest loss of a whole curve so far, after each trial."""

    epochs: tuple[int, ...]
    lowest: tuple[float, ...]

    def epochs_until(self, loss: float) -> float:
        """Return the epochs after which a loss is reached; infinity where it was not."""
        reached = (spent for spent, lowest in zip(self.epochs, self.lowest, strict=True) if lowest <= loss)
        return next(reached, math.inf)

    def lowest_at(self, epochs: int) -> float:
        """Return the lowest loss that so many epochs have found."""
        known = [lowest for spent, lowest in zip(self.epochs, self.lowest, strict=True) if spent <= epochs]
        return known[-1] if known else math.inf


def replay(table: Table, search: Search, cap: int) -> Replay:
    """Run a search on the table until it has spent `cap` epochs or trained every configuration."""
    trained: set[int] = set()
    spent, lowest = 0, math.inf
    history: list[tuple[int, float]] = []
    while spent < cap and len(trained) < len(table.rows):
        number = table.nearest(search.propose(), trained)
        trained.add(number)
        row = table.rows[number]
        search.begin(row.params)
        status = "complete" if len(row.losses) == table.epochs else "diverged"
        seen = 0
        for seen in range(1, len(row.losses) + 1):
            if seen < table.epochs and search.stops(row.losses[:seen]):
                status = "pruned"
                break
        spent += seen + (status == "diverged")  # the epoch in which a loss was not finite has no entry
        losses = row.losses[:seen]
        search.end(row.params, losses, status)
        if status == "complete":
            lowest = min(lowest, *losses)
        history.append((spent, lowest))
    return Replay(*zip(*history, strict=True))


METHODS: dict[str, Callable[[Table, int], Search]] = {
    "random search": lambda _, seed: Random(seed),
    "scikit-optimize as shipped": lambda _, seed: Skopt(seed),
    "Optuna TPE": lambda _, seed: Optuna(seed, "none"),
    "Optuna TPE, MedianPruner": lambda _, seed: Optuna(seed, "median"),
    "Optuna TPE, Hyperband": lambda _, seed: Optuna(seed, "hyperband"),
    "ours, none": lambda table, seed: Ours(seed, "none", table.epochs),
    "ours, median": lambda table, seed: Ours(seed, "median", table.epochs),
    "ours, halving": lambda table, seed: Ours(seed, "halving", table.epochs),
}


@dataclass(frozen=True)
class Outcome:
    """A method's replays, one a seed."""

    method: str
    replays: tuple[Replay, ...]

    def epochs(self, table: Table, share: float, within: float) -> float:
        """Return after how many epochs such a share of the seeds is within so much of the table's best."""
        needed = sorted(each.epochs_until(table.best + within + 1e-9) for each in self.replays)
        return needed[math.ceil(share * len(needed)) - 1]

    def reached(self, table: Table, within: float) -> float:
        """Return the share of seeds that came within so much at all."""
        return statistics.fmean(each.epochs_until(table.best + within + 1e-9) < math.inf for each in self.replays)

    def regret(self, table: Table, epochs: int) -> float:
        """Return the simple regret, a mean over seeds, in points of accuracy; nothing found yet is what chance gets."""
        chance = 0.5
        return 100 * statistics.fmean(min(each.lowest_at(epochs), chance) - table.best for each in self.replays)


def _one(method: str, seed: int) -> Replay:
    warnings.filterwarnings("ignore")  # of peers, on what they will change
    table = read_table()
    return replay(table, METHODS[method](table, seed), CAP)


def outcomes(methods: Sequence[str], seeds: int = SEEDS) -> Iterator[Outcome]:
    """Replay methods, a process a core; yields each as it is done."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        running = {method: [pool.submit(_one, method, seed) for seed in range(seeds)] for method in methods}
        for method, futures in running.items():
            yield Outcome(method, tuple(future.result() for future in futures))


AT = (30, 50, 70, 100, 130, 160, 200)
"""Epochs at which regrets are told."""


def _from_earlier_run(seed: int, *, warm: bool) -> Replay:
    """Search one half of the table, with what a run of 60 epochs on the other half has observed, or without."""
    rows = read_table().rows
    earlier, table = Table(rows[::2]), Table(rows[1::2])
    search = Ours(seed, DEFAULT, table.epochs)
    if warm:
        first = Ours(SEEDS + seed, DEFAULT, earlier.epochs)
        replay(earlier, first, 60)
        search.prior = [first.observations]
    return replay(table, search, AT[-1] // 2)


def warm_start() -> Figure:
    """Return the regret after 50 epochs of searches that were begun from an earlier run, and of those that were not."""
    half = Table(read_table().rows[1::2])
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        regrets: dict[str, float | int | str] = {}
        for name, warm in (("warm", True), ("cold", False)):
            running = [pool.submit(_from_earlier_run, seed, warm=warm) for seed in range(SEEDS)]
            outcome = Outcome(name, tuple(future.result() for future in running))
            regrets |= {f"{name}_regret_at_{epochs}": round(outcome.regret(half, epochs), 2) for epochs in AT[:4]}
    value = float(regrets["warm_regret_at_50"]) - float(regrets["cold_regret_at_50"])
    return Figure("warm start", round(value, 2), 0.0, "points of regret", less_is_better=True, details=regrets)


def figures_of(table: Table, found: Sequence[Outcome]) -> list[Figure]:
    """Return a figure for each method: the epochs that half of the seeds need, its spread and the regrets."""
    listed = []
    for each in found:
        details: dict[str, float | int | str] = {}
        for name, within in WITHIN.items():
            for share in (0.25, 0.5, 0.75, 0.9):
                epochs = each.epochs(table, share, within)
                key = f"epochs_until_{share:.0%}_are_within_{name}"
                details[key] = int(epochs) if math.isfinite(epochs) else f"> {CAP}"
            details[f"seeds_within_{name}"] = f"{each.reached(table, within):.0%}"
        details |= {f"regret_at_{epochs}": round(each.regret(table, epochs), 2) for epochs in AT}
        listed.append(Figure(each.method, round(each.regret(table, CAP // 2), 2), None, "points", details=details))
    return listed


def draw(table: Table, found: Sequence[Outcome]) -> bytes:
    """Return an SVG of the mean best accuracy against the epochs spent."""
    low, high = 0.78, 1 - table.best
    lines: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    for each, (hue, dashes) in zip(found, _STYLES, strict=True):
        look = {"k": each.method, "c": hue, "h": dashes}
        points = [(epochs, high - each.regret(table, epochs) / 100) for epochs in range(16, CAP + 1, 2)]
        lines += [look | {"x": epochs, "v": value} for epochs, value in points if value >= low]
        ends.append(lines[-1] | {"w": each.method})
    room = (high - low) / 18  # for a label
    ends.sort(key=lambda row: -row["v"])
    for above, row in pairwise(ends):
        row["v"] = min(row["v"], above["v"] - room)
    x = alt.X("x:Q", title="epochs of training spent", scale=alt.Scale(domain=[0, CAP]))
    y = alt.Y("v:Q", axis=alt.Axis(title=None, format=".0%"), scale=alt.Scale(domain=[low, high], zero=False))
    colour = alt.Color("c:N", scale=None)
    style = (colour, alt.Detail("k:N"), alt.StrokeDash("h:N", scale=None))
    title = "Best validation accuracy found, mean of 50 seeds"
    with unchecked():
        line = chart(lines).mark_line(strokeWidth=2).encode(x, y, *style)
        labels = words(ends, x, y, align="left", dx=8).encode(colour)
        return draw_svg(panel(line, labels, height=320, title=title) | {"width": 506})


_STYLES = (
    ("#9aa4b0", [1, 0]),
    ("#5d656f", [1, 0]),
    ("#c45100", [1, 0]),
    ("#c45100", [6, 3]),
    ("#c45100", [2, 3]),
    ("#0072b2", [2, 3]),
    ("#0072b2", [6, 3]),
    ("#0072b2", [1, 0]),
)
"""Colour and dashes of each method's line."""


def main() -> None:
    """Print the figures and draw the plot beside the table."""
    table = read_table()
    found = list(outcomes(list(METHODS)))
    TABLE.with_name("searches.svg").write_bytes(draw(table, found))
    print_figures([*figures_of(table, found), warm_start()])


if __name__ == "__main__":
    main()
