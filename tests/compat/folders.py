"""The committed run folders: what each was asked for, and how it is packed and unpacked.

JSON is committed as it was written; so is everything else, weights and checkpoints among it, compressed by xz. A
ResNet18 of 45 MB fits in 11 kB because its initial weights are almost all zeros: ALIVE channels of each layer go the
short way around every block and learn the catalogue; the other weights stay zero.

Not covered: report.html, figures/ and tensorboard/, which are drawn again and never read; weights drawn from the seed;
GPUs, whose checkpoints hold the state of a gradient scaler; pruned and failed trials.
"""

import lzma
import shutil
from pathlib import Path

import torch
from safetensors.torch import save
from torchvision.models import resnet18

from tests.jobs import TINY
from tests.tiny import CLASSES, tiny_files, write_folder

RUNS = Path(__file__).parent / "runs"
WRITTEN_ON = RUNS / "written_on.txt"
EXPECTED = "expected.json"
"""Of an interrupted run: the results.json that the old code arrived at."""
INITIAL_WEIGHTS = "initial.safetensors"
ALIVE = 4
"""Channels of each layer that are not zero."""

_DRAWN_AGAIN = {"figures", "report.html", "tensorboard", ".write-check"}
_SAME = {
    "DATASET_URI": "catalogue",
    "CACHE_DIR": "cache",
    "INIT_WEIGHTS": INITIAL_WEIGHTS,
    "CHECKPOINT_SECONDS": "0.01",
    "SEED": "6",
}
ASKED_FOR = {
    "finished": {
        "N_TRIALS": "8",
        "N_INITIAL_TRIALS": "6",
        "EPOCHS": "3",
        "PRUNER": "median",
        "SEARCH_SPACE": '{"learning_rate": {"low": 0.001, "high": 1e12}}',
    },
    "interrupted": {"N_TRIALS": "4", "OBJECTIVE": "log_loss", "EPOCHS": "3"},
    "repeated": {"FINAL_TRIALS": "2", "FINAL_SEEDS": "2"},
    "warm": {"WARM_START_URI": "finished", "SEED": "7"},
}
"""The settings of each run, beside those that all share. All paths are relative: run.json holds some of them."""


def settings_of(name: str, **changes: str) -> dict[str, str]:
    """Return the environment of a run; its working directory is the one that `unpack` has filled."""
    values = TINY | _SAME | ASKED_FOR[name] | {"OUTPUT_URI": name} | changes
    return {f"FASHIONTUNE_{variable}": value for variable, value in values.items()}


def machine() -> str:
    """Return what a float's last bits depend on: they are compared on such a machine alone."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown")
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}\n"


def write_inputs(directory: Path) -> None:
    """Draw the catalogue and unpack the initial weights."""
    write_folder(directory / "catalogue", tiny_files())
    packed = RUNS / f"{INITIAL_WEIGHTS}.xz"
    (directory / INITIAL_WEIGHTS).write_bytes(lzma.decompress(packed.read_bytes()))


def unpack(name: str, directory: Path) -> Path:
    """Write a committed run into `directory` and return its folder."""
    for path in sorted((RUNS / name).rglob("*.*")):
        target = directory / path.relative_to(RUNS)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".xz":
            target.with_suffix("").write_bytes(lzma.decompress(path.read_bytes()))
        else:
            shutil.copyfile(path, target)
    return directory / name


def pack(run: Path, target: Path) -> None:
    """Write what is kept of a run into `target`."""
    for path in sorted(run.rglob("*.*")):
        place = path.relative_to(run)
        if not _DRAWN_AGAIN.isdisjoint(place.parts):
            continue
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            shutil.copyfile(path, target / place)
        else:
            (target / f"{place}.xz").write_bytes(lzma.compress(path.read_bytes(), preset=9))


def initial_weights() -> bytes:
    """Return a ResNet18 whose convolutions are 0 but for ALIVE channels of the stem and of the shortcuts."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = resnet18(weights=None, num_classes=len(CLASSES))
        for name, value in model.named_parameters():
            if value.dim() > 1:
                alive = torch.zeros_like(value)
                if "downsample" in name:
                    alive[:ALIVE, :ALIVE] = torch.randn(ALIVE, ALIVE, 1, 1)
                elif name == "conv1.weight":
                    alive[:ALIVE] = value[:ALIVE]
                elif name == "fc.weight":
                    alive[:, :ALIVE] = torch.randn(len(CLASSES), ALIVE)
                value.data = alive
    return save(model.state_dict())
