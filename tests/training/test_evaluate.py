"""Evaluation: which photo is counted where, for a model whose every answer is known."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from job.training.data import Normalisation, Photos
from job.training.evaluate import BATCH_SIZE, CPU_BATCH_SIZE, evaluate, photos_at_once
from tests.training.photos import CPU

TRUE = (0, 0, 0, 1, 1, 2, 3, 3, 3, 3)
LOGITS = (
    *((5.0, 1.0, 0.0, -1.0), (0.0, 5.0, 4.0, 3.0), (4.0, 5.0, 1.0, 0.0)),  # a hit, and two taken for class 1
    *((0.0, 5.0, 1.0, 2.0), (3.0, 2.0, 5.0, 1.0)),  # a hit, and one taken for class 2
    (5.0, 4.0, 3.0, 0.0),
    *((5.0, 4.0, 3.0, 1.0), (0.0, 1.0, 2.0, 5.0), (0.0, 5.0, 1.0, 2.0), (1.0, 2.0, 5.0, 0.0)),
)
CONFUSION = [[1, 2, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]]


class Known(nn.Module):
    """Answers a photo by the number that its first pixel is."""

    def forward(self, inputs: Tensor) -> Tensor:
        numbers = (inputs[:, 0, 0, 0] * 255).round().long()
        return torch.tensor(LOGITS)[numbers]


def photos(copies: int = 1) -> Photos:
    """Return photos whose first pixel is their number, each `copies` times."""
    images = np.zeros((len(TRUE) * copies, 2, 2, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(images)) % len(TRUE)
    return Photos(
        images=torch.from_numpy(images),
        labels=torch.tensor(TRUE * copies),
        train=torch.arange(0),
        validation=torch.arange(len(images)),
        n_classes=4,
        normalisation=Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    )


def test_true_classes_are_rows_and_predicted_ones_columns() -> None:
    """What is taken for what is no mirror image of itself, and each photo has its own answer."""
    found = evaluate(Known(), photos(), torch.arange(10), CPU)
    assert found.confusion.tolist() == CONFUSION
    assert found.predicted.tolist() == [int(np.argmax(row)) for row in LOGITS]
    shares = torch.tensor(LOGITS).softmax(1)
    assert found.probability.tolist() == pytest.approx(shares.max(1).values.tolist())
    assert found.loss == pytest.approx(-float(shares[range(10), list(TRUE)].log().mean()), rel=1e-6)
    assert found.top3_hits == 7  # three have their own class as the last of four


def test_rows_are_evaluated_in_the_order_asked_for() -> None:
    """Some photos, in any order: labels and answers belong to the same photo."""
    rows = [9, 3, 1]
    found = evaluate(Known(), photos(), torch.tensor(rows), CPU)
    assert found.predicted.tolist() == [2, 1, 1]
    assert found.confusion.tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]


def test_all_batches_count_the_last_one_too() -> None:
    """More photos than a batch: sums, not those of one batch, and a mean loss that is the same."""
    copies = CPU_BATCH_SIZE // 5
    many, few = photos(copies), photos()
    found = evaluate(Known(), many, many.validation, CPU)
    assert found.confusion.tolist() == [[copies * number for number in row] for row in CONFUSION]
    assert found.loss == pytest.approx(evaluate(Known(), few, few.validation, CPU).loss, rel=1e-6)
    assert found.top3_hits == 7 * copies
    assert len(found.probability) == len(many.validation)


def test_two_classes_have_no_three_most_probable_ones() -> None:
    """With fewer classes than three, each photo's class is among them."""

    class Two(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.tensor([[0.0, 1.0]]).expand(len(inputs), 2)

    two = dataclasses.replace(photos(), labels=torch.tensor([0, 1] * 5), n_classes=2)
    found = evaluate(Two(), two, torch.arange(10), CPU)
    assert (found.confusion.tolist(), found.top3_hits) == ([[0, 5], [0, 5]], 10)


class Small(Known):
    """Has memory for so many photos at a time."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.tried: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.tried.append(len(inputs))
        if len(inputs) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return super().forward(inputs)


def test_as_many_photos_are_evaluated_at_a_time_as_fit() -> None:
    """What does not fit is halved until it does, and every photo counts once."""
    model, many = Small(room=20), photos(copies=10)
    found = evaluate(model, many, many.validation, CPU)
    assert found.confusion.tolist() == [[10 * number for number in row] for row in CONFUSION]
    assert found.top3_hits == 70
    assert len(found.probability) == 100
    assert model.tried == [100, 64, 32, 16, 16, 16, 16, 16, 16, 4]


def test_a_single_photo_that_does_not_fit_is_an_error() -> None:
    """It is tried, and what torch says passes through; so does every other error at once."""
    model = Small(room=0)
    with pytest.raises(torch.OutOfMemoryError):
        evaluate(model, photos(), torch.arange(10), CPU)
    assert model.tried[-1] == 1


@pytest.mark.parametrize(
    ("device", "height", "width", "count"),
    [
        ("cpu", 40, 30, CPU_BATCH_SIZE),
        ("cpu", 80, 60, CPU_BATCH_SIZE),
        ("cpu", 224, 224, 12),
        ("cuda", 80, 60, BATCH_SIZE),
        ("cuda", 224, 224, 48),
        ("cuda", 1024, 1024, 2),
        ("cpu", 1024, 1024, 1),
    ],
)
def test_larger_photos_are_fewer_at_a_time(device: str, height: int, width: int, count: int) -> None:
    """What a batch takes follows its pixels."""
    assert photos_at_once(torch.device(device), height, width) == count
