"""model.json: all that is needed to use the published weights, as it is written and as it is read again.

Knows neither torch nor ONNX; the names of the ONNX file's input and output stand here as its users will read them.
"""

from typing import Literal

from pydantic import Field

from job.records.record import Record

WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
DESCRIPTION = "model.json"
CARD = "MODEL_CARD.md"
PUBLISHED = "model/"
"""The folder in the run that holds them."""

_DECODE = (
    "Decode the photo, the first one of a file with several; training has read JPEG and PNG. A JPEG that stays at "
    "least twice as wide and twice as high as the input is decoded at 1/2, 1/4 or 1/8 of its size, which is quicker "
    "(Pillow's draft mode)."
)
_RESIZE = (
    "Stretch it to the input's width and height, whatever its proportions, by Lanczos resampling; one that has this "
    "size stays as it is."
)
PREPARATION = (
    _DECODE,
    "Turn it upright, as the orientation in its EXIF says, or in its XMP where EXIF has none.",
    "Of 16 bits a channel take the upper 8.",
    "Lay transparent pixels on white.",
    "Convert it to RGB, 8 bits a channel, as Pillow does; colour profiles and gamma are ignored.",
    _RESIZE,
)
"""What job.catalogue.decode does to a photo, for whoever does it elsewhere."""


class ModelInput(Record):
    """The photos that a model takes."""

    height: int = Field(description="In pixels.")
    width: int = Field(description="In pixels.")
    channels: Literal["RGB"] = "RGB"
    preparation: tuple[str, ...] = Field(PREPARATION, description="From a file to height x width RGB pixels, 0 to 255.")
    scale: Literal["0..1"] = Field("0..1", description="What pixels are scaled to before normalisation.")
    mean: tuple[float, float, float] = Field(description="Of each channel, to be subtracted after scaling.")
    std: tuple[float, float, float] = Field(description="Of each channel, to be divided by after that.")


class TensorType(Record):
    """An input or output of a model."""

    name: str
    type: str
    shape: tuple[int | str, ...]


class TestMetrics(Record):
    """The winner's metrics on the test part."""

    photos: int
    accuracy: float
    accuracy_ci95: tuple[float, float] = Field(description="Wilson interval.")
    macro_f1: float
    balanced_accuracy: float
    top3_accuracy: float


class ModelRun(Record):
    """Where a model comes from."""

    trial: int
    repetition: int | None = Field(None, description="With which other seed the trial was trained again; null: none.")
    params: dict[str, float | str]
    dataset_fingerprint: str
    test: TestMetrics


class ModelDescription(Record):
    """model.json."""

    schema_version: Literal[1] = 1
    architecture: Literal["torchvision.models.resnet18"] = "torchvision.models.resnet18"
    classes: tuple[str, ...] = Field(description="In the order of the model's outputs.")
    input: ModelInput
    weights: TensorType = Field(description="What model.safetensors takes, once loaded: scaled, normalised photos.")
    onnx_input: TensorType = Field(description="What model.onnx takes: prepared photos; it scales and normalises them.")
    onnx_output: TensorType
    sha256: dict[str, str] = Field(description="Of the files beside this one, by name.")
    run: ModelRun
