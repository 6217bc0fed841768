"""The built-in sample catalogue: about 1,500 drawn product photos in the form of "Fashion Product Images (Small)".

`write_sample` leaves `styles.csv` beside `images/<id>.jpg`, with every trap in it that the real data set has:

* names with unquoted commas, so that rows have 11 or 12 fields;
* one stray `"` in the middle of a name, one at the beginning of another;
* `NA` as a value of usage, and empty fields in columns other than subCategory;
* listed ids without an image, and one JPEG that stops half-way and does not decode;
* greyscale photos, photos of other sizes, photos with kilobytes of EXIF;
* groups of pixel-identical photos, in some of which a copy has EXIF, in some of which the labels conflict;
* classes down to a single photo;
* a second, nested `myntradataset/` with some of the same ids under wrong labels and photos, which no reader should use.

Knows nothing of those who read the catalogue.
"""

import io
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from PIL import Image, ImageOps

from job.errors import CatalogueError
from job.sample.shop import APPAREL, ARTICLES, FOOTWEAR, Article, draw_photo

SAMPLE_VERSION = "2"  # goes up with every change of what is written

COLUMNS = ("id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year", "usage",
           "productDisplayName")  # fmt: skip
SEASONS = ("Summer", "Summer", "Fall", "Winter", "Spring")
BRANDS = ("Velmora", "Quillsby", "Tarrowby", "Fennick & Rue", "Lumbrel", "Norvane", "Pellory", "Sundrift",
          "Harrowmint", "Brindlewick", "Oxmere", "Maribelle Rue", "Ostrel")  # fmt: skip
ONE_COMMA = ("Yes, It Is All About", "Not Now, Maybe", "Be Reasonable,Choose", "Pack of Two, White and")
TWO_COMMAS = ("Live,Laugh,Love", "Cream, Gold, and")

T = TypeVar("T")
Develop: TypeAlias = Callable[[Image.Image, np.random.Generator], bytes]


@dataclass(frozen=True)
class SampleTraps:
    """How many of each trap there are; the writer lays them by these numbers."""

    one_comma_names: int = 13
    two_comma_names: int = 2
    quotes_in_name: int = 1
    quotes_before_name: int = 1
    na_usages: int = 60
    empty_fields: int = 12
    missing_images: int = 5
    truncated_images: int = 1
    greyscale_images: int = 20
    other_sizes: Sequence[tuple[int, int]] = (  # (width, height) of each photo that is not 60 x 80
        (60, 60), (60, 60), (53, 80), (53, 80), (80, 60), (64, 80), (45, 80), (360, 480),
    )  # fmt: skip
    exif_images: int = 15  # beside the copies in `duplicate_groups_with_exif`
    duplicate_groups: Sequence[int] = (2,) * 15 + (3,) * 7 + (4,) * 3  # photos in each
    conflicting_groups: Sequence[tuple[str, str]] = (  # the labels in the first duplicate groups
        ("Sandal", "Flip Flops"), ("Topwear", "Dress"), ("Bags", "Wallets"),
    )  # fmt: skip
    duplicate_groups_with_exif: int = 2  # the last ones
    nested_rows: int = 20
    least_photos: int = 40  # of a class with traps, so that the rare ones keep the photos they are meant to have


SAMPLE_TRAPS = SampleTraps()


@dataclass
class _Item:
    """A row of styles.csv and its photo."""

    fields: dict[str, str]  # by column
    article: Article
    colour: str
    pattern: str
    drawing: str  # the id whose drawing the photo shows
    develop: Develop | None  # makes the file's bytes; None if there is no file

    @property
    def label(self) -> str:
        return self.article.label


def write_sample(directory: Path, *, seed: int = 0) -> None:
    """Write the catalogue into `directory`, which is made if it is missing; `styles.csv` comes last.

    The bytes are a function of `seed`, SAMPLE_VERSION and the versions of Pillow and numpy. Raises CatalogueError
    if the directory holds something already.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        message = f"{directory}: the sample catalogue is written into a new or an empty folder, and this is neither"
        raise CatalogueError(message)
    rng = np.random.default_rng(seed)
    stock = _shuffled([article for article in ARTICLES for _ in range(article.photos)], rng)
    ids = rng.choice(np.arange(1000, 60000), size=len(stock), replace=False)
    items = [_item(str(number), article, rng) for number, article in zip(ids, stock, strict=True)]
    nested = []
    for item in items[: SAMPLE_TRAPS.nested_rows]:
        wrong = [article for article in ARTICLES if article.label != item.label]
        nested.append(_item(item.fields["id"], wrong[int(rng.integers(len(wrong)))], rng))
    photos = Counter(item.label for item in items)
    common = [item for item in items if photos[item.label] >= SAMPLE_TRAPS.least_photos]
    _lay_duplicates(common, rng)
    _lay_odd_photos(common, rng)
    _lay_odd_rows(common, rng)
    _write(directory / "myntradataset", nested, seed)
    _write(directory, items, seed)


def _write(directory: Path, items: Sequence[_Item], seed: int) -> None:
    (directory / "images").mkdir(parents=True)
    for item in items:
        if item.develop:
            rng = np.random.default_rng([seed, int(item.drawing)])
            photo = draw_photo(rng, item.article, item.colour, item.pattern)
            (directory / "images" / f"{item.fields['id']}.jpg").write_bytes(item.develop(photo, rng))
    lines = [COLUMNS, *([item.fields[column] for column in COLUMNS] for item in items)]
    table = "".join(",".join(line) + "\n" for line in lines)
    (directory / "styles.csv").write_text(table, encoding="utf-8", newline="\n")


def _item(number: str, article: Article, rng: np.random.Generator) -> _Item:
    choices = (article.genders, article.colours, article.patterns, SEASONS, BRANDS)
    gender, colour, pattern, season, brand = (str(rng.choice(names)) for names in choices)
    master = "Apparel" if article.label in APPAREL else "Footwear" if article.label in FOOTWEAR else "Accessories"
    name = " ".join([brand, gender, *([pattern] if pattern != "Solid" else []), colour, article.name])
    values = (number, gender, master, article.label, article.name, colour, season, str(rng.integers(2011, 2018)),
              article.usage, name)  # fmt: skip
    return _Item(dict(zip(COLUMNS, values, strict=True)), article, colour, pattern, number, _jpeg)


def _lay_duplicates(items: Sequence[_Item], rng: np.random.Generator) -> None:
    """Let some items show another's photo: the pixels are the same, for the drawing is a function of (seed, id)."""
    shelves: dict[str, list[_Item]] = {}
    for item in _shuffled(items, rng):
        shelves.setdefault(item.label, []).append(item)
    spread = cycle(shelves)
    for group, photos in enumerate(SAMPLE_TRAPS.duplicate_groups):
        is_conflicting = group < len(SAMPLE_TRAPS.conflicting_groups)
        labels = SAMPLE_TRAPS.conflicting_groups[group] if is_conflicting else (next(spread),) * photos
        original, *copies = (shelves[label].pop() for label in labels)
        for copy in copies:
            fields = copy.fields if is_conflicting else original.fields | {"id": copy.fields["id"]}
            vars(copy).update(vars(original) | {"fields": fields})
        if group >= len(SAMPLE_TRAPS.duplicate_groups) - SAMPLE_TRAPS.duplicate_groups_with_exif:
            copies[-1].develop = _jpeg_with_exif


