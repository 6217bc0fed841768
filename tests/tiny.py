"""Tiny catalogues that tests make: a few photos of a few classes, as a folder, a zip or a tar."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

HEADER = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"
CLASSES = ("Bags", "Shoes", "Watches")
_BANDS = ((0, (150, 0, 0)), (1, (150, 150, 150)), (0, (0, 0, 150)))
"""Of each class the place and colour: red bags and blue watches differ by nothing but their colour."""


def photo(label: int, identifier: int, size: tuple[int, int] = (24, 32), **save: object) -> bytes:
    """Return a JPEG, (width, height), whose bright band tells its class and whose noise tells it from the others.

    Every fifth pair of shoes looks like a bag, so that no model is right about all of them.
    """
    width, height = size
    pixels = np.random.default_rng([label, identifier]).integers(0, 90, (height, width, 3), dtype=np.uint8)
    band = height // 4
    place, colour = _BANDS[0 if looks_like_a_bag(label, identifier) else label]
    pixels[place * band : (place + 1) * band] += np.array(colour, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **({"quality": 90} | save))
    return buffer.getvalue()


def looks_like_a_bag(label: int, identifier: int) -> bool:
    """Say whether nobody can tell from this photo of shoes that it is one."""
    return CLASSES[label] == "Shoes" and identifier % 5 == 1


def row(identifier: str, label: str, name: str = "A thing") -> str:
    """Return a line of styles.csv."""
    return f"{identifier},Men,Apparel,{label},Thing,Red,Summer,2012,NA,{name}"


def tiny_files(per_class: int = 20) -> dict[str, bytes]:
    """Return a catalogue's files by name: `per_class` photos of each of CLASSES."""
    files = {}
    rows = [HEADER]
    for label, name in enumerate(CLASSES):
        for index in range(per_class):
            identifier = 1000 * (label + 1) + index
            files[f"images/{identifier}.jpg"] = photo(label, identifier)
            rows.append(row(str(identifier), name))
    return {"styles.csv": ("\n".join(rows) + "\n").encode(), **files}


def write_folder(directory: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return directory


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Write files into a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    """Write files into a tar archive, compressed if its name says so."""
    with tarfile.open(path, "w:gz" if path.suffix.lower() in {".gz", ".tgz"} else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
