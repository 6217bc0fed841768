"""The published model: its card's own lines answer as the job does, and its files are what they are said to be."""

import ast
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from job.catalogue.split import Part
from tests.jobs import environment, results_of, run_job
from tests.study.catalogues import catalogue_of
from tests.tiny import photo

_FILES = {"model.safetensors", "model.onnx", "model.json", "MODEL_CARD.md"}


def awkward_photos() -> dict[str, bytes]:
    """Return photos that are not of the model's size: a large one lying on its side, a transparent one, a grey one."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    noise = np.random.default_rng(1).integers(0, 256, (90, 70, 4), dtype=np.uint8)
    found = {"turned": photo(2, 5, size=(517, 402), exif=exif)}
    for name, image in (("transparent", Image.fromarray(noise)), ("grey", Image.fromarray(noise[..., 0]))):
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        found[name] = buffer.getvalue()
    return found


PHOTOS = awkward_photos()


@pytest.fixture(scope="module")
def folder(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the published folder."""
    return Path(shutil.copytree(published / "run" / "model", tmp_path_factory.mktemp("copy") / "model"))


@pytest.mark.parametrize(
    ("library", "name"),
    [("torch", "turned"), ("onnxruntime", "turned"), ("onnxruntime", "transparent"), ("onnxruntime", "grey")],
)
def test_the_cards_lines_answer_as_the_job_does(published: Path, folder: Path, library: str, name: str) -> None:
    """The card's code, as it stands there, in a fresh interpreter: the class and probability of `job predict`."""
    (folder / "photo.jpg").write_bytes(PHOTOS[name])
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    prepare, *blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    (lines,) = [block for block in blocks if re.search(rf"^import .*\b{library}\b", block, re.MULTILINE)]
    command = [sys.executable, "-c", prepare + lines]
    answer = subprocess.run(command, cwd=folder, env=environment({}), capture_output=True, text=True, check=True)
    label, _, probability = answer.stdout.strip().rpartition(" ")
    own = run_job(environment({}), "predict", str(published / "run"), str(folder / "photo.jpg"))
    expected = json.loads(own.stdout)["predictions"][0]
    assert label == expected["label"]
    assert float(probability) == pytest.approx(expected["probability"], abs=1e-4)


def test_the_cards_lines_are_few(folder: Path) -> None:
    """Beside imports, five lines or so load the model and ask it."""
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    _, *blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    counts = [sum(not isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(b).body) for b in blocks]
    assert counts == [7, 4]


def test_every_file_is_named_with_its_hash(published: Path) -> None:
    """results.json names all published files, and model.json the weights, with the sha256 that they have."""
    run = published / "run"
    hashes = {name: hashlib.sha256((run / "model" / name).read_bytes()).hexdigest() for name in _FILES}
    results = results_of(run)
    assert results["published"] == {f"model/{name}": sha256 for name, sha256 in hashes.items()}
    about = json.loads((run / "model" / "model.json").read_bytes())
    assert about["sha256"] == {name: hashes[name] for name in ("model.safetensors", "model.onnx")}
    assert about["run"]["trial"] == results["best"]["trial"]
    assert about["run"]["params"] == results["best"]["params"]
    assert about["run"]["dataset_fingerprint"] == results["dataset"]["fingerprint"]
    assert about["run"]["test"]["accuracy"] == results["test"]["accuracy"]
    assert about["classes"] == [row["name"] for row in results["dataset"]["classes"]]


def test_onnxruntime_measures_what_the_run_has_measured(published: Path) -> None:
    """On the test part the ONNX file gives the confusion matrix of results.json, from its metadata's classes alone."""
    catalogue = catalogue_of(published)
    session = onnxruntime.InferenceSession(published / "run" / "model" / "model.onnx")
    rows = catalogue.indices(Part.TEST)
    (probabilities,) = session.run(None, {"images": catalogue.images[rows]})
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    assert classes == list(catalogue.classes)
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (catalogue.labels[rows], probabilities.argmax(1)), 1)
    assert confusion.tolist() == results_of(published / "run")["test"]["confusion"]


def test_the_published_weights_are_those_of_the_best_epoch(published: Path) -> None:
    """On the validation part they have the loss of the best epoch, which is none of the others'."""
    catalogue, results = catalogue_of(published), results_of(published / "run")
    session = onnxruntime.InferenceSession(published / "run" / "model" / "model.onnx")
    rows = catalogue.indices(Part.VALIDATION)
    (probabilities,) = session.run(None, {"images": catalogue.images[rows]})
    loss = -np.log(probabilities[range(len(rows)), catalogue.labels[rows]]).mean()
    trial = results["trials"][results["best"]["trial"]]
    losses = [epoch["validation_loss"] for epoch in trial["epochs"]]
    near = [epoch for epoch, each in enumerate(losses, 1) if each == pytest.approx(loss, rel=1e-3)]
    assert near == [trial["best_epoch"]]
    assert trial["best_epoch"] < len(losses)
