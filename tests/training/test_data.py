"""Batches: the right photos, moved and normalised as promised, and a function of (seed, trial, epoch) alone."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from job.training.data import (
    MAX_SHIFT,
    EpochPlan,
    Photos,
    normalisation_of,
    normalise,
    plan_epoch,
    to_device,
    training_batch,
)
from job.training.evaluate import evaluate
from job.training.model import build_model
from tests.training.photos import CPU, make_photos


def test_an_epoch_sees_every_training_photo_once_and_no_other() -> None:
    """The order of an epoch is a permutation of the training rows."""
    photos = make_photos()
    plan = plan_epoch(photos, seed=1, trial=2, epoch=3)
    assert sorted(plan.order.tolist()) == photos.train.tolist()
    assert plan.shift.abs().max() <= MAX_SHIFT


def test_epochs_are_equal_for_equal_arguments_and_differ_otherwise() -> None:
    """Order, flips and shifts come from (seed, trial, epoch) alone."""
    photos = make_photos()
    first = plan_epoch(photos, 1, 2, 3)
    torch.manual_seed(99)
    again = plan_epoch(photos, 1, 2, 3)
    assert all(torch.equal(getattr(first, name), getattr(again, name)) for name in ("order", "flip", "shift"))
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert not torch.equal(first.order, plan_epoch(photos, *other).order)


def test_every_shift_is_drawn_and_half_of_the_photos_are_flipped() -> None:
    """Over a few epochs rows and columns are moved by -4 to 4 pixels, each way alike."""
    photos = make_photos()
    plans = [plan_epoch(photos, seed=1, trial=2, epoch=epoch) for epoch in range(1, 21)]
    shifts, flips = torch.cat([plan.shift for plan in plans]), torch.cat([plan.flip for plan in plans])
    for axis in (0, 1):
        assert sorted(set(shifts[:, axis].tolist())) == list(range(-MAX_SHIFT, MAX_SHIFT + 1))
    assert abs(float(shifts.float().mean())) < 0.5
    assert 0.4 < float(flips.float().mean()) < 0.6


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-4, 4)])
def test_photos_are_moved_flipped_and_normalised_as_numpy_would(shift: tuple[int, int], flip: bool) -> None:  # noqa: FBT001
    """The gather equals padding by the border, cropping, mirroring and normalising, done plainly."""
    photos = make_photos()
    rows = torch.tensor([5, 0])
    plan = EpochPlan(rows, torch.tensor([flip] * 2), torch.tensor([shift] * 2), rows)
    inputs, labels = training_batch(photos, plan, 0, 2)
    source = photos.images[5].numpy()
    if flip:
        source = source[:, ::-1]
    height, width = source.shape[:2]
    padded = np.pad(source, ((8, 8), (8, 8), (0, 0)), mode="edge")
    moved = padded[8 + shift[0] : 8 + shift[0] + height, 8 + shift[1] : 8 + shift[1] + width]
    mean, std = np.array(photos.normalisation.mean), np.array(photos.normalisation.std)
    expected = (moved / 255 - mean) / std
    np.testing.assert_allclose(inputs[0].permute(1, 2, 0).numpy(), expected, atol=1e-4)
    assert labels.tolist() == photos.labels[rows].tolist()


def test_inputs_are_channels_last() -> None:
    """The batch has the memory layout that the model wants, so nothing copies it."""
    photos = make_photos()
    inputs = normalise(photos.images[:4], photos.moments)
    assert inputs.shape == (4, 3, 32, 24)
    assert inputs.is_contiguous(memory_format=torch.channels_last)


def test_statistics_are_those_of_the_training_part() -> None:
    """Mean and deviation equal numpy's over the given rows and do not see any other."""
    images = make_photos().images.numpy()
    rows = np.array([0, 3, 4])
    found = normalisation_of(images, rows)
    np.testing.assert_allclose(found.mean, images[rows].reshape(-1, 3).mean(axis=0) / 255, rtol=1e-5)
    np.testing.assert_allclose(found.std, images[rows].reshape(-1, 3).std(axis=0) / 255, rtol=1e-4)
    changed = images.copy()
    changed[1] = 255
    assert normalisation_of(changed, rows) == found


def test_statistics_are_exact() -> None:
    """Pixels are added as whole numbers: for any photos, more than a slice of them, to the last digit of a fraction."""
    random = np.random.default_rng(7)
    images = random.integers(0, 256, (200, 5, 3, 3), dtype=np.uint8)
    images[..., 2] = 255  # the largest sums there can be
    rows = random.permutation(200)[:150]
    found = normalisation_of(images, rows)
    for channel in range(3):
        pixels = [Fraction(int(value), 255) for value in images[rows, :, :, channel].flat]
        mean = sum(pixels) / len(pixels)
        variance = sum((value - mean) ** 2 for value in pixels) / len(pixels)
        assert found.mean[channel] == float(mean)
        assert found.std[channel] == math.sqrt(max(float(variance), 1e-6))


def test_photos_cannot_be_swapped_for_others() -> None:
    """Photos are frozen, so no trial leaves anything behind for the next one."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_photos().n_classes = 4  # type: ignore[misc]


class OnHost(Photos):
    """Photos whose images are treated as those in the memory of another device."""

    on_host = True


def on_host(photos: Photos) -> OnHost:
    return OnHost(**{each.name: getattr(photos, each.name) for each in dataclasses.fields(photos)})


@pytest.mark.parametrize("first", [0, 3])
def test_batches_of_images_on_the_host_are_the_same(first: int) -> None:
    """Each step's images are sent while the one before trains, from any step on, and the last step sends none."""
    photos = make_photos()
    host = on_host(photos)
    plan, there = plan_epoch(photos, 1, 2, 3), plan_epoch(host, 1, 2, 3)
    for step in range(first, 8):
        inputs, labels = training_batch(photos, plan, step * 8, 8)
        sent, names = training_batch(host, there, step * 8, 8)
        assert torch.equal(inputs, sent)
        assert torch.equal(labels, names)
        assert list(there.sent) == ([(step + 1) * 8] if step < 7 else [])


def test_an_evaluation_of_images_on_the_host_is_the_same() -> None:
    """To the last bit."""
    photos = make_photos()
    model = build_model(photos.n_classes, 0, None).to(memory_format=torch.channels_last)
    found = [evaluate(model, each, photos.validation, CPU) for each in (photos, on_host(photos))]
    assert found[0].loss == found[1].loss
    assert found[0].predicted.tolist() == found[1].predicted.tolist()


def test_a_gpu_goes_on_working_while_it_is_sent_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a copy from pinned memory, and one that nobody waits for, leaves it at work; a CPU needs neither."""
    asked: list[object] = []

    def pin(values: torch.Tensor) -> torch.Tensor:
        asked.append("pinned")
        return values

    def to(values: torch.Tensor, _device: torch.device, **how: object) -> torch.Tensor:
        asked.append(how)
        return values

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", to)
    to_device(torch.zeros(3), torch.device("cuda"))
    assert asked == ["pinned", {"non_blocking": True}]
    asked.clear()
    to_device(torch.zeros(3), torch.device("cpu"))
    assert asked == [{}]
