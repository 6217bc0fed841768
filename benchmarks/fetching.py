"""How fast photos come from S3 and are decoded, beside what else does the same.

    python -m benchmarks.fetching [CATALOGUE.zip]

CATALOGUE is the small Fashion Product Images as a zip (35,466 JPEGs, 99 MB). S3 is SeaweedFS on this machine's
loopback, which works on the same cores. Ours and the peer take turns; a figure is the median of the pairs' ratios.

* archive: the job's download, verified, beside a pool of threads with boto3's ranged GETs, which write a file; by the
  CRC64NVME that Amazon keeps of objects, and by the MD5 that is left to servers without checksums.
* prefix: 5,000 photos and styles.csv listed and read by a process of its own, beside `aws s3 sync`.
* decode: all that is done from the local zip to the packed array (members read and checked, decoded, sized, hashed,
  put in order), beside processes on all cores that do nothing but decode photos from memory: with Pillow, and with
  simplejpeg, which is libjpeg-turbo and little else. The whole preparation, with the split and the cache, is told.
"""

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.figure import Figure, print_figures
from job.catalogue.cache import Cache
from job.catalogue.catalogue import CatalogueSettings, load_catalogue
from job.catalogue.fetch import find_catalogue
from job.catalogue.pack import pack
from job.storage import open_storage
from job.storage.base import Storage
from job.storage.s3_client import open_client
from tests.real_photos import ZIP
from tests.seaweed import Seaweed, running_seaweed

ROUNDS = 7
SLOW_ROUNDS = 5
PREFIX_PHOTOS = 5000
PEER_PART_BYTES = 8 << 20
PEER_THREADS = 10  # both as in boto3's own transfers
DECODED_PHOTOS = 16_000
HEIGHT, WIDTH = 80, 60

AWS = Path("build/aws")
AWS_LOCK = Path(__file__).with_name("aws.lock")

READ_PREFIX = """
import sys
from pathlib import Path
from job.catalogue.cache import Cache
from job.catalogue.fetch import find_catalogue
with find_catalogue(sys.argv[1], Cache(Path(sys.argv[2])), 60, lambda *_: None).open() as source:
    assert sum(len(content) for _, content in source.read(source.names())) == int(sys.argv[3])
"""


def measure(catalogue: Path = ZIP) -> list[Figure]:
    """Measure everything; some minutes."""
    with tempfile.TemporaryDirectory() as folder, running_seaweed(Path(tempfile.mkdtemp(dir=folder))) as server:
        bucket = server.new_bucket()
        with environment(server.environment()):
            storage = open_storage(f"s3://{bucket}/")
            with catalogue.open("rb") as file:
                open_client(60).put_object(Bucket=bucket, Key="catalogue.zip", Body=file, ChecksumAlgorithm="CRC64NVME")
            work = Path(folder) / "work"
            work.mkdir()
            with environment({"AWS_RESPONSE_CHECKSUM_VALIDATION": "when_supported"}):  # as with Amazon
                archive = measure_archive(open_storage(f"s3://{bucket}/"), bucket, work, "archive")
            return [
                archive,
                measure_archive(storage, bucket, work, "archive, by its MD5"),
                measure_prefix(server, bucket, catalogue, work),
                *measure_decode(catalogue, work),
            ]


@contextmanager
def environment(changes: dict[str, str]) -> Iterator[None]:
    """Set environment variables, for boto3 finds its settings there."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def seconds_of(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def take_turns(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of ours, those of the peer, and their ratios, pair by pair; a first pair only warms up."""
    ours(), peer()
    pairs = []
    for number in range(rounds):
        order = (ours, peer) if number % 2 else (peer, ours)
        seconds = {call: seconds_of(call) for call in order}
        pairs.append((seconds[ours], seconds[peer]))
        print(f"{pairs[-1][0]:.3f} s, the peer {pairs[-1][1]:.3f} s", file=sys.stderr, flush=True)
    mine, theirs = zip(*pairs, strict=True)
    return list(mine), list(theirs), [a / b for a, b in pairs]


def details_of(ours: Sequence[float], peer: Sequence[float], ratios: Sequence[float]) -> dict[str, float | int | str]:
    """Return what a ratio was made of."""
    return {
        "ours_seconds": round(statistics.median(ours), 3),
        "peer_seconds": round(statistics.median(peer), 3),
        "lowest_ratio": round(min(ratios), 3),
        "highest_ratio": round(max(ratios), 3),
        "pairs": len(ratios),
    }


def measure_archive(storage: Storage, bucket: str, work: Path, name: str) -> Figure:
    """Compare the speed of the archive's download with that of plain ranged GETs."""
    client = open_client(60)
    entry = storage.stat("catalogue.zip")

    def ours() -> None:
        with storage.open_file(storage.stat(entry.key), work):
            pass

    def peer() -> None:
        size = client.head_object(Bucket=bucket, Key=entry.key)["ContentLength"]
        with tempfile.TemporaryFile(dir=work) as file, ThreadPoolExecutor(PEER_THREADS) as pool:

            def get(start: int) -> None:
                end = min(start + PEER_PART_BYTES, size) - 1
                response = client.get_object(Bucket=bucket, Key=entry.key, Range=f"bytes={start}-{end}")
                os.pwrite(file.fileno(), response["Body"].read(), start)

            list(pool.map(get, range(0, size, PEER_PART_BYTES)))

    mine, theirs, ratios = take_turns(ours, peer, 3 * ROUNDS)
    speeds = [1 / ratio for ratio in ratios]
    details = details_of(mine, theirs, speeds) | {"megabytes": round(entry.size / 1e6, 1)}
    return Figure(name, round(statistics.median(speeds), 3), 0.8, "of the speed of plain GETs", details=details)


