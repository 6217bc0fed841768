"""The end of a run: measure the winner on the test part, once, then publish everything, results.json last."""

import time
from dataclasses import dataclass

import structlog
import torch

from job.catalogue.catalogue import Catalogue
from job.catalogue.split import Part
from job.errors import ExitCode, JobError, RunMismatchError
from job.model.files import model_files
from job.records.results import RESULTS, Results, Test
from job.records.status import RunStatus
from job.records.trial import TrialRecord
from job.study.attempt import Workbench
from job.study.executors.base import Executor
from job.study.ledger import Ledger
from job.study.results import build_results, confident_mistakes, score_test
from job.study.show import run_so_far, show_events, show_results
from job.study.trials import train_again
from job.training.device import give_back_memory
from job.training.evaluate import evaluate
from job.training.model import load_model

_log = structlog.get_logger()


@dataclass(frozen=True)
class Winner:
    """The winning record and its score on the test part."""

    record: TrialRecord
    weights: bytes
    """A safetensors file."""
    test: Test
    seconds: float
    """Time that measuring took."""


def measure_winner(bench: Workbench, executor: Executor, catalogue: Catalogue, ledger: Ledger) -> Winner:
    """Choose the winner and measure it on the test part; raises JobError if no trial has a model."""
    best = ledger.winner
    if best is None or best.model is None:
        last = ledger.trials[-1]
        message = (
            f"none of {len(ledger.trials)} trials has trained to the end (the last one, {last.status}: {last.error}); "
            "narrow the search space, for instance to smaller learning rates"
        )
        raise JobError(message, setting="search_space")
    weights = _weights(bench, executor, best)
    started = time.monotonic()
    test = _measure(bench, catalogue, weights)
    return Winner(best, weights, test, time.monotonic() - started)


def finish(bench: Workbench, ledger: Ledger, status: RunStatus, winner: Winner) -> Results:
    """Publish model and results; the photos are no longer needed."""
    give_back_memory()  # the photos' and training's, before the model's files and the figures need some
    bench.attempt.end(status, ExitCode.DONE, evaluate=winner.seconds)
    bench.meter("exporting", 0, 1)
    published = bench.journal.publish(
        model_files(
            settings=bench.settings,
            dataset=bench.dataset,
            normalisation=bench.equipment.photos.normalisation,
            trials=ledger.trials,
            finals=ledger.finals,
            best=winner.record,
            weights=winner.weights,
            test=winner.test,
        )
    )
    bench.meter("exporting", 1, 1)
    results = build_results(
        ledger,
        status=status,
        dataset=bench.dataset,
        begun=bench.run,
        test=winner.test,
        published=published,
        run=run_so_far(bench, ledger),
    )
    show_events(bench, ledger)
    show_results(bench, results)
    bench.journal.record_results(results)
    bench.journal.tidy(ledger)
    _log.info(
        "run",
        status=status,
        trials=len(ledger.trials),
        best_trial=results.best.trial,
        best_value=results.best.value,
        test_accuracy=winner.test.accuracy,
        test_accuracy_ci95=winner.test.accuracy_ci95,
        test_macro_f1=winner.test.macro_f1,
        images_per_second=results.run.images_per_second,
        seconds=results.run.seconds,
        results=bench.journal.storage.uri + RESULTS,
    )
    return results


def _weights(bench: Workbench, executor: Executor, best: TrialRecord) -> bytes:
    """Return the winner's weights. If they are lost, its trial is trained again, which gives the same ones."""
    assert best.model is not None  # noqa: S101 -- tells the type checker what being the best means
    try:
        return bench.journal.load_model(best.model)
    except RunMismatchError as error:
        _log.warning("weights are lost, and their trial is trained again", trial=best.number, error=str(error))
        return train_again(bench, executor, best)


def _measure(bench: Workbench, catalogue: Catalogue, weights: bytes) -> Test:
    device = bench.equipment.device
    model = load_model(weights, len(catalogue.classes), device.device)
    rows = catalogue.indices(Part.TEST)
    evaluation = evaluate(model, bench.equipment.photos, torch.from_numpy(rows).to(device.device), device)
    mistakes = confident_mistakes(
        images=catalogue.images,
        ids=catalogue.ids,
        labels=catalogue.labels,
        rows=rows,
        predicted=evaluation.predicted,
        probability=evaluation.probability,
        classes=catalogue.classes,
    )
    return score_test(evaluation.confusion, evaluation.top3_hits, catalogue.classes, mistakes)
