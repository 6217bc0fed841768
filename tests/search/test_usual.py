"""Usual learning rates: where a search begins."""

import numpy as np
import pytest

from job.search.cube import optimizers, point, steps
from job.search.space import AVERAGING, OPTIMIZERS, SearchSpace, parse_search_space
from job.search.usual import SPREAD, STEPS, usual

WIDE = parse_search_space('{"learning_rate": {"low": 1e-8, "high": 1e4}}')
UNIT = np.random.default_rng(0).random((4000, 4))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_logarithm_of_the_step_is_normal_about_the_usual_one(optimizer: str) -> None:
    """Whatever the momentum: half of the rates make a smaller step, and two thirds are within the spread."""
    found = usual(WIDE, UNIT)
    rows = found[optimizers(WIDE, found) == optimizer]
    rates = np.array([float(point(WIDE, row)["learning_rate"]) for row in rows])
    momenta = np.array([float(point(WIDE, row)["momentum"]) for row in rows])
    sizes = np.log10(rates if optimizer in AVERAGING else rates / (1 - momenta))
    assert sizes.mean() == pytest.approx(np.log10(STEPS[optimizer]), abs=0.05)  # type: ignore[index]
    assert sizes.std() == pytest.approx(SPREAD, rel=0.06)
    assert abs(np.corrcoef(sizes, momenta)[0, 1]) < 0.1
    assert sizes == pytest.approx(np.log10(rates * steps(WIDE, rows)))


def test_a_range_cuts_the_usual_rates_off_without_piling_them_up() -> None:
    """No more than a few points lie in any hundredth of the range, at its ends as anywhere."""
    column = usual(SearchSpace(), UNIT)[:, 0]
    assert np.histogram(column, bins=100, range=(0, 1))[0].max() < 0.04 * len(column)


@pytest.mark.parametrize("ends", [(1e-30, 1e-29), (1e20, 1e30), (0.05, 0.0500001), (1e-30, 1e30)])
def test_a_range_far_from_usual_rates_is_kept_to(ends: tuple[float, float]) -> None:
    """The end that is nearer to usual rates is preferred, and each point stays another one."""
    low, high = ends
    space = parse_search_space(f'{{"learning_rate": {{"low": {low}, "high": {high}}}}}')
    column = usual(space, UNIT)[:, 0]
    assert ((column >= 0) & (column <= 1)).all()
    assert len(np.unique(column)) > len(column) / 2
    if high < 1e-20:
        assert np.median(column) > 0.9
    if low > 1e10:
        assert np.median(column) < 0.1


def test_a_larger_quantile_is_a_larger_rate() -> None:
    """So a design that is spread evenly over the quantiles is spread over the rates, and nothing else moves."""
    rising = np.column_stack([np.linspace(0, 1, 50), np.full((50, 3), 0.6)])
    found = usual(SearchSpace(), rising)
    assert (np.diff(found[:, 0]) > 0).all()
    assert (found[:, 1:] == rising[:, 1:]).all()


@pytest.mark.parametrize("rate", ["0.1", '{"prior": "uniform"}'], ids=["fixed", "uniform"])
def test_a_rate_that_is_fixed_or_even_in_its_value_stays(rate: str) -> None:
    """Who asks for rates that are even in their value gets those."""
    space = parse_search_space(f'{{"learning_rate": {rate}}}')
    unit = UNIT[:, : len(space.searched)]
    assert usual(space, unit).tolist() == unit.tolist()


def test_fixed_momentum_and_optimizer_count_as_searched_ones_do() -> None:
    """The step of one optimizer with one momentum: rates are those of the whole space with these values."""
    space = parse_search_space('{"momentum": 0.9, "optimizer": "nag"}')
    found = np.log10([float(point(space, row)["learning_rate"]) / 0.1 for row in usual(space, UNIT[:, :2])])
    assert np.median(found) == pytest.approx(np.log10(STEPS["nag"]), abs=0.05)
