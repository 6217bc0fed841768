"""How much training searches need: methods replayed on tables of real learning curves.

    python -m benchmarks.searches [--ways] [TABLE ...]

A table is a file that `benchmarks/curves.py` has recorded; without any, all whole ones in `benchmarks/tables/` count.
`benchmarks/metric.py` says what a score is, `benchmarks/replay.py` how a method is replayed. Each method is run with 50
seeds on each table, until it has spent the epochs of 20 whole trials; each seed leaves out another half of the rows.

Peers that are not installed are left out; `benchmarks/peers.py` says how to install them. `--ways` compares what was
tried in the job's own search (`benchmarks/ways.py`) in place of the peers.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # a process a core

import altair as alt
import numpy as np

from benchmarks.figure import Figure, print_figures
from benchmarks.methods import METHODS, NO_GUESS, OURS
from benchmarks.metric import Scores, difference, interquartile_mean, interval, ranks, regret_at, score
from benchmarks.peers import PEERS, installed
from benchmarks.replay import Table, load, replay
from benchmarks.table import whole_tables
from benchmarks.ways import WAYS
from job.page.charts import draw_svg, unchecked
from job.page.figures.parts import chart, panel, words

SEEDS = 50
TRIALS = 20
"""Whole trials whose epochs are the budget."""
PRICES = {"random, half price": ("random", 0.5), "ours, double price": (OURS, 2.0)}
"""Methods whose epochs count for less or more than they are: how the aims, in shares of epochs, are tested."""
CHOSEN_ON = ("masterCategory", "subCategory-1600", "subCategory-3200")
"""Tables by which the job's search was chosen; the others are held out."""
AT = (1, 2, 4, 8, 16, 20)
"""Whole trials after whose epochs regrets are told."""
PLOTTED = (
    *("random", "scikit-optimize as shipped", "Optuna TPE", "Syne Tune MOBSTER"),
    *("random, best guess first", NO_GUESS, OURS),
)
PLOT = Path(__file__).with_name("searches.svg")


@dataclass(frozen=True)
class Outcome:
    """What a method came to on all tables."""

    histories: tuple[tuple[list[tuple[float, float]], ...], ...]
    """(tables, seeds): whenever what is chosen changed, the share of the budget spent and the regret."""
    seconds: float
    """Of a replay, on average."""

    @property
    def scores(self) -> Scores:
        """The score of each replay, (tables, seeds)."""
        return np.array([[score(each, first=1 / TRIALS, budget=1.0) for each in table] for table in self.histories])

    def regret(self, share: float) -> float:
        """Return the mean regret once such a share of the budget is spent."""
        return fmean(regret_at(each, share) for table in self.histories for each in table)

    def at_price(self, price: float) -> "Outcome":
        """Return the same with epochs that count for so much."""
        found = tuple(
            tuple([(spent * price, regret) for spent, regret in each] for each in table) for table in self.histories
        )
        return Outcome(found, self.seconds)


def outcomes(paths: Sequence[Path], methods: Sequence[str], seeds: int = SEEDS) -> dict[str, Outcome]:
    """Replay methods on tables, a process a core."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        running = {
            method: [[pool.submit(_replayed, path, method, seed) for seed in range(seeds)] for path in paths]
            for method in methods
        }
        found = {}
        for method, tables in running.items():
            histories = tuple(tuple(future.result()[0] for future in futures) for futures in tables)
            found[method] = Outcome(histories, fmean(each.result()[1] for futures in tables for each in futures))
            print(f"{method}: {interquartile_mean(found[method].scores):.3f}", file=sys.stderr, flush=True)
    for name, (method, price) in PRICES.items():
        if method in found:
            found[name] = found[method].at_price(price)
    return found


def _replayed(path: Path, name: str, seed: int) -> tuple[list[tuple[float, float]], float]:
    warnings.filterwarnings("ignore")  # of peers, on what they will change
    half = _table(path).half(seed)
    budget = TRIALS * half.epochs
    cheapest = min([1.0, *(price for method, price in PRICES.values() if method == name)])
    began = time.process_time()
    history = replay(half, (METHODS | PEERS | WAYS)[name](half, seed), int(budget / cheapest))
    return [(spent / budget, regret) for spent, regret in history], time.process_time() - began


@cache
def _table(path: Path) -> Table:
    return load(path)


def figures(found: Mapping[str, Outcome], tables: Sequence[str]) -> Iterator[Figure]:
    """Yield a figure for each method: its score, and how it compares with the job's own search."""
    rng = np.random.default_rng(0)
    scores = {name: each.scores for name, each in found.items()}
    placed = ranks(scores)
    held_out = [at for at, table in enumerate(tables) if table not in CHOSEN_ON]
    for name in sorted(found, key=placed.__getitem__):
        low, high = interval(scores[name], rng)
        details: dict[str, float | str] = {
            "95 % interval": f"{low:.3f} to {high:.3f}",
            "rank": round(placed[name], 1),
        }
        for base in (OURS, NO_GUESS):
            if base in found:
                details[f"more than {base}"] = _compared(scores[name], scores[base], rng)
                details[f"more than {base}, held out"] = _compared(scores[name][held_out], scores[base][held_out], rng)
        regrets = [f"{found[name].regret(trials / TRIALS):.0%}" for trials in AT]
        details[f"regret after {', '.join(map(str, AT))} trials' epochs"] = ", ".join(regrets)
        details["seconds a search"] = round(found[name].seconds, 1)
        yield Figure(
            name, round(interquartile_mean(scores[name]), 3), None, "score", less_is_better=True, details=details
        )


