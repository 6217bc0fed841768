"""The same search as one would write it in a notebook: what the job's speed is compared with.

    python -m benchmarks.notebook CATALOGUE MODEL.pt TRIALS EPOCHS

CATALOGUE is a folder with `styles.csv` and `images/`. pandas, scikit-learn, torchvision and scikit-optimize are used
as their guides show it, and with some care: two workers that decode and stay, loaders made once, full batches, no
validation on the test part, and the test part not looked at. There are no checkpoints, no report and no test.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from PIL import Image
from sklearn.model_selection import train_test_split
from skopt import gp_minimize
from skopt.space import Categorical, Real
from skopt.utils import use_named_args
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import resnet18

SIZE = (80, 60)
BATCH_SIZE = 128
MIN_CLASS_IMAGES = 10
SPACE = [
    Real(1e-3, 1e-1, prior="log-uniform", name="learning_rate"),
    Real(0.1, 0.9, name="momentum"),
    Real(1e-4, 1e-2, prior="log-uniform", name="weight_decay"),
    Categorical(["sgd", "adam", "rmsprop", "nag"], name="optimizer"),
]
NORMALISE = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
AUGMENT = transforms.Compose(
    [transforms.Resize(SIZE), transforms.RandomHorizontalFlip(), transforms.ToTensor(), NORMALISE]
)
PLAIN = transforms.Compose([transforms.Resize(SIZE), transforms.ToTensor(), NORMALISE])


class ProductPhotos(Dataset[tuple[Tensor, int]]):
    """Photos of a table, decoded when they are asked for."""

    def __init__(self, folder: Path, table: pd.DataFrame, classes: list[str], transform: transforms.Compose) -> None:
        self.paths = [folder / "images" / f"{identifier}.jpg" for identifier in table["id"]]
        self.labels = [classes.index(name) for name in table["subCategory"]]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.open(self.paths[index]).convert("RGB")
        return self.transform(image), self.labels[index]


def read_table(folder: Path) -> pd.DataFrame:
    """Return the rows that have a photo and a class that is large enough."""
    table = pd.read_csv(folder / "styles.csv", on_bad_lines="skip")
    table = table[[(folder / "images" / f"{identifier}.jpg").exists() for identifier in table["id"]]]
    counts = table["subCategory"].value_counts()
    return table[table["subCategory"].isin(counts[counts >= MIN_CLASS_IMAGES].index)]


def build_optimizer(
    model: nn.Module, name: str, learning_rate: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return the optimizer of that name."""
    if name == "adam":
        return torch.optim.Adam(
            model.parameters(), lr=learning_rate, betas=(momentum, 0.999), weight_decay=weight_decay
        )
    if name == "rmsprop":
        return torch.optim.RMSprop(model.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
    nesterov = name == "nag"
    return torch.optim.SGD(
        model.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )


def train_epoch(model: nn.Module, loader: DataLoader[Any], optimizer: torch.optim.Optimizer) -> int:
    """Train one epoch and return how many photos it saw."""
    model.train()
    seen = 0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        seen += len(labels)
    return seen


@torch.no_grad()
def accuracy_of(model: nn.Module, loader: DataLoader[Any]) -> float:
    """Return the share of photos that the model tells right."""
    model.eval()
    hits = sum(int((model(images).argmax(dim=1) == labels).sum()) for images, labels in loader)
    return hits / len(loader.dataset)  # type: ignore[arg-type]


def main(folder: Path, model_path: Path, trials: int, epochs: int) -> None:
    """Search, save the best model, and print what was done as JSON."""
    torch.manual_seed(0)
    table = read_table(folder)
    classes = sorted(table["subCategory"].unique())
    train, rest = train_test_split(table, test_size=0.3, stratify=table["subCategory"], random_state=0)
    validation, _test = train_test_split(rest, test_size=0.5, random_state=0)
    loader = partial(DataLoader, batch_size=BATCH_SIZE, num_workers=2, persistent_workers=True)
    train_loader = loader(ProductPhotos(folder, train, classes, AUGMENT), shuffle=True, drop_last=True)
    validation_loader = loader(ProductPhotos(folder, validation, classes, PLAIN))
    best, seen, optimizers = 0.0, 0, []

    @use_named_args(SPACE)  # type: ignore[untyped-decorator]
    def objective(optimizer: str, **params: float) -> float:
        nonlocal best, seen
        optimizers.append(str(optimizer))
        model = resnet18(num_classes=len(classes))
        chosen = build_optimizer(model, optimizer, **params)
        accuracy = 0.0
        for _ in range(epochs):
            seen += train_epoch(model, train_loader, chosen)
            accuracy = max(accuracy, accuracy_of(model, validation_loader))
            if accuracy >= best:
                best = accuracy
                torch.save(model.state_dict(), model_path)
        return -accuracy

    gp_minimize(objective, SPACE, n_calls=trials, n_initial_points=trials, random_state=0)
    print(json.dumps({"photos": seen, "classes": len(classes), "accuracy": best, "optimizers": optimizers}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
