"""A sample of what `make torture` does in full: kills, faults and company, after which nothing is lost or different."""

import random
from collections.abc import Iterator
from functools import partial

import pytest

from tests.torture import (
    STORES,
    Ground,
    Task,
    kill_tasks,
    prepared_ground,
    run_all,
    survive_company,
    survive_faults,
    survive_instants,
)

pytestmark = pytest.mark.timeout(7200)  # minutes of work, and many more beside much else

SEED = 3
KILLS = 6
INSTANTS = 4


@pytest.fixture(scope="module")
def grounds() -> Iterator[list[Ground]]:
    """Where the jobs run, with one thread and with two, and the results of one that nothing disturbed."""
    with prepared_ground(threads=1) as one, prepared_ground(threads=2) as two:
        yield [one, two]


def check(tasks: list[Task]) -> int:
    """Run tasks and return how often they were disturbed, having checked that no run came out differently."""
    outcomes = list(run_all(tasks, jobs=1))  # other tests run beside it
    assert {outcome.name: outcome.difference for outcome in outcomes if outcome.difference} == {}, f"seed {SEED}"
    return sum(outcome.disturbed for outcome in outcomes)


def test_a_job_killed_at_any_write_ends_as_if_it_never_was(grounds: list[Ground]) -> None:
    """SIGKILL and SIGTERM before and after named writes, on disk and on S3: every kill happens, nothing differs."""
    points = kill_tasks(grounds)
    assert len(points) > 20 * KILLS
    assert check(random.Random(SEED).sample(points, KILLS)) == KILLS


def test_a_job_killed_at_any_instant_ends_as_if_it_never_was(grounds: list[Ground]) -> None:
    """Signals at random instants, twice in a run at most."""
    seeds = range(SEED, SEED + INSTANTS)
    assert check([partial(survive_instants, grounds[seed % 2], STORES[seed // 2 % 2], seed) for seed in seeds]) > 0


def test_a_storage_that_fails_changes_nothing(grounds: list[Ground]) -> None:
    """Up to one request in five meets with a reset, a lost answer, an error, a cut or altered body, or a delay."""
    assert check([partial(survive_faults, grounds[seed % 2], seed) for seed in range(SEED, SEED + 2)]) > 0


def test_two_jobs_on_one_run_end_with_the_same_results(grounds: list[Ground]) -> None:
    """The first to write a record wins, and the other one goes on from it."""
    check([partial(survive_company, ground, store, SEED) for ground, store in zip(grounds, STORES, strict=True)])
