"""The job on real photos, where they are at hand: the whole catalogue checked, and a small run from three places."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from job.catalogue.catalogue import CatalogueSettings, load_catalogue
from job.catalogue.split import Part
from job.storage import open_storage
from tests.jobs import comparable, environment, run_job, tiny_settings
from tests.real_photos import ZIP, some_photos
from tests.seaweed import Seaweed
from tests.tiny import write_zip

pytestmark = pytest.mark.skipif(not ZIP.exists(), reason="the real photos are not beside this checkout")


def test_every_trap_of_the_real_catalogue_is_found(tmp_path: Path) -> None:
    """35,470 rows and not one lost: 15 names mended, 4 photos missing, duplicates together, every id accounted for."""
    settings = CatalogueSettings(
        uri=str(ZIP),
        cache_dir=tmp_path,
        target_column="subCategory",
        min_class_images=10,
        max_images=0,
        image_height=80,
        image_width=60,
        validation_fraction=0.15,
        test_fraction=0.15,
        seed=0,
        retry_seconds=1,
    )
    catalogue = load_catalogue(settings, lambda *_: None)
    assert catalogue.dataset.rows == 35_470
    assert len(catalogue.dataset.repaired) == 15
    reasons = {item.id: item.reason for item in catalogue.dataset.quarantined}
    missing = {name for name, reason in reasons.items() if reason == "no photo in images/"}
    assert missing == {"39403", "39410", "39425", "12347"}
    used = {name for name, part in zip(catalogue.ids, catalogue.parts, strict=True) if part >= 0}
    assert len(used | reasons.keys()) == len(used) + len(reasons) == catalogue.dataset.rows
    groups: dict[str, set[int]] = defaultdict(set)
    for name, pixels, part in zip(catalogue.ids, catalogue.pixel_hashes, catalogue.parts, strict=True):
        if name in used:
            groups[pixels].add(int(part))
    assert {len(parts) for parts in groups.values()} == {1}
    assert catalogue.dataset.duplicate_groups > 400
    shares = Counter(int(part) for part in catalogue.parts if part >= 0)
    assert shares[Part.TEST] / len(used) == pytest.approx(0.15, abs=0.005)
    assert catalogue.images.shape == (35_466, 80, 60, 3)


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    """300 photos of the five largest classes, with their rows as published."""
    return some_photos(60)


def test_a_run_is_the_same_from_a_zip_on_disk_a_zip_in_s3_and_a_prefix(
    tmp_path: Path, photos: dict[str, bytes], seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real photos, a real S3 server: the trials are the same to the last digit, and results.json fits its schema."""
    bucket = seaweed.new_bucket()
    aws = seaweed.environment()
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    archive = write_zip(tmp_path / "photos.zip", photos)
    storage = open_storage(f"s3://{bucket}/data/")
    storage.put("photos.zip", archive.read_bytes())
    for name, content in photos.items():
        storage.put(f"photos/{name}", content)
    found = {}
    for place, uri, output in (
        ("disk", str(archive), str(tmp_path / "run")),
        ("zip in S3", f"s3://{bucket}/data/photos.zip", f"s3://{bucket}/runs/zip/"),
        ("prefix in S3", f"s3://{bucket}/data/photos/", f"s3://{bucket}/runs/prefix"),
    ):
        changes = {"DATASET_URI": uri, "OUTPUT_URI": output, "CACHE_DIR": str(tmp_path / place), "EPOCHS": "3"}
        result = run_job(tiny_settings(tmp_path, **changes) | aws)
        assert result.returncode == 0, result.stderr
        found[place] = open_storage(output).get("results.json")
    trials = {place: comparable(json.loads(results))["trials"] for place, results in found.items()}
    assert trials["disk"] == trials["zip in S3"] == trials["prefix in S3"]
    results = json.loads(found["disk"])
    assert results["dataset"]["images"] > 290
    assert results["best"]["value"] > 0.4  # of five classes, of equal size
    (tmp_path / "results.json").write_bytes(found["prefix in S3"])
    (tmp_path / "schema.json").write_text(run_job(environment({}), "schema").stdout)
    subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--schemafile", tmp_path / "schema.json", tmp_path / "results.json"],
        check=True,
        capture_output=True,
    )