def _lay_odd_photos(items: Sequence[_Item], rng: np.random.Generator) -> None:
    """Leave some photos out, and develop some in another way; none that is one of several equal ones."""
    drawings = [item.drawing for item in items]
    free = [item for item in _shuffled(items, rng) if drawings.count(item.drawing) == 1]
    ways: list[Develop | None] = [
        *[None] * SAMPLE_TRAPS.missing_images,
        *[_truncated_jpeg] * SAMPLE_TRAPS.truncated_images,
        *[_grey_jpeg] * SAMPLE_TRAPS.greyscale_images,
        *[partial(_padded_jpeg, size=size) for size in SAMPLE_TRAPS.other_sizes],
        *[_jpeg_with_exif] * SAMPLE_TRAPS.exif_images,
    ]
    for item, develop in zip(free, ways, strict=False):
        item.develop = develop


def _lay_odd_rows(items: Sequence[_Item], rng: np.random.Generator) -> None:
    """Write some rows as the real catalogue's are written."""
    free = iter([item.fields for item in _shuffled(items, rng)])
    words = [
        *islice(cycle(ONE_COMMA), SAMPLE_TRAPS.one_comma_names),
        *islice(cycle(TWO_COMMAS), SAMPLE_TRAPS.two_comma_names),
        *['Tempo 3.5"'] * SAMPLE_TRAPS.quotes_in_name,
    ]
    for inserted, fields in zip(words, free, strict=False):
        colour = fields["baseColour"]
        fields["productDisplayName"] = fields["productDisplayName"].replace(colour, f"{inserted} {colour}", 1)
    for fields in islice(free, SAMPLE_TRAPS.quotes_before_name):
        fields["productDisplayName"] = '"' + fields["productDisplayName"]
    for fields in islice(free, SAMPLE_TRAPS.na_usages):
        fields["usage"] = "NA"
    columns = cycle(("season", "baseColour", "year", "usage", "productDisplayName"))
    for fields, column in zip(islice(free, SAMPLE_TRAPS.empty_fields), columns, strict=False):
        fields[column] = ""


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [items[index] for index in rng.permutation(len(items))]


def _jpeg(photo: Image.Image, rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(rng.integers(70, 96)))
    return file.getvalue()


def _grey_jpeg(photo: Image.Image, rng: np.random.Generator) -> bytes:
    return _jpeg(photo.convert("L"), rng)


def _padded_jpeg(photo: Image.Image, rng: np.random.Generator, size: tuple[int, int]) -> bytes:
    red, green, blue = np.asarray(photo)[:4].mean(axis=(0, 1)).astype(int).tolist()  # the wall above the thing
    return _jpeg(ImageOps.pad(photo, size, Image.Resampling.LANCZOS, color=(red, green, blue)), rng)


def _jpeg_with_exif(photo: Image.Image, rng: np.random.Generator) -> bytes:
    """Put an APP1 segment after the first marker, which changes no pixel."""
    jpeg = _jpeg(photo, rng)
    exif = Image.Exif()
    exif[0x010E] = "".join(chr(code) for code in rng.integers(97, 123, int(rng.integers(3000, 12000))))  # description
    exif[0x0131] = "Sample Studio"
    segment = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]


def _truncated_jpeg(photo: Image.Image, rng: np.random.Generator) -> bytes:
    jpeg = _jpeg(photo, rng)
    return jpeg[: 3 * len(jpeg) // 4]  # behind its header


def place_sample(cache_dir: Path) -> str:
    """Return the sample catalogue's folder, having drawn it if it is not there yet."""
    directory = cache_dir / f"sample-{SAMPLE_VERSION}"
    if not directory.exists():
        with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".sample-") as beside:
            write_sample(Path(beside) / "sample")
            try:
                (Path(beside) / "sample").rename(directory)
            except OSError:
                if not directory.exists():  # else another process has drawn the same meanwhile
                    raise
    return str(directory)