def _compared(method: Scores, base: Scores, rng: np.random.Generator) -> str:
    """Return by how much a method's score is above another's, the 95 % interval of that, and what it says."""
    if not method.size or np.array_equal(method, base):
        return ""
    more, least, most = difference(method, base, rng)
    verdict = "behind" if least > 0 else "ahead" if most < 0 else "not told apart"
    return f"{more:+.3f} ({least:+.3f} to {most:+.3f}), {verdict}"


def draw(found: Mapping[str, Outcome]) -> bytes:
    """Return an SVG of the mean regret against the epochs spent."""
    lines: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    shown = [(name, hue) for name, hue in zip(PLOTTED, _COLOURS, strict=True) if name in found]
    for name, hue in shown:
        look = {"k": name, "c": hue}
        shares = np.geomspace(1 / TRIALS, 1.0, 60)
        points = [(float(share) * TRIALS, found[name].regret(float(share))) for share in shares]
        lines += [look | {"x": trials, "v": regret} for trials, regret in points]
        ends.append(lines[-1] | {"w": name})
    high = max(each["v"] for each in lines)
    room = high / 18  # for a label
    ends.sort(key=lambda row: row["v"])
    for below, row in pairwise(ends):
        row["v"] = max(row["v"], below["v"] + room)
    scale = alt.Scale(domain=[1, TRIALS], type="log", nice=False)
    x = alt.X("x:Q", title="epochs spent, in whole trials", scale=scale, axis=alt.Axis(values=list(AT), grid=False))
    domain = alt.Scale(domain=[0, high])
    y = alt.Y("v:Q", axis=alt.Axis(title=None, format=".0%"), scale=domain)
    colour = alt.Color("c:N", scale=None)
    title = "Mean regret of what is chosen: 0 % is the best configurations, 100 % the median one"
    with unchecked():
        line = chart(lines).mark_line(strokeWidth=2, interpolate="step-after").encode(x, y, colour, alt.Detail("k:N"))
        labels = words(ends, x, y, align="left", dx=8).encode(colour)
        return draw_svg(panel(line, labels, height=320, title=title) | {"width": 506})


_COLOURS = ("#9aa4b0", "#5d656f", "#c45100", "#8a5fb0", "#009e73", "#56b4e9", "#0072b2")


def main() -> None:
    """Print the figures; draw the plot beside this file when all methods are compared on all tables."""
    parser = argparse.ArgumentParser(description="Compare search methods on recorded learning curves.")
    parser.add_argument("--ways", action="store_true", help="compare what was tried in the job's own search")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("tables", nargs="*", type=Path, metavar="TABLE", help="files of recorded curves")
    options = parser.parse_args()
    methods = [NO_GUESS, *WAYS] if options.ways else [*METHODS, *installed()]
    tables = options.tables or whole_tables()
    found = outcomes(tables, methods, options.seeds)
    if not options.ways and not options.tables:
        PLOT.write_bytes(draw(found))
    print_figures(figures(found, [path.stem for path in tables]))


if __name__ == "__main__":
    main()
