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

How many of each there are stands in `SAMPLE_TRAPS`. What the photos show is drawn in `job.sample`; the
module knows nothing of those who read the catalogue.
"""

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from job.errors import CatalogueError
from job.sample.assortment import ASSORTMENT, Article, draw_photo

SAMPLE_VERSION = "1"  # goes up with every change of what is written

COLUMNS = ("id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year", "usage",
           "productDisplayName")  # fmt: skip
SEASONS = ("Summer", "Summer", "Fall", "Winter", "Spring")
BRANDS = ("Velmora", "Quillsby", "Tarrowby", "Fennick & Rue", "Lumbrel", "Norvane", "Pellory", "Sundrift",
          "Harrowmint", "Brindlewick", "Oxmere", "Maribelle Rue", "Ostrel")  # fmt: skip
ONE_COMMA = ("Yes, It Is All About", "Not Now, Maybe", "Be Reasonable,Choose", "Pack of Two, White and")
TWO_COMMAS = ("Live,Laugh,Love", "Cream, Gold, and")


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


SAMPLE_TRAPS = SampleTraps()

# Traps are laid among the common classes only, so that the rare ones keep the photos they are meant to have.
COMMON_CLASS_IMAGES = 40


@dataclass(frozen=True)
class _Product:
    """What a photo shows."""

    id: int
    subcategory: str
    article: Article
    colour: str
    pattern: str


@dataclass(frozen=True)
class _Item:
    """A row of styles.csv and its photo; `develop` makes the file's bytes, None where there is no file."""

    id: int
    fields: dict[str, str]  # by column
    product: _Product
    develop: Callable[[Image.Image, np.random.Generator], bytes] | None

    @property
    def line(self) -> str:
        return ",".join(self.fields[column] for column in COLUMNS) + "\n"


def write_sample(directory: Path, *, seed: int = 0) -> None:
    """Write the catalogue into `directory`, which is made where it is missing; `styles.csv` comes last.

    The bytes are a function of `seed`, SAMPLE_VERSION and the versions of Pillow and numpy. Raises `CatalogueError`
    where the directory holds something already.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        message = f"{directory}: the sample catalogue is written into a new or an empty folder, and this is neither"
        raise CatalogueError(message)
    stock = _stock(seed)
    nested = [_mislabelled(item, seed) for item in stock[: SAMPLE_TRAPS.nested_rows]]
    stock = _with_duplicates(stock, seed)
    stock = _with_odd_photos(stock, seed)
    stock = _with_odd_rows(stock, seed)
    _write(directory / "myntradataset", nested, seed)
    _write(directory, stock, seed)


def _write(directory: Path, items: Sequence[_Item], seed: int) -> None:
    images = directory / "images"
    images.mkdir(parents=True)
    for item in items:
        if item.develop is None:
            continue
        shown = item.product
        rng = np.random.default_rng([seed, shown.id])
        photo = draw_photo(rng, shown.subcategory, shown.article, shown.colour, shown.pattern)
        (images / f"{item.id}.jpg").write_bytes(item.develop(photo, rng))
    table = ",".join(COLUMNS) + "\n" + "".join(item.line for item in items)
    (directory / "styles.csv").write_text(table, encoding="utf-8", newline="\n")


def _stock(seed: int) -> list[_Item]:
    """Every row before any trap is laid, in the order of the file."""
    labels = [label for label, subcategory in ASSORTMENT.items() for _ in range(subcategory.photos)]
    rng = np.random.default_rng([seed])
    ids = rng.choice(np.arange(1000, 60000), size=len(labels), replace=False)
    shuffled = [labels[index] for index in rng.permutation(len(labels))]
    return [_item(int(number), label, seed) for number, label in zip(ids, shuffled, strict=True)]


def _item(number: int, label: str, seed: int) -> _Item:
    rng = np.random.default_rng([seed, number, 0])  # not the generator that draws: words and strokes stay independent
    articles = ASSORTMENT[label].articles
    article = articles[int(rng.choice(len(articles), p=[article.share for article in articles]))]
    gender, colour, pattern, usage, season, brand = (
        str(rng.choice(choices))
        for choices in (article.genders, article.colours, article.patterns, article.usages, SEASONS, BRANDS)
    )
    words = (brand, gender, "" if pattern == "Solid" else pattern, colour, article.noun)
    values = (str(number), gender, ASSORTMENT[label].master, label, article.name, colour, season,
              str(rng.integers(2011, 2018)), usage, " ".join(word for word in words if word))  # fmt: skip
    product = _Product(number, label, article, colour, pattern)
    return _Item(number, dict(zip(COLUMNS, values, strict=True)), product, _jpeg)


def _with_duplicates(items: Sequence[_Item], seed: int) -> list[_Item]:
    """Let some items show another's photo: the pixels are the same, for the drawing is a function of (seed, id)."""
    changed = {item.id: item for item in items}
    rng = np.random.default_rng([seed, 1])
    shelves = {label: [item for item in items if item.product.subcategory == label] for label in _common_labels()}
    spread = cycle(shelves)
    for group, photos in enumerate(SAMPLE_TRAPS.duplicate_groups):
        is_conflicting = group < len(SAMPLE_TRAPS.conflicting_groups)
        labels = SAMPLE_TRAPS.conflicting_groups[group] if is_conflicting else (next(spread),) * photos
        original, *copies = (shelves[label].pop(int(rng.integers(len(shelves[label])))) for label in labels)
        for copy in copies:
            fields = copy.fields if is_conflicting else original.fields | {"id": str(copy.id)}
            changed[copy.id] = replace(copy, fields=fields, product=original.product)
        if group >= len(SAMPLE_TRAPS.duplicate_groups) - SAMPLE_TRAPS.duplicate_groups_with_exif:
            changed[copies[-1].id] = replace(changed[copies[-1].id], develop=_jpeg_with_exif)
    return list(changed.values())


