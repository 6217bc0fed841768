"""The search methods of other libraries, with their own defaults unless a docstring says otherwise.

Every peer searches the job's space. It is told the parameters of the row that was really trained, not those that it
asked for, and the lowest loss of the trial. A model cannot learn from a failure, so a trial that diverged counts as the
highest loss told so far. Some are given the job's best guess to begin with, too, in the way that each library has.

The libraries are imported where they are used: a replay of the job's own search needs none of them. Some contradict the
job's own: SMAC 2.4 needs scikit-learn below 1.8, and the last Syne Tune with MOBSTER, 0.13, asks for numpy 1, but runs
with 2. So they have an environment of their own:

    python -m venv build/peers
    build/peers/bin/pip install -r requirements-dev.lock
    build/peers/bin/pip install --no-deps -r benchmarks/peers.lock
"""

import importlib.util
import logging
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.replay import Method, Seen, Table, Train
from job.search.cube import Params
from job.search.space import Range, SearchSpace
from job.search.usual import best_guess

RANGES = {name: value for name, value in SearchSpace().searched.items() if isinstance(value, Range)}
CHOICES = {name: list(value) for name, value in SearchSpace().searched.items() if isinstance(value, tuple)}
ORDER = tuple(SearchSpace().searched)
_GUESS = best_guess(SearchSpace())
CHANCE = 1.0
"""Told of a trial that diverged before any other loss was told."""
N_INITIAL = 8
"""SMAC's random configurations: a quarter of its trials, its own limit, for the 32 or so that 160 epochs pay for."""


def scikit_optimize(table: Table, seed: int, *, guess_first: bool = False) -> Generator[Train, Seen]:
    """Search with a Gaussian process after ten random points: `gp_minimize`'s settings, with the best guess as `x0`."""
    with _quiet():
        from skopt import Optimizer  # noqa: PLC0415
        from skopt.space import Categorical, Real  # noqa: PLC0415

        dimensions = {name: Real(each.low, each.high, prior=each.prior) for name, each in RANGES.items()}
        dimensions |= {name: Categorical(each) for name, each in CHOICES.items()}
        n_initial = 10 + guess_first
        optimizer = Optimizer([dimensions[name] for name in ORDER], "GP", n_initial_points=n_initial, random_state=seed)
    told = _Told()
    guesses = [[_GUESS[name] for name in ORDER]] if guess_first else []
    while True:
        with _quiet():
            asked = guesses.pop() if guesses else optimizer.ask()
        seen = yield Train(dict(zip(ORDER, asked, strict=True)), table.epochs)
        with _quiet():
            optimizer.tell([seen.params[name] for name in ORDER], told.value(seen))


def _unpruned(pruners: Any, epochs: int) -> Any:  # noqa: ANN401 -- optuna is not installed where types are checked
    del epochs
    return pruners.NopPruner()


def _median(pruners: Any, epochs: int) -> Any:  # noqa: ANN401
    del epochs
    return pruners.MedianPruner()


def _hyperband(pruners: Any, epochs: int) -> Any:  # noqa: ANN401
    return pruners.HyperbandPruner(max_resource=epochs)


def optuna_search(
    table: Table,
    seed: int,
    *,
    sampler: str = "TPESampler",
    pruner: Callable[[Any, int], Any] = _unpruned,
    guess_first: bool = False,
) -> Generator[Train, Seen]:
    """Search with a sampler of Optuna and a pruner, made of optuna.pruners and the epochs of a trial."""
    import optuna  # noqa: PLC0415

    with _quiet():  # GPSampler is experimental
        study = optuna.create_study(
            study_name=str(seed),  # Hyperband draws the brackets from it
            sampler=getattr(optuna.samplers, sampler)(seed=seed),
            pruner=pruner(optuna.pruners, table.epochs),
        )
        if guess_first:
            study.enqueue_trial(_GUESS)
    told = _Told()
    while True:
        with _quiet():
            trial = study.ask()
            asked = _optuna_params(trial)
        seen = yield Train(asked, 1)
        _correct(trial, seen.params)
        while not seen.diverged and len(seen.losses) < table.epochs:
            trial.report(seen.losses[-1], len(seen.losses))
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
            seen = yield Train(seen.number, len(seen.losses) + 1)
        else:
            study.tell(trial, told.value(seen))


def _optuna_params(trial: Any) -> Params:  # noqa: ANN401
    ranges = {
        name: trial.suggest_float(name, each.low, each.high, log=each.prior == "log-uniform")
        for name, each in RANGES.items()
    }
    return ranges | {name: trial.suggest_categorical(name, each) for name, each in CHOICES.items()}


def _correct(trial: Any, params: Params) -> None:  # noqa: ANN401
    """Overwrite the parameters of a running trial.

    Failing it and enqueueing another one would train what was suggested for one of Hyperband's brackets in another.
    """
    for name, distribution in trial.distributions.items():
        trial.storage.set_trial_param(
            trial._trial_id,  # noqa: SLF001
            name,
            distribution.to_internal_repr(params[name]),
            distribution,
        )


