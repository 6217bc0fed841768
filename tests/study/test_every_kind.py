"""Every kind of photo: training, `job predict` and the card's own lines have the same pixels, the right ones."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.catalogue.decode import _decode, _decode_plain
from job.catalogue.pack import pack
from job.catalogue.photos import read_photos
from tests.jobs import environment, run_job
from tests.model.test_card import made_card
from tests.model.test_loading import folder  # noqa: F401 -- a fixture
from tests.photo_kinds import HEIGHT, KINDS, WIDTH

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged EXIF, and the card leaves files open


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    """What the card's first block of Python defines, run as it stands there."""
    found: dict[str, Any] = {}
    (prepare, *_) = re.findall(r"```python\n(.*?)```", made_card(HEIGHT, WIDTH), re.DOTALL)
    exec(prepare, found)  # noqa: S102 -- the card's lines
    return found


@pytest.mark.parametrize("name", KINDS)
def test_the_pixels_are_right_and_the_same_everywhere(tmp_path: Path, card: dict[str, Any], name: str) -> None:
    """What a person sees is what the model is shown, in training, by `job predict` and by the card, to the bit."""
    kind = KINDS[name]
    path = tmp_path / "photo.jpg"
    path.write_bytes(kind.data)
    packed = pack([("1", kind.data)], ["1"], height=HEIGHT, width=WIDTH, meter=lambda *_: None)
    (predicted,) = read_photos([str(path)], height=HEIGHT, width=WIDTH, retry_seconds=1)
    if kind.seen is None:
        (item,) = packed.unusable
        assert kind.reason in item.reason
        assert predicted.error == item.reason
        with pytest.raises(Exception):  # noqa: B017, PT011 -- Pillow's own, as a rule
            card["prepare"](path)
        return
    assert packed.unusable == ()
    np.testing.assert_array_equal(predicted.pixels, packed.images[0])
    np.testing.assert_array_equal(card["prepare"](path)[0], packed.images[0])
    assert np.abs(packed.images[0].astype(int) - kind.seen).mean() <= kind.tolerance


@pytest.mark.parametrize("name", [name for name in KINDS if KINDS[name].seen is not None])
def test_the_short_way_leads_to_the_same_pixels(name: str) -> None:
    """What libjpeg-turbo decodes without Pillow is what Pillow makes of it; whatever needs more goes to Pillow."""
    data = KINDS[name].data
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    if _decode_plain(image, data):
        np.testing.assert_array_equal(image, _decode(data, HEIGHT, WIDTH))


def test_there_are_photos_that_take_the_short_way() -> None:
    """The plain ones do, and so does one with EXIF that turns nothing."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    short = {name for name, kind in KINDS.items() if _decode_plain(image, kind.data)}
    plain = {"jpeg", "jpeg, full colour", "jpeg, progressive", "jpeg, grey", "jpeg, turned by EXIF to 1, big-endian"}
    assert plain <= short
    assert {name for name in short if "turned" in name} <= {name for name in short if "to 1" in name}


def test_the_cards_answers_are_those_of_job_predict(
    published: Path,
    folder: Path,  # noqa: F811 -- the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The published card's lines for onnxruntime, as they stand there, photo by photo: the same answer."""
    names = list(KINDS)
    for number, name in enumerate(names):
        (tmp_path / f"{number:03}.jpg").write_bytes(KINDS[name].data)
    lines = run_job(environment({}), "predict", str(published / "run"), str(tmp_path)).stdout.splitlines()
    prepare, *blocks = re.findall(r"```python\n(.*?)```", (folder / "MODEL_CARD.md").read_text("utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "onnxruntime" in block]
    monkeypatch.chdir(folder)
    for name, line in zip(names, lines, strict=True):
        (folder / "photo.jpg").write_bytes(KINDS[name].data)
        answer = json.loads(line)
        if KINDS[name].seen is None:
            assert "error" in answer, name
            continue
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(prepare + block, {})  # noqa: S102 -- the card's lines
        label, _, probability = printed.getvalue().strip().rpartition(" ")
        assert label == answer["predictions"][0]["label"], name
        assert float(probability) == pytest.approx(answer["predictions"][0]["probability"], abs=1e-4), name
