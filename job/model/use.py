"""How the published model is used, for its card: what is done to a photo, and a few lines of Python for each file.

A test runs these lines as they stand here and compares their answers with the job's own.
"""

from job.records.model import PREPARATION


def describe_use(height: int, width: int) -> str:
    """Return a section of Markdown for a model that takes photos of this size in pixels."""
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(PREPARATION, 1))
    return f"""\
## How to use it

A photo is prepared as in training:

{steps}

```python
import numpy as np
from PIL import Image

TURNS = {{2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}}  # EXIF's orientations as Pillow's transpositions

def prepare(path):
    photo = Image.open(path, formats=("JPEG", "PNG"))
    stored, key = photo.tile[0][3], photo.info.get("transparency")
    if (photo.mode == "CMYK" and "adobe" not in photo.info) or (key is not None and stored in ("I;16B", "RGB;16B")):
        raise ValueError("Pillow does not read this kind of photo rightly, and training leaves it out")
    if key is not None and stored in ("L;2", "L;4"):
        photo.info["transparency"] = key * {{"L;2": 85, "L;4": 17}}[stored]
    photo.draft("RGB", ({2 * width}, {2 * height}))
    try:
        turn = TURNS.get(photo.getexif().get(0x0112))
    except Exception:  # damaged EXIF says nothing of where is up
        turn = None
    if turn is not None:
        photo = photo.transpose(turn)
    if photo.mode.startswith("I"):
        photo = Image.fromarray((np.asarray(photo) >> 8).astype(np.uint8))
    if photo.has_transparency_data:
        photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo.convert("RGBA"))
    photo = photo.convert("RGB").resize(({width}, {height}), Image.Resampling.LANCZOS)
    return np.asarray(photo)[None]  # (1, {height}, {width}, 3) uint8
```

With torch, torchvision and safetensors; `model.safetensors` takes photos that are scaled and normalised, too,
(N, 3, {height}, {width}) float32, and answers with logits:

```python
import json, pathlib, torch, torchvision
from safetensors.torch import load_file

about = json.loads(pathlib.Path("model.json").read_text(encoding="utf-8"))
model = torchvision.models.resnet18(num_classes=len(about["classes"])).eval()
model.load_state_dict(load_file("model.safetensors"))
photo = torch.tensor(prepare("photo.jpg")).permute(0, 3, 1, 2) / 255
mean, std = (torch.tensor(about["input"][name]).view(3, 1, 1) for name in ("mean", "std"))
with torch.inference_mode():
    probabilities = model((photo - mean) / std).softmax(dim=1)[0]
print(about["classes"][probabilities.argmax()], float(probabilities.max()))
```

With onnxruntime; `model.onnx` takes prepared photos as they are, (N, {height}, {width}, 3) uint8, and answers with
probabilities:

```python
import json, onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
probabilities = session.run(["probabilities"], {{"images": prepare("photo.jpg")}})[0][0]
print(classes[probabilities.argmax()], float(probabilities.max()))
```"""