def smac(table: Table, seed: int, *, n_initial: int = N_INITIAL) -> Generator[Train, Seen]:
    """Search with SMAC's random forest and Hyperband, and go on with the configurations that it promotes.

    Its budgets are rounded to whole epochs: 3 and 8 of 8. It is told the lowest loss until then.
    """
    from ConfigSpace import Configuration  # type: ignore[import-not-found]  # noqa: PLC0415
    from smac.runhistory import TrialValue  # type: ignore[import-not-found]  # noqa: PLC0415

    told = _Told()
    numbers: dict[int, int] = {}  # of rows, by SMAC's numbers of configurations
    with TemporaryDirectory() as folder:
        with _quiet():
            facade = _smac_facade(seed, table.epochs, n_initial, Path(folder))
        history = facade.runhistory
        while True:
            with _quiet():
                info = facade.ask()
            number = history.config_ids[info.config]
            seen = yield Train(numbers.get(number, dict(info.config)), round(info.budget))
            numbers[number] = seen.number
            # Hyperband finds the trial by the configuration it asked about; the model must learn from the real one
            real = Configuration(facade.scenario.configspace, values=dict(seen.params))
            history.ids_config[number] = real
            history.config_ids[real] = number
            with _quiet():
                facade.tell(info, TrialValue(cost=told.value(seen)), save=False)


def _smac_facade(seed: int, epochs: int, n_initial: int, folder: Path) -> Any:  # noqa: ANN401
    from ConfigSpace import Categorical, ConfigurationSpace, Float  # noqa: PLC0415
    from smac import MultiFidelityFacade, Scenario  # type: ignore[import-not-found]  # noqa: PLC0415

    space = ConfigurationSpace()
    for name, each in RANGES.items():
        space.add(Float(name, (each.low, each.high), log=each.prior == "log-uniform"))
    for name, choices in CHOICES.items():
        space.add(Categorical(name, choices))
    scenario = Scenario(
        space,
        output_directory=folder,
        deterministic=True,  # budgets allow no second seed
        min_budget=1,
        max_budget=epochs,
        seed=seed,
    )
    maximizer = MultiFidelityFacade.get_acquisition_maximizer(scenario)
    local = maximizer._local_search  # noqa: SLF001
    starts = local._get_init_points_from_previous_configs  # noqa: SLF001
    # they come from a set of hashed strings, so that each process would search from them in another order
    local._get_init_points_from_previous_configs = lambda *args: sorted(starts(*args), key=repr)  # noqa: SLF001
    return MultiFidelityFacade(
        scenario,
        initial_design=MultiFidelityFacade.get_initial_design(scenario, n_configs=n_initial),
        acquisition_maximizer=maximizer,
        logging_level=False,
    )


def mobster(table: Table, seed: int) -> Generator[Train, Seen]:
    """Search with a Gaussian process over epochs and asynchronous successive halving, which stops trials for good.

    After each epoch it is told the lowest loss until then. One that diverged goes on in name until it is stopped.
    """
    with _quiet():
        from syne_tune.backend.trial_status import Trial  # type: ignore[import-not-found]  # noqa: PLC0415
        from syne_tune.config_space import choice, loguniform, uniform  # type: ignore[import-not-found]  # noqa: PLC0415
        from syne_tune.optimizer.baselines import MOBSTER  # type: ignore[import-not-found]  # noqa: PLC0415
        from syne_tune.optimizer.scheduler import SchedulerDecision  # type: ignore[import-not-found]  # noqa: PLC0415

        priors = {"log-uniform": loguniform, "uniform": uniform}
        space = {name: priors[each.prior](each.low, each.high) for name, each in RANGES.items()}
        space |= {name: choice(each) for name, each in CHOICES.items()}
        scheduler = MOBSTER(
            space,
            metric="loss",
            resource_attr="epoch",
            mode="min",
            max_t=table.epochs,
            random_seed=seed,
            search_options={"debug_log": False},
        )
    told, filed = _Told(), scheduler.searcher.state_transformer.state.config_for_trial
    for number in count():
        with _quiet():
            suggestion = scheduler.suggest(number)
        seen = yield Train(suggestion.config, 1)
        filed[str(number)] = dict(seen.params)  # else the model would keep what it suggested
        trial = Trial(number, dict(seen.params), datetime.now(UTC))
        for epoch in range(1, table.epochs + 1):
            if epoch > len(seen.losses) and not seen.diverged:
                seen = yield Train(seen.number, epoch)
            with _quiet():
                decision = scheduler.on_trial_result(trial, {"loss": told.value(seen), "epoch": epoch})
            if decision == SchedulerDecision.STOP:
                break


class _Told:
    """What a peer is told of its trials."""

    def __init__(self) -> None:
        self.worst: float | None = None

    def value(self, seen: Seen) -> float:
        """Return the lowest loss; of a trial that diverged, the highest value told so far."""
        if seen.diverged:
            return CHANCE if self.worst is None else self.worst
        value = min(seen.losses)
        self.worst = value if self.worst is None else max(self.worst, value)
        return value


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep peers from warning, logging below errors and printing; not across a yield, which would silence the rest."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


PEERS: dict[str, Method] = {
    "scikit-optimize as shipped": scikit_optimize,
    "Optuna TPE": optuna_search,
    "Optuna TPE, MedianPruner": partial(optuna_search, pruner=_median),
    "Optuna TPE, Hyperband": partial(optuna_search, pruner=_hyperband),
    "Optuna GPSampler": partial(optuna_search, sampler="GPSampler"),
    "SMAC, multi-fidelity": smac,
    "Syne Tune MOBSTER": mobster,
    "scikit-optimize, best guess first": partial(scikit_optimize, guess_first=True),
    "Optuna TPE, best guess first": partial(optuna_search, guess_first=True),
}
_MODULES = {"SMAC, multi-fidelity": "smac", "Syne Tune MOBSTER": "syne_tune"}
"""What is needed beyond requirements-dev.lock."""


def installed() -> dict[str, Method]:
    """Return the peers whose libraries are there."""
    return {name: method for name, method in PEERS.items() if _is_there(_MODULES.get(name, "optuna"))}


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
