"""The comparison of searches: prices, verdicts, and one that is really replayed."""

import numpy as np
import pytest

from benchmarks.methods import METHODS, NO_GUESS, OURS, SPACE
from benchmarks.peers import PEERS
from benchmarks.replay import Seen, load
from benchmarks.searches import CHOSEN_ON, PLOTTED, PRICES, SEEDS, Outcome, draw, figures, outcomes
from benchmarks.table import FOLDER
from job.search.usual import best_guess


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
    """Methods come in the order of their ranks, each with the paired difference to ours, with and without the guess."""
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, 60).tolist()
    unsure = Outcome(tuple(tuple([(0.05, 0.4 + each)] for each in noise[at : at + 30]) for at in (0, 30)), 1.5)
    found = {
        "worse": outcome(0.5),
        OURS: outcome(0.4),
        "unsure": unsure,
        NO_GUESS: outcome(0.3),
        "better": outcome(0.2),
    }
    told = {each.name: each for each in figures(found, ["one", "two"])}
    assert list(told)[:2] == ["better", NO_GUESS]
    assert list(told)[-1] == "worse"
    assert told["worse"].value == pytest.approx(0.5, abs=0.05)
    assert told["worse"].details["more than ours"] == "+0.100 (+0.100 to +0.100), behind"
    assert told["worse"].details[f"more than {NO_GUESS}"] == "+0.200 (+0.200 to +0.200), behind"
    assert told["better"].details[f"more than {NO_GUESS}"] == "-0.100 (-0.100 to -0.100), ahead"
    assert str(told["unsure"].details["more than ours"]).endswith(", not told apart")
    assert told[OURS].details["more than ours"] == ""
    assert told["better"].details["regret after 1, 2, 4, 8, 16, 20 trials' epochs"] == ", ".join(["20%"] * 6)


def test_tables_that_rules_were_chosen_on_do_not_count_as_held_out() -> None:
    """A method that is better only where it was chosen is not ahead on the others."""
    level, worse, better = (outcome(each).histories[0] for each in (0.4, 0.5, 0.2))
    found = {OURS: Outcome((level, level), 1.5), "chosen": Outcome((better, worse), 1.5)}
    (told,) = (each.details for each in figures(found, [CHOSEN_ON[0], "another"]) if each.name == "chosen")
    assert str(told["more than ours"]).endswith(", ahead")
    assert told["more than ours, held out"] == "+0.100 (+0.100 to +0.100), behind"
    (told,) = (each.details for each in figures(found, CHOSEN_ON[:2]) if each.name == "chosen")
    assert told["more than ours, held out"] == ""


def test_the_plot_names_every_method_that_it_shows() -> None:
    """Peers that are not installed are left out."""
    absent = "Syne Tune MOBSTER"
    there = [name for name in PLOTTED if name != absent]
    assert len(there) == len(PLOTTED) - 1
    svg = draw({name: outcome(0.1 * place) for place, name in enumerate(there)}).decode()
    assert all(name in svg for name in there)
    assert absent not in svg


def test_methods_are_replayed_on_a_recorded_table() -> None:
    """The same seeds on the same halves; one at half its price has the same history, twice as cheap."""
    table = FOLDER / "subCategory-1600.jsonl"
    found = outcomes([table], ["random", OURS], seeds=2)
    assert found.keys() == {"random", OURS, *PRICES}
    assert found["random"].scores.shape == (1, 2)
    assert (found["random, half price"].scores <= found["random"].scores).all()
    assert (found["ours, double price"].scores >= found[OURS].scores).all()
    assert SEEDS >= 50


@pytest.mark.parametrize("name", ["random", "scikit-optimize", "Optuna TPE"])
def test_peers_that_are_given_the_best_guess_begin_with_it(name: str) -> None:
    """They go on as they begin without it."""
    table = load(FOLDER / "gender.jsonl")
    methods = METHODS | PEERS
    given = methods[f"{name}, best guess first"](table, 0)
    first = next(given)
    assert first.what == pytest.approx(best_guess(SPACE))
    row = table.rows[0]
    second = given.send(Seen(0, row.params, row.losses, diverged=False))
    without = next(methods.get(name, PEERS["scikit-optimize as shipped"])(table, 0))
    assert second == without
