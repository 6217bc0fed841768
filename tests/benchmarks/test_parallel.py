"""Searches with several trials at a time, replayed."""

from dataclasses import replace

import pytest

from benchmarks.parallel import CAP, RULES, next_end, search
from benchmarks.replay import Table, load
from benchmarks.table import FOLDER


@pytest.fixture(scope="module")
def table() -> Table:
    """A dozen rows of a recorded table, far fewer than a search trains."""
    whole = load(FOLDER / "gender.jsonl")
    return Table(whole.rows[:12], whole.epochs)


def test_a_search_that_has_begun_all_rows_goes_on(table: Table) -> None:
    """It begins with the first again, until it has spent its epochs."""
    found = search(table, next_end, 1, 0)
    assert len(found.trials) > len(table.rows)
    assert {id(each.row) for each in found.trials[:12]} == {id(row) for row in table.rows}
    assert found.spent(found.time(CAP)) >= CAP


@pytest.mark.parametrize("rule", RULES)
def test_a_worker_is_never_given_two_trials_at_once(table: Table, rule: str) -> None:
    """At no time do more trials train than there are workers, and equal workers are as busy as the rule lets them."""
    found = search(table, RULES[rule], 4, 0)
    at_work = [sum(each.start.time <= time < each.end for each in found.trials) for time in range(found.time(CAP))]
    assert max(at_work) == 4
    assert (found.busy() == 1.0) is (RULES[rule] is next_end)


def test_what_is_chosen_is_complete_by_then(table: Table) -> None:
    """Before that the regret is 1; then it is that of the best value seen, not of the best true value."""
    found = search(table, next_end, 1, 0)
    first = found.trials[0]
    assert found.regret(table.scale, time=first.end - 1) == 1.0
    assert found.regret(table.scale, time=first.end) == table.scale.regret(first.row.true_loss)
    stopped = replace(found, trials=(replace(first, status="pruned"),))
    assert stopped.regret(table.scale) == 1.0
    whole = [each for each in found.trials if each.status == "complete"]
    best = min(whole, key=lambda each: min(each.losses))
    assert found.regret(table.scale) == table.scale.regret(best.row.true_loss)
