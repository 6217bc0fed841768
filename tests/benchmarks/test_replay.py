"""Replays: what a method pays for, is told, and is judged by."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from benchmarks.methods import METHODS, OURS, warm_start
from benchmarks.replay import Row, Seen, Table, Train, load, replay
from job.search.space import SearchSpace

PARAMS = [
    {"learning_rate": rate, "momentum": 0.5, "weight_decay": 0.001, "optimizer": optimizer}
    for optimizer in ("sgd", "adam", "nag", "rmsprop")
    for rate in (0.001, 0.003, 0.01, 0.03)
]
TABLE = Table(
    tuple(Row(params, (0.9, 0.8, 0.7, 0.5 + 0.01 * place), 0.5 + 0.01 * place) for place, params in enumerate(PARAMS)),
    epochs=4,
)


def asking(*requests: Train, heard: list[Seen]) -> Generator[Train, Seen]:
    """Make these requests one after the other, and note what came of them."""
    for request in requests:
        seen = yield request
        heard.append(seen)


def test_the_nearest_row_of_the_same_optimizer_is_trained_and_told() -> None:
    """And never the same one twice: the second request for a point gets the next nearest."""
    heard: list[Seen] = []
    wanted = PARAMS[5] | {"momentum": 0.6}
    replay(TABLE, asking(Train(wanted, 4), Train(wanted, 2), Train(wanted, 1), heard=heard), 99)
    assert [each.params for each in heard] == [PARAMS[5], PARAMS[6], PARAMS[4]] or [each.params for each in heard] == [
        PARAMS[5],
        PARAMS[4],
        PARAMS[6],
    ]
    assert [len(each.losses) for each in heard] == [4, 2, 1]


def test_going_on_costs_the_new_epochs_alone() -> None:
    """A trial is chosen once it was trained to its end, at the epochs spent by then."""
    heard: list[Seen] = []
    first = Train(PARAMS[0], 1)
    assert replay(TABLE, asking(first, Train(0, 2), Train(PARAMS[9], 3), Train(0, 4), heard=heard), 99) == [(7, 0.0)]
    assert [each.number for each in heard] == [0, 0, 9, 0]


def test_nothing_counts_beyond_the_budget() -> None:
    """A trial that would end beyond it is not chosen."""
    requests = [Train(PARAMS[15], 4), Train(PARAMS[0], 4)]
    assert [spent for spent, _ in replay(TABLE, asking(*requests, heard=[]), 8)] == [4, 8]
    assert [spent for spent, _ in replay(TABLE, asking(*requests, heard=[]), 7)] == [4]


def test_a_row_that_diverged_is_paid_for_and_never_chosen() -> None:
    """It took the epoch in which its loss was no longer finite, too."""
    table = Table((Row(PARAMS[0], (0.1,), 0.1), *TABLE.rows[1:]), epochs=4)
    heard: list[Seen] = []
    found = replay(table, asking(Train(PARAMS[0], 4), Train(PARAMS[1], 4), heard=heard), 99)
    assert (heard[0].losses, heard[0].diverged) == ((0.1,), True)
    assert [spent for spent, _ in found] == [6]


def test_the_choice_is_worth_its_true_value_and_not_what_the_search_saw() -> None:
    """A lucky curve is chosen, and costs what its second training shows."""
    lucky = Row(PARAMS[15], (0.9, 0.8, 0.7, 0.1), 0.65)
    table = Table((*TABLE.rows[:15], lucky), epochs=4)
    found = replay(table, asking(Train(PARAMS[0], 4), Train(PARAMS[15], 4), heard=[]), 99)
    assert [regret for _, regret in found] == pytest.approx([0.0, 1.0])


def test_halves_share_no_row_and_have_all() -> None:
    """Each seed leaves out another half."""
    first, second = TABLE.half(1), TABLE.half(1).rest
    assert second is not None
    assert len(first.rows) == len(second.rows) == 8
    assert {id(row) for row in (*first.rows, *second.rows)} == {id(row) for row in TABLE.rows}
    assert first != TABLE.half(2)
    assert first == TABLE.half(1)


@pytest.mark.parametrize("name", METHODS)
def test_the_same_seed_gives_the_same_replay(name: str) -> None:
    """And every method spends its budget, or begins every row."""
    found = [replay(TABLE, METHODS[name](TABLE, seed), 40) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0]


def test_what_an_earlier_run_has_seen_shortens_the_search() -> None:
    """A search that is told of an earlier one on the other half of the rows begins with other points."""
    half = TABLE.half(0)
    cold, warm = (replay(half, method(half, 0), 32) for method in (METHODS[OURS], warm_start))
    assert warm != cold


def test_a_recorded_table_is_read_as_its_search_saw_it(tmp_path: Path) -> None:
    """Losses are 1 - accuracy on validation photos; the true one is the repetition's on test photos."""
    space = SearchSpace().to_dict()
    row = {"number": 0, "params": PARAMS[0], "accuracy": [0.25, 0.5], "log_loss": [2.0, 1.0], "seconds": 1.0}
    again = {"accuracy": [0.2, 0.6], "log_loss": [2.0, 1.0], "best_epoch": 2, "test": {"accuracy": 0.75, "log_loss": 1}}
    lines = [{"epochs": 2, "search_space": space}, row | {"repetition": again}]
    lines.append(row | {"number": 1, "repetition": again | {"test": None}})
    path = tmp_path / "table.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    table = load(path)
    assert (table.epochs, table.rows) == (2, (Row(PARAMS[0], (0.75, 0.5), 0.25), Row(PARAMS[0], (0.75, 0.5), None)))
