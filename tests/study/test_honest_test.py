"""The test is honest: no test photo, and none that equals one, has any part in the model, and it is measured once.

That photos with equal pixels are never in two parts of the split is held by tests/catalogue/test_split.py.
"""

import json
import shutil
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from job.catalogue.split import Part
from tests.jobs import LEARNT, comparable, results_of, run_job, tiny_settings
from tests.study.catalogues import catalogue_of
from tests.tiny import CLASSES, photo, row, tiny_files, write_folder


def test_other_pixels_in_the_test_photos_change_the_test_and_nothing_else(published: Path, tmp_path: Path) -> None:
    """Two runs whose catalogues differ in the pixels of all test photos have the same trials and weights, bit for bit.

    The other test photos look like another class, so a model that is equal must get all of them wrong.
    """
    catalogue = catalogue_of(published)
    shutil.copytree(published / "catalogue", tmp_path / "catalogue")
    test = catalogue.indices(Part.TEST)
    for index in test:
        label, identifier = int(catalogue.labels[index]), int(catalogue.ids[index])
        other = photo((label + 1) % len(CLASSES), identifier + 50_000)
        (tmp_path / "catalogue" / "images" / f"{identifier}.jpg").write_bytes(other)
    result = run_job(tiny_settings(tmp_path, **LEARNT))
    assert result.returncode == 0, result.stderr
    changed, first = comparable(results_of(tmp_path / "run")), comparable(results_of(published / "run"))
    assert catalogue_of(tmp_path).parts.tolist() == catalogue.parts.tolist()
    assert changed["dataset"]["fingerprint"] != first["dataset"]["fingerprint"]
    assert changed["trials"] == first["trials"]
    assert changed["best"] == first["best"]  # the sha256 of the weights is part of it
    abouts = [json.loads((run / "run" / "model" / "model.json").read_bytes()) for run in (published, tmp_path)]
    assert abouts[0]["input"] == abouts[1]["input"]  # mean and standard deviation
    assert first["test"]["accuracy"] > 0.8
    assert changed["test"]["accuracy"] < 0.2


def noted(path: Path) -> dict[str, list[list[int]]]:
    """Return the rows of each use of photos."""
    uses = defaultdict(list)
    for line in path.read_text().splitlines():
        use = json.loads(line)
        uses[use["use"]].append(use["rows"])
    return uses


def run_noting(settings: dict[str, str], notes: Path, **variables: str) -> int:
    return run_job(settings | {"NOTE_ROWS": str(notes)} | variables, program="tests.noting").returncode


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[list[int]]], Path]:
    """A whole search on a catalogue full of duplicates: the photos that it used for what, and its folder."""
    directory = tmp_path_factory.mktemp("noted")
    write_folder(directory / "catalogue", with_duplicates())
    assert run_noting(tiny_settings(directory), directory / "notes") == 0
    return noted(directory / "notes"), directory


def with_duplicates() -> dict[str, bytes]:
    """Return a catalogue in which every second photo is there twice, with the same label."""
    files = tiny_files()
    rows = files["styles.csv"].decode()
    for label, name in enumerate(CLASSES):
        for index in range(0, 20, 2):
            identifier = 1000 * (label + 1) + index
            files[f"images/{identifier + 500}.jpg"] = files[f"images/{identifier}.jpg"]
            rows += row(str(identifier + 500), name) + "\n"
    return files | {"styles.csv": rows.encode()}


def test_no_test_photo_nor_its_twin_is_used_before_the_test(
    uninterrupted: tuple[dict[str, list[list[int]]], Path],
) -> None:
    """What statistics, training and validation read, and what the test reads, has no photo and no pixels in common."""
    uses, directory = uninterrupted
    catalogue = catalogue_of(directory)
    read = {use: {index for rows in calls for index in rows} for use, calls in uses.items()}
    assert read["test"] == set(catalogue.indices(Part.TEST).tolist())
    assert read["statistics"] == set(catalogue.indices(Part.TRAIN).tolist())
    assert read["training"] <= read["statistics"]
    assert read["validation"] == set(catalogue.indices(Part.VALIDATION).tolist())
    pixels = {use: {catalogue.pixel_hashes[index] for index in rows} for use, rows in read.items()}
    assert len(pixels["test"]) < len(read["test"])  # there are twins among them
    for use in ("statistics", "training", "validation"):
        assert not pixels["test"] & pixels[use]


def test_the_test_part_is_evaluated_once_in_a_whole_search(
    uninterrupted: tuple[dict[str, list[list[int]]], Path],
) -> None:
    """Three trials of two epochs are six validations, and one evaluation on the test part, each photo once."""
    uses, _ = uninterrupted
    assert len(uses["validation"]) == 6
    (rows,) = uses["test"]
    assert len(rows) == len(set(rows))


def test_no_photo_is_in_memory_while_the_model_is_published(
    uninterrupted: tuple[dict[str, list[list[int]]], Path],
) -> None:
    """All photos are let go of once the test is done: what is published takes memory of its own."""
    uses, _ = uninterrupted
    assert uses["memory"] == [[]]


@pytest.mark.parametrize(
    ("write", "evaluations"),
    [(("create", "trials/", 2, "after"), 1), (("put", "model/", 1, "before"), 2)],
    ids=["in the search", "at the end"],
)
def test_a_kill_adds_no_other_look_at_the_test_part(
    tmp_path: Path,
    uninterrupted: tuple[dict[str, list[list[int]]], Path],
    write: tuple[str, str, int, str],
    evaluations: int,
) -> None:
    """Killed in the search and started again, the job evaluates the test part once.

    Killed between that and results.json, it does so again: the same winner on the same photos, with the same result,
    which nothing has been chosen by.
    """
    uses, directory = uninterrupted
    write_folder(tmp_path / "catalogue", with_duplicates())
    settings = tiny_settings(tmp_path)
    point: dict[str, Any] = dict(zip(("operation", "place", "occurrence", "when"), write, strict=True))
    kill_at = json.dumps(point | {"signal": int(signal.SIGKILL)})
    assert run_noting(settings, tmp_path / "notes", KILL_AT=kill_at) == -signal.SIGKILL
    assert run_noting(settings, tmp_path / "notes") == 0
    assert noted(tmp_path / "notes")["test"] == uses["test"] * evaluations
    assert results_of(tmp_path / "run")["test"] == results_of(directory / "run")["test"]
    assert results_of(tmp_path / "run")["published"] == results_of(directory / "run")["published"]
