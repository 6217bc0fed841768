"""What a person sees at the end of a command on a terminal: tables of trials and of the catalogue."""

import sys

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from job.records.dataset import Dataset
from job.records.results import Results
from job.watch import picture


def print_summary(results: Results, uri: str, *, trials: bool) -> None:
    """Print a row for each trial, if `trials`, the winner, its test scores and where the results lie."""
    console = Console(force_terminal=sys.stdout.isatty(), highlight=False)
    if trials:
        for line in picture.Rows().new(results):
            console.print(line, soft_wrap=True)
        console.print()
    _print_warnings(console, results.dataset)
    best, test, (low, high) = results.best, results.test, results.test.accuracy_ci95
    seeds = next((len(final.values) for final in results.finals if final.trial == best.trial), 0)
    chosen = f", with a mean of {best.value:.4f} over {seeds} other seeds" if best.repetition is not None else ""
    photos = sum(row.support for row in test.per_class)
    console.print(
        f"Trial {best.trial} won{chosen}. On {photos} test photos that nothing else in this run saw: accuracy "
        f"{test.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}), macro F1 {test.macro_f1:.3f}."
    )
    console.print(f"Results: {uri}", soft_wrap=True)
    console.print(f"Page: {uri.removesuffix('results.json')}report.html", soft_wrap=True)


def in_a_sentence(results: Results, uri: str) -> str:
    """Return how a run ended, its winner's test accuracy and where the results lie."""
    low, high = results.test.accuracy_ci95
    return (
        f"{results.status}: {len(results.trials)} trials, trial {results.best.trial} won, test accuracy "
        f"{results.test.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}); {uri}"
    )


def print_check(dataset: Dataset) -> None:
    """Print what the catalogue holds and what was left out."""
    console = Console(force_terminal=sys.stdout.isatty(), highlight=False)
    table = Table(box=SIMPLE, title=f"{dataset.images} photos of {len(dataset.classes)} classes")
    table.add_column("class")
    for column in ("train", "validation", "test"):
        table.add_column(column, justify="right")
    for row in sorted(dataset.classes, key=lambda row: -row.train):
        table.add_row(Text(row.name), str(row.train), str(row.validation), str(row.test))
    console.print(table)
    repeated = f"{len(dataset.repeated)} rows twice, " if dataset.repeated else ""
    console.print(
        f"{dataset.rows} rows, {repeated}{len(dataset.repaired)} names repaired, {len(dataset.quarantined)} ids left "
        f"out, {dataset.duplicate_groups} groups of identical photos, none across the split."
    )
    _print_warnings(console, dataset)


def _print_warnings(console: Console, dataset: Dataset) -> None:
    for sentence in dataset.warnings():
        console.print(sentence, style="yellow", markup=False)
