"""The comparison of searches: prices, verdicts, and one that is really replayed."""

import numpy as np
import pytest

from benchmarks.methods import OURS
from benchmarks.searches import PLOTTED, PRICES, SEEDS, Outcome, draw, figures, outcomes
from benchmarks.table import FOLDER


def outcome(level: float, tables: int = 2, seeds: int = 30) -> Outcome:
    """Return what a method came to that has about this regret from its first whole trial on."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.2, 0.2, (tables, seeds))
    return Outcome(tuple(tuple([(0.05, level + each)] for each in table) for table in noise.tolist()), 1.5)


def test_epochs_that_count_twice_leave_half_of_the_search() -> None:
    """What is found in the second half of the budget no longer counts, and all else comes later."""
    found = Outcome((([(0.05, 0.5), (0.4, 0.25), (0.6, 0.0)],),), 1.0)
    twice = found.at_price(2.0)
    assert [found.regret(share) for share in (0.05, 0.1, 0.4, 0.8, 1.0)] == [0.5, 0.5, 0.25, 0.0, 0.0]
    assert [twice.regret(share) for share in (0.05, 0.1, 0.4, 0.8, 1.0)] == [1.0, 0.5, 0.5, 0.25, 0.25]
    assert twice.scores > found.scores


def test_a_method_is_behind_only_if_the_interval_says_so() -> None:
    """Methods come in the order of their ranks, each with the paired difference to ours."""
    found = {"worse": outcome(0.5), OURS: outcome(0.4), "the same": outcome(0.4), "better": outcome(0.3)}
    told = {each.name: each for each in figures(found, ["one", "two"])}
    assert list(told) == ["better", OURS, "the same", "worse"]
    assert [each.details.get("verdict") for each in told.values()] == ["ahead", None, "not told apart", "behind"]
    assert told["worse"].value == pytest.approx(0.5, abs=0.05)
    assert told["worse"].details["more than ours"] == "+0.100 (+0.100 to +0.100)"
    assert told["worse"].details["on two"] == "+0.100 (+0.100 to +0.100)"
    assert told["better"].details["regret after 20 trials' epochs"] == "30%"


def test_the_plot_names_every_method_that_it_shows() -> None:
    """Peers that are not installed are left out."""
    svg = draw({name: outcome(0.1 * place) for place, name in enumerate(PLOTTED[1:])}).decode()
    assert all(name in svg for name in PLOTTED[1:])
    assert PLOTTED[0] not in svg.replace(PLOTTED[1], "")


def test_methods_are_replayed_on_a_recorded_table() -> None:
    """The same seeds on the same halves; one at half its price has the same history, twice as cheap."""
    table = FOLDER / "subCategory-1600.jsonl"
    found = outcomes([table], ["random", OURS], seeds=2)
    assert found.keys() == {"random", OURS, *PRICES}
    assert found["random"].scores.shape == (1, 2)
    assert (found["random, half price"].scores <= found["random"].scores).all()
    assert (found["ours, double price"].scores >= found[OURS].scores).all()
    assert SEEDS >= 50