def settings_for(uri: str, cache: str) -> CatalogueSettings:
    """Return the job's defaults for a catalogue."""
    return CatalogueSettings(
        uri=uri,
        cache_dir=Path(cache),
        target_column="subCategory",
        min_class_images=10,
        max_images=0,
        image_height=HEIGHT,
        image_width=WIDTH,
        validation_fraction=0.15,
        test_fraction=0.15,
        seed=0,
        retry_seconds=60,
    )


def prepare(uri: str, work: Path) -> str:
    """Fetch and prepare a catalogue with an empty cache, and return its fingerprint."""
    with tempfile.TemporaryDirectory(dir=work) as cache:
        return load_catalogue(settings_for(uri, cache), lambda *_: None).fingerprint


def measure_prefix(server: Seaweed, bucket: str, catalogue: Path, work: Path) -> Figure:
    """Compare the time to read 5,000 photos with that of `aws s3 sync`."""
    install_aws()
    prefix = f"s3://{bucket}/prefix/"
    storage = open_storage(prefix)
    with zipfile.ZipFile(catalogue) as archive, ThreadPoolExecutor(8) as pool:
        photos = [name for name in archive.namelist() if name.endswith(".jpg")]
        names = [*photos[:PREFIX_PHOTOS], "styles.csv"]
        contents = {name: archive.read(name) for name in names}
        list(pool.map(lambda name: storage.put(name, contents[name]), names))
    total = sum(map(len, contents.values()))

    def ours() -> None:
        subprocess.run([sys.executable, "-c", READ_PREFIX, prefix, str(work), str(total)], check=True)

    def peer() -> None:
        with tempfile.TemporaryDirectory(dir=work) as target:
            command = [str(AWS / "bin" / "aws"), "s3", "sync", "--only-show-errors", prefix, target]
            subprocess.run(command, check=True, env=os.environ | server.environment())
            assert sum(path.stat().st_size for path in Path(target).rglob("*.*")) == total

    mine, theirs, ratios = take_turns(ours, peer, SLOW_ROUNDS)
    details = details_of(mine, theirs, ratios) | {"objects": len(names), "aws": aws_version()}
    unit = "of the time of aws s3 sync"
    return Figure("prefix", round(statistics.median(ratios), 3), 0.5, unit, less_is_better=True, details=details)


def install_aws() -> None:
    """Put the AWS command line into an environment of its own, of the versions that the lock names."""
    if not (AWS / "bin" / "aws").exists():
        subprocess.run([sys.executable, "-m", "venv", AWS], check=True)
        subprocess.run([AWS / "bin" / "pip", "install", "--quiet", "--require-hashes", "-r", AWS_LOCK], check=True)


def aws_version() -> str:
    """Return the version of the AWS command line."""
    done = subprocess.run([AWS / "bin" / "aws", "--version"], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()[0]


def measure_decode(catalogue: Path, work: Path) -> list[Figure]:
    """Compare photos a second, from the zip to the packed array, with those of loops that only decode."""
    cores = len(os.sched_getaffinity(0))
    whole = statistics.median(seconds_of(lambda: prepare(str(catalogue), work)) for _ in range(3))
    figures = []
    with (
        find_catalogue(str(catalogue), Cache(work), 60, lambda *_: None).open() as source,
        get_context("spawn").Pool(cores, _read_photos, (str(catalogue), cores)) as pool,
    ):
        names = [name for name in source.names() if name.endswith(".jpg")]

        def ours() -> None:
            pack(source.read(names), names, height=HEIGHT, width=WIDTH, meter=lambda *_: None)

        for peer_name, decoder in (("Pillow", _with_pillow), ("libjpeg-turbo", _with_simplejpeg)):

            def peer(decoder: Callable[[bytes], Any] = decoder) -> int:
                return sum(pool.map(_decode_share, [decoder] * cores, chunksize=1))

            decoded = peer()
            mine, theirs, _ = take_turns(ours, peer, SLOW_ROUNDS)
            rates = [(len(names) / a) / (decoded / b) for a, b in zip(mine, theirs, strict=True)]
            details = details_of(mine, theirs, rates) | {
                "ours_photos_per_second": round(len(names) / statistics.median(mine)),
                "peer_photos_per_second": round(decoded / statistics.median(theirs)),
                "whole_preparation_seconds": round(whole, 2),
            }
            unit = f"of the speed of {peer_name} alone"
            figures.append(
                Figure(f"decode, {peer_name}", round(statistics.median(rates), 3), 0.9, unit, details=details)
            )
    return figures


_share: list[bytes]


def _read_photos(catalogue: str, cores: int) -> None:
    """Read a process's share of the photos into its memory."""
    global _share  # noqa: PLW0603 -- a process has one
    with zipfile.ZipFile(catalogue) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        _share = [archive.read(name) for name in names[:: max(1, len(names) // DECODED_PHOTOS)][:DECODED_PHOTOS]]
    _share = _share[: len(_share) // cores]


def _decode_share(decoder: Callable[[bytes], Any]) -> int:
    for data in _share:
        decoder(data)
    return len(_share)


def _with_pillow(data: bytes) -> Any:  # noqa: ANN401 -- an array
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _with_simplejpeg(data: bytes) -> Any:  # noqa: ANN401 -- an array
    return simplejpeg.decode_jpeg(data, "RGB")


if __name__ == "__main__":
    print_figures(measure(*map(Path, sys.argv[1:])))
