"""The ONNX model: what torch computes, in a file that is the same wherever and whenever it is made."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import nn

from job.model.export import export_onnx
from job.training.data import Normalisation, normalise
from job.training.model import build_model
from job.training.plan import Equipment
from job.training.state import fresh_state
from job.training.trial import run_trial
from tests.training.photos import CPU, make_photos, make_plan

PHOTOS = make_photos(150)
HEIGHT, WIDTH = PHOTOS.images.shape[1:3]
METADATA = {"classes": json.dumps(["Bags", "Schühe", "袋"], ensure_ascii=False)}


def export(weights: bytes, normalisation: Normalisation = PHOTOS.normalisation) -> bytes:
    return export_onnx(weights, normalisation, height=HEIGHT, width=WIDTH, metadata=METADATA)


@pytest.fixture(scope="module")
def weights() -> bytes:
    """The weights of a model that was trained, as a safetensors file."""
    plan, equipment = make_plan(epochs=2), Equipment(PHOTOS, CPU, None, compile_model=False)
    result = run_trial(plan, equipment, fresh_state(plan, equipment))
    assert result.weights is not None
    # a model that is not sure: probabilities of 0 and 1 hide differences
    result.weights |= {name: result.weights[name] / 40 for name in ("fc.weight", "fc.bias")}
    return save_safetensors(result.weights)


@pytest.fixture(scope="module")
def exported(weights: bytes) -> bytes:
    """The ONNX file of this model."""
    return export(weights)


def torch_model(weights: bytes) -> nn.Module:
    model = build_model(PHOTOS.n_classes, 0, None)
    model.load_state_dict(load_safetensors(weights))
    return model.eval()


def test_onnxruntime_answers_what_torch_answers(weights: bytes, exported: bytes) -> None:
    """On 100 photos the most probable class is the same and no probability differs by 1e-4."""
    photos = PHOTOS.images[:100]
    with torch.inference_mode():
        expected = torch_model(weights)(normalise(photos, PHOTOS.moments)).softmax(1).numpy()
    (found,) = onnxruntime.InferenceSession(exported).run(["probabilities"], {"images": photos.numpy()})
    assert len(set(expected.argmax(1))) == PHOTOS.n_classes
    assert np.median(expected.max(1)) < 0.95
    np.testing.assert_array_equal(found.argmax(1), expected.argmax(1))
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


def test_the_batch_may_have_any_size(exported: bytes) -> None:
    """One photo is answered as it is among others."""
    photos = PHOTOS.images[:5].numpy()
    session = onnxruntime.InferenceSession(exported)
    (together,) = session.run(None, {"images": photos})
    (alone,) = session.run(None, {"images": photos[3:4]})
    np.testing.assert_allclose(alone[0], together[3], atol=1e-5)


def test_photos_of_another_size_are_refused(exported: bytes) -> None:
    """Whoever has not resized a photo is told so, and gets no answer."""
    session = onnxruntime.InferenceSession(exported)
    with pytest.raises(Exception, match="invalid dimensions"):
        session.run(None, {"images": np.zeros((1, HEIGHT + 8, WIDTH, 3), np.uint8)})


def test_the_file_says_what_goes_in_and_what_comes_out(weights: bytes, exported: bytes) -> None:
    """It is valid ONNX with typed inputs and outputs, and its weights have torchvision's names and values."""
    loaded = onnx.load_model_from_string(exported)
    onnx.checker.check_model(loaded, full_check=True)
    session = onnxruntime.InferenceSession(exported)
    (inputs,), (outputs,) = session.get_inputs(), session.get_outputs()
    assert (inputs.name, inputs.type, inputs.shape) == ("images", "tensor(uint8)", ["N", HEIGHT, WIDTH, 3])
    assert (outputs.name, outputs.type, outputs.shape) == ("probabilities", "tensor(float)", ["N", PHOTOS.n_classes])
    assert session.get_modelmeta().custom_metadata_map == METADATA
    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in loaded.graph.initializer}
    state = {name: value for name, value in load_safetensors(weights).items() if "num_batches" not in name}
    assert found.keys() == state.keys() | {"mean", "std"}
    assert all(np.array_equal(found[name], value.numpy()) for name, value in state.items())


def test_the_file_is_the_same_in_a_fresh_process_and_tells_nothing_of_it(
    weights: bytes, exported: bytes, tmp_path: Path
) -> None:
    """Equal weights give equal bytes, since their hash stands in results.json, and no path or stack is among them."""
    (tmp_path / "weights").write_bytes(weights)
    program = (
        "import hashlib, sys; from pathlib import Path; from job.training.data import Normalisation\n"
        "from job.model.export import export_onnx\n"
        f"data = export_onnx(Path(sys.argv[1]).read_bytes(), {PHOTOS.normalisation!r},\n"
        f"    height={HEIGHT}, width={WIDTH}, metadata={METADATA!r})\n"
        "print(hashlib.sha256(data).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", program, str(tmp_path / "weights")]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == hashlib.sha256(exported).hexdigest()
    assert not any(
        word in exported for word in (b"site-packages", b".py", b"/home", b"Traceback", str(Path.cwd()).encode())
    )