def _with_odd_photos(items: Sequence[_Item], seed: int) -> list[_Item]:
    """Leave some photos out, and develop some in another way; none that is one of several equal ones."""
    shown = [item.product.id for item in items]
    free = _shuffled([item for item in items if shown.count(item.product.id) == 1], [seed, 2])
    changed = {item.id: item for item in items}
    ways: list[Callable[[Image.Image, np.random.Generator], bytes] | None] = [
        *[None] * SAMPLE_TRAPS.missing_images,
        *[_truncated_jpeg] * SAMPLE_TRAPS.truncated_images,
        *[_grey_jpeg] * SAMPLE_TRAPS.greyscale_images,
        *[partial(_padded_jpeg, size=size) for size in SAMPLE_TRAPS.other_sizes],
        *[_jpeg_with_exif] * SAMPLE_TRAPS.exif_images,
    ]
    for item, develop in zip(free, ways, strict=False):
        changed[item.id] = replace(item, develop=develop)
    return list(changed.values())


def _with_odd_rows(items: Sequence[_Item], seed: int) -> list[_Item]:
    """Write some rows as the real catalogue's are written."""
    free = iter(_shuffled(items, [seed, 3]))
    changed = {item.id: item for item in items}

    def change(count: int, column: str, new_value: Callable[[dict[str, str]], str]) -> None:
        for item in islice(free, count):
            changed[item.id] = replace(item, fields=item.fields | {column: new_value(item.fields)})

    def insert(words: str, fields: dict[str, str]) -> str:
        before, colour, after = fields["productDisplayName"].partition(fields["baseColour"])
        return before + words + " " + colour + after

    for number in range(SAMPLE_TRAPS.one_comma_names):
        change(1, "productDisplayName", partial(insert, ONE_COMMA[number % len(ONE_COMMA)]))
    for number in range(SAMPLE_TRAPS.two_comma_names):
        change(1, "productDisplayName", partial(insert, TWO_COMMAS[number % len(TWO_COMMAS)]))
    change(SAMPLE_TRAPS.quotes_in_name, "productDisplayName", partial(insert, 'Tempo 3.5"'))
    change(SAMPLE_TRAPS.quotes_before_name, "productDisplayName", lambda fields: '"' + fields["productDisplayName"])
    change(SAMPLE_TRAPS.na_usages, "usage", lambda _: "NA")
    empty = cycle(("season", "baseColour", "year", "usage", "productDisplayName"))
    for column in islice(empty, SAMPLE_TRAPS.empty_fields):
        change(1, column, lambda _: "")
    return list(changed.values())


def _mislabelled(item: _Item, seed: int) -> _Item:
    labels = list(ASSORTMENT)
    return _item(item.id, labels[labels.index(item.product.subcategory) - 1], seed)


def _common_labels() -> list[str]:
    return [label for label, subcategory in ASSORTMENT.items() if subcategory.photos >= COMMON_CLASS_IMAGES]


def _shuffled(items: Sequence[_Item], entropy: Sequence[int]) -> list[_Item]:
    common = _common_labels()
    free = [item for item in items if item.product.subcategory in common]
    return [free[index] for index in np.random.default_rng(entropy).permutation(len(free))]


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
    return jpeg[: len(jpeg) // 2]


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
