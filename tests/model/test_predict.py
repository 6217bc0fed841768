"""`job predict`: the answers of the run's own evaluation, from wherever photos lie; what is bad is named, and 42."""

import csv
import dataclasses
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from job.catalogue.split import Part
from job.errors import DeviceError
from job.model import loading
from job.model.loading import load_published
from job.model.predict import predict_photos
from job.settings import Settings
from tests.jobs import environment, error_of, events, results_of, run_job
from tests.seaweed import Seaweed
from tests.study.catalogues import catalogue_of
from tests.tiny import CLASSES, looks_like_a_bag, photo, write_folder


def predict(run: Path | str, *arguments: Path | str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run_job(environment(settings), "predict", str(run), *map(str, arguments))


def lines_of(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def names_of(directory: Path) -> dict[str, str]:
    """Return the class of each photo by its id, as the catalogue's table has it."""
    with (directory / "catalogue" / "styles.csv").open(encoding="utf-8") as file:
        return {each["id"]: each["subCategory"] for each in csv.DictReader(file)}


def test_the_test_photos_are_told_apart_as_results_json_says(published: Path) -> None:
    """Predicting the test part from its files gives the very confusion matrix, recall and mistakes of the run.

    All of it by names: that of the photo's row in the table, and those of the answer.
    """
    catalogue, names = catalogue_of(published), names_of(published)
    rows = catalogue.indices(Part.TEST)
    images = [published / "catalogue" / "images" / f"{catalogue.ids[row]}.jpg" for row in rows]
    result = predict(published / "run", *images, "--top", "9")
    assert result.returncode == 0, result.stderr
    lines = lines_of(result)
    assert [line["image"] for line in lines] == [str(image) for image in images]
    confusion = {true: dict.fromkeys(CLASSES, 0) for true in CLASSES}
    mistakes = set()
    for image, line in zip(images, lines, strict=True):
        assert {item["label"] for item in line["predictions"]} == set(CLASSES)
        probabilities = [item["probability"] for item in line["predictions"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-4)
        true, predicted = names[image.stem], line["predictions"][0]["label"]
        confusion[true][predicted] += 1
        if true != predicted:
            mistakes.add((image.stem, true, predicted))
    test = results_of(published / "run")["test"]
    assert [[confusion[true][predicted] for predicted in CLASSES] for true in CLASSES] == test["confusion"]
    for score in test["per_class"]:
        name = score["name"]
        photos, answers = sum(confusion[name].values()), sum(confusion[true][name] for true in CLASSES)
        right = confusion[name][name]
        assert (score["recall"], score["precision"]) == pytest.approx((right / photos, right / answers))
    assert {(each["id"], each["true"], each["predicted"]) for each in test["mistakes"]} == mistakes


def test_a_photo_gets_the_name_of_its_class(published: Path) -> None:
    """A red bag is a bag and a blue watch a watch, which differ by their colour alone; odd shoes are taken for bags.

    So the channels are those that the model was trained with, and each answer has its own class's name.
    """
    names = names_of(published)
    lines = lines_of(predict(published / "run", published / "catalogue" / "images", "--top", "1"))
    answers = {Path(line["image"]).stem: line["predictions"][0]["label"] for line in lines}
    wrong = {name for name, answer in answers.items() if answer != names[name]}
    odd = {name for name, label in names.items() if looks_like_a_bag(CLASSES.index(label), int(name))}
    assert len(answers) == 60
    assert len(odd & wrong) >= 3
    assert len(wrong - odd) <= 3
    assert {answers[name] for name in odd & wrong} == {"Bags"}


def test_a_folder_is_predicted_whole_and_top_limits_the_classes(published: Path) -> None:
    """A folder stands for its photos, and each gets as many classes as asked for."""
    result = predict(published / "run", published / "catalogue", "--top", "1")
    assert result.returncode == 0, result.stderr
    lines = lines_of(result)
    assert len(lines) == 60
    assert all(len(line["predictions"]) == 1 for line in lines)
    (event,) = events(result, "predicted")
    assert (event["photos"], event["failed"]) == (60, 0)


def test_bad_photos_among_good_ones_are_named_and_the_rest_is_done(published: Path, tmp_path: Path) -> None:
    """Missing, no image and cut off: a line and a log event each, the answers of the others unharmed, exit code 42."""
    good = photo(1, 7)
    write_folder(tmp_path, {"a.jpg": good, "b.jpg": b"no photo", "c.jpg": good[:300], "z.jpg": good})
    result = predict(published / "run", tmp_path, tmp_path / "missing.jpg", tmp_path / "a.jpg")
    assert result.returncode == 42
    lines = lines_of(result)
    assert [Path(line["image"]).name for line in lines] == ["a.jpg", "b.jpg", "c.jpg", "z.jpg", "missing.jpg", "a.jpg"]
    assert ["error" in line for line in lines] == [False, True, True, False, True, False]
    assert lines[0]["predictions"] == lines[3]["predictions"] == lines[5]["predictions"]
    assert [event["error"] for event in events(result, "photo cannot be used")] == [
        line["error"] for line in lines if "error" in line
    ]
    assert error_of(result).startswith("3 of the photos asked for cannot be used")


def test_images_that_cannot_be_meant_are_named(published: Path, tmp_path: Path) -> None:
    """Quotes, blanks and URIs that are none get a line and a log event each, unless a file has that very name."""
    (tmp_path / '"1.jpg"').write_bytes(photo(1, 7))
    names = ['"s3://bucket/1.jpg"', " s3://bucket/1.jpg", "s3//bucket/1.jpg", "gs://bucket/1.jpg", "s3:///1.jpg", ""]
    result = predict(published / "run", *names, "/none/\udcff.jpg", tmp_path / '"1.jpg"')
    assert result.returncode == 42
    assert r"/none/\\xff.jpg" in result.stdout
    assert ["error" in line for line in lines_of(result)] == [True] * 7 + [False]
    for event, wrong in zip(
        events(result, "photo cannot be used"),
        ("quotes", "begins or ends", "looks like a URI", "the scheme gs", "no bucket", "empty", "no UTF-8"),
        strict=True,
    ):
        assert wrong in event["error"]
        assert "; allowed are s3://bucket/prefix/, file:///folder/ and paths" in event["error"]


def test_photos_whose_names_are_no_utf8_are_predicted(published: Path, tmp_path: Path) -> None:
    """A name in Latin-1, in a folder or asked for itself, is written out; the photo is told apart like any other."""
    write_folder(tmp_path / "inbox", {"a.jpg": photo(1, 7), "z.jpg": photo(1, 7), "._a.jpg": b"macOS"})
    odd = tmp_path / "inbox" / os.fsdecode(b"caf\xe9.jpg")
    odd.write_bytes(photo(1, 7))
    result = predict(published / "run", tmp_path / "inbox", odd, f"file://{tmp_path}/inbox/")
    assert result.returncode == 0, result.stderr
    lines = lines_of(result)
    there = ["a.jpg", r"caf\xe9.jpg", "z.jpg"]
    assert [Path(line["image"]).name for line in lines] == [*there, r"caf\xe9.jpg", "a.jpg", "caf%E9.jpg", "z.jpg"]
    assert len({str(line["predictions"]) for line in lines}) == 1


def test_a_terminal_gets_a_table(published: Path) -> None:
    """On a terminal there is a row for each photo, aligned, in words."""
    images = sorted((published / "catalogue" / "images").iterdir())[:2]
    command = [sys.executable, "-m", "job", "predict", str(published / "run"), *map(str, images)]
    reader, terminal = pty.openpty()
    subprocess.run(command, env=environment({}), stdout=terminal, stderr=subprocess.DEVNULL, check=True)
    rows = os.read(reader, 4096).decode().splitlines()
    os.close(terminal)
    os.close(reader)
    assert [row.split()[-1] for row in rows] == [str(image) for image in images]
    assert rows[0].index(str(images[0])) == rows[1].index(str(images[1]))
    assert set(rows[0].split()[0:6:2]) == set(CLASSES)


def test_run_and_photos_may_lie_in_s3(published: Path, seaweed: Seaweed) -> None:
    """A run and photos below an S3 prefix are answered as those of a folder are."""
    bucket = seaweed.new_bucket()
    for path in [*(published / "run" / "model").iterdir(), published / "run" / "results.json"]:
        seaweed.put(bucket, f"runs/1/{path.relative_to(published / 'run')}", path.read_bytes())
    images = sorted((published / "catalogue" / "images").iterdir())[::20]
    for image in images:
        seaweed.put(bucket, f"photos/{image.name}", image.read_bytes())
    expected = [line["predictions"] for line in lines_of(predict(published / "run", *images))]
    uri = f"s3://{bucket}/photos/"
    result = predict(f"s3://{bucket}/runs/1/", uri, f"{uri}{images[0].name}", **seaweed.environment(readonly=True))
    assert result.returncode == 0, result.stderr
    lines = lines_of(result)
    assert [line["image"] for line in lines] == [f"{uri}{image.name}" for image in [*images, images[0]]]
    assert [line["predictions"] for line in lines] == [*expected, expected[0]]


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    """A copy of what a run has published, to be damaged."""
    run = tmp_path / "run"
    shutil.copytree(published / "run" / "model", run / "model")
    shutil.copy(published / "run" / "results.json", run)
    return run


def test_a_run_without_a_model_is_one_sentence(published: Path, tmp_path: Path) -> None:
    """A folder without a published model, as of a search in progress, is told in one sentence."""
    for run in (tmp_path / "none", published / "catalogue"):
        result = predict(run, tmp_path)
        assert (result.returncode, result.stdout) == (42, "")
        assert error_of(result).startswith(f"{run}/ has no published model: there is no model/model.json")


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_damaged_model_is_not_used(published: Path, copy: Path, name: str) -> None:
    """A bit that is another, in the weights or in what describes them, ends the command with the file's name."""
    data = bytearray((copy / "model" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "model" / name).write_bytes(data)
    result = predict(copy, published / "catalogue")
    assert (result.returncode, result.stdout) == (42, "")
    assert f"model/{name} is damaged: its sha256 is not the one in" in error_of(result)


def test_a_model_without_its_run_is_used(published: Path, copy: Path) -> None:
    """The published folder is enough, wherever it was copied to; that results.json was not there to check is said."""
    (copy / "results.json").unlink()
    image = published / "catalogue" / "images" / "1000.jpg"
    result = predict(copy, image)
    assert result.returncode == 0, result.stderr
    assert events(result, "results.json is missing or damaged, and model.json is used unchecked")
    assert lines_of(result) == lines_of(predict(published / "run", image))


def test_a_description_that_does_not_fit_is_named(published: Path, copy: Path) -> None:
    """A model.json that somebody has edited is refused with what is wrong, and never with a traceback."""
    (copy / "results.json").unlink()
    path = copy / "model" / "model.json"
    about = json.loads(path.read_bytes())
    for change, message in (
        ({"classes": ["one", "two"]}, "the weights do not fit it"),
        ({"architecture": "resnet50"}, "architecture: "),
        ({"sha256": {}}, "model.safetensors is damaged"),
    ):
        path.write_text(json.dumps(about | change))
        result = predict(copy, published / "catalogue")
        assert result.returncode == 42
        assert message in error_of(result)


def test_a_signal_ends_it_between_two_lines(published: Path) -> None:
    """SIGTERM puts a long prediction down with exit code 143, and what was printed is whole."""
    image = str(published / "catalogue" / "images" / "1000.jpg")
    arguments = ["predict", str(published / "run"), *[image] * 100_000]
    result = run_job(environment({}), *arguments, kill=("out", signal.SIGTERM))
    assert result.returncode == 143, result.stderr
    lines = result.stdout.splitlines(keepends=True)
    assert 0 < len(lines) < 100_000
    assert all("predictions" in json.loads(line) for line in lines[:-1])


BROKEN = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
SHORT = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


class Failing(nn.Module):
    """A model whose device fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, _inputs: Tensor) -> Tensor:
        raise self.error


@pytest.mark.parametrize("error", [BROKEN, SHORT], ids=str)
def test_a_device_that_fails_is_no_damaged_model(
    published: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """While the model is loaded and while it answers: the device is named, and another machine may do."""
    uri = str(published / "run")
    model = load_published(uri, Settings())
    failing = dataclasses.replace(model, model=Failing(error))
    with pytest.raises(DeviceError, match=r"^cpu (does not work|has too little free memory): CUDA"):
        list(predict_photos(failing, [str(published / "catalogue" / "images")], top=1, retry_seconds=1))
    monkeypatch.setattr(loading, "load_model", lambda *_: Failing(error)(torch.zeros(1)))
    with pytest.raises(DeviceError, match=r"^cpu (does not work|has too little free memory): CUDA"):
        load_published(uri, Settings())
