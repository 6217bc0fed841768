"""A real full disk, a tmpfs of 8 MB: a clear error, and nothing half-written."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs import comparable, error_of, events, results_of, run_job, tiny_settings
from tests.seaweed import Seaweed
from tests.tiny import tiny_files, write_zip


def as_root(*command: str) -> None:
    """Run a command that only root may."""
    subprocess.run([*([] if os.geteuid() == 0 else ["sudo", "-n"]), *command], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    as_root("mount", "-t", "tmpfs", "-o", "size=8m,mode=777", "tmpfs", str(folder))
    yield folder
    as_root("umount", str(folder))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_output_that_is_full_ends_the_job_and_it_goes_on_when_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    """The weights do not fit: the error names them and the way out, nothing half-written is left, nothing is lost."""
    settings = tiny_settings(tmp_path, OUTPUT_URI=str(small_disk / "run"))
    each_step = {"CHECKPOINTS": "each-step", "NOTE_WRITES": os.devnull}
    full = run_job(settings | each_step, program="tests.killing")
    assert full.returncode == 42, full.stderr
    error = error_of(full)
    assert f"cannot write {small_disk}/run/models/0000." in error
    assert "no space left on device; free some space or choose another folder" in error
    assert events(full, "checkpoint not written")  # which did not end the training
    assert set(files(small_disk / "run")) - {"progress.json"} == {"attempts/0001.json", "run.json"}
    as_root("mount", "-o", "remount,size=2g", str(small_disk))
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    undisturbed = run_job(tiny_settings(tmp_path))
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert comparable(results_of(small_disk / "run")) == comparable(results_of(tmp_path / "run"))


def test_a_full_cache_stops_no_job_whose_photos_are_in_memory(tmp_path: Path, small_disk: Path) -> None:
    """The decoded photos, 47 MB, are not cached; the job says so and uses those that it has."""
    settings = tiny_settings(tmp_path, CACHE_DIR=str(small_disk), IMAGE_HEIGHT="512", IMAGE_WIDTH="512")
    check = run_job(settings, "check")
    assert check.returncode == 0, check.stderr
    (event,) = events(check, "photos not cached")
    assert "no room: they have 47,185,920 bytes, and" in event["error"]
    assert files(small_disk) == []


def test_an_archive_that_does_not_fit_into_the_cache_is_an_error(
    tmp_path: Path, small_disk: Path, seaweed: Seaweed
) -> None:
    """Neither on the disk nor within the limit: said with both figures, before a byte is downloaded."""
    archive = write_zip(tmp_path / "catalogue.zip", tiny_files() | {"padding": os.urandom(10_000_000)})
    bucket = seaweed.new_bucket()
    seaweed.put(bucket, "catalogue.zip", archive.read_bytes())
    settings = tiny_settings(tmp_path, DATASET_URI=f"s3://{bucket}/catalogue.zip", RETRY_SECONDS="5")
    size = archive.stat().st_size
    here = {"FASHIONTUNE_CACHE_DIR": str(small_disk)}
    limit = {"FASHIONTUNE_CACHE_LIMIT": "9000000"}
    for name, changes, room in (("CACHE_DIR", here, "8,"), ("CACHE_LIMIT", limit, "9,000,000 of the 9,000,000")):
        result = run_job(settings | changes | seaweed.environment(), "check")
        assert result.returncode == 42, result.stderr
        words = error_of(result)
        assert words.startswith(f"FASHIONTUNE_{name}: s3://{bucket}/catalogue.zip has {size:,} bytes, and ")
        assert f"has room for {room}" in words
    assert files(small_disk) == []
    enough = run_job(settings | {"FASHIONTUNE_CACHE_LIMIT": "11000000"} | seaweed.environment(), "check")
    assert enough.returncode == 0, enough.stderr


def test_what_is_in_the_cache_counts_towards_its_limit(tmp_path: Path) -> None:
    """Photos of another size that an earlier run has left there take room; those of this run are then not kept."""
    settings = tiny_settings(tmp_path)
    assert run_job(settings, "check").returncode == 0
    taken = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    larger = {"FASHIONTUNE_IMAGE_HEIGHT": "64", "FASHIONTUNE_CACHE_LIMIT": str(taken + 100_000)}
    check = run_job(settings | larger, "check")
    assert check.returncode == 0, check.stderr
    (event,) = events(check, "photos not cached")
    assert event["error"] == "no room: they have 276,480 bytes, and 100,000 are left"
