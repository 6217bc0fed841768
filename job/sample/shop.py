"""What the sample shop sells: how many of each article, in which colours and patterns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from job.sample import things
from job.sample.pen import Colour, Pen, photograph, pick_up_pen

COLOURS: dict[str, Colour] = {
    "Black": (34, 33, 36), "White": (233, 233, 230), "Grey": (138, 140, 144), "Navy Blue": (36, 46, 86),
    "Blue": (54, 104, 176), "Red": (188, 42, 48), "Green": (62, 128, 78), "Olive": (112, 112, 66),
    "Yellow": (236, 196, 62), "Orange": (226, 120, 46), "Pink": (230, 128, 160), "Purple": (112, 70, 138),
    "Teal": (38, 124, 130), "Cream": (234, 220, 192), "Beige": (206, 182, 148), "Brown": (98, 64, 44),
    "Tan": (170, 118, 72), "Silver": (186, 189, 194), "Gold": (208, 172, 92),
}  # fmt: skip
FABRIC = tuple(COLOURS)[:15]
LEATHER = ("Black", "Black", "Brown", "Brown", "Tan", "Beige", "White", "Red", "Navy Blue")
LIVELY = ("Solid", "Solid", "Striped", "Checked", "Dotted", "Printed")
CONTRAST = 150  # the least sum of differences over the channels between a colour and its accent


@dataclass(frozen=True)
class Article:
    """One kind of thing, and who draws it."""

    label: str  # subCategory
    name: str  # articleType
    photos: int
    draw: Callable[[Pen], None]
    colours: Sequence[str] = FABRIC
    patterns: Sequence[str] = ("Solid",)
    genders: Sequence[str] = ("Men", "Women")
    usage: str = "Casual"


MEN, WOMEN, UNISEX = ("Men",), ("Women",), ("Unisex",)
ARTICLES = (
    Article("Topwear", "Tshirts", 210, things.tshirt, patterns=("Solid", "Solid", "Striped")),
    Article("Topwear", "Shirts", 140, things.shirt, patterns=("Solid", "Striped", "Checked"), usage="Formal"),
    Article("Topwear", "Tops", 110, things.top, patterns=LIVELY, genders=WOMEN),
    Article("Shoes", "Sports Shoes", 120, things.sneaker, patterns=("Solid", "Dotted"), usage="Sports"),
    Article("Shoes", "Formal Shoes", 80, things.formal_shoe, LEATHER, genders=MEN, usage="Formal"),
    Article("Bottomwear", "Trousers", 115, things.trousers, patterns=("Solid", "Solid", "Striped")),
    Article("Bottomwear", "Skirts", 25, things.skirt, patterns=LIVELY, genders=WOMEN),
    Article("Bags", "Handbags", 70, things.handbag, patterns=("Solid", "Printed", "Checked"), genders=WOMEN),
    Article("Bags", "Clutches", 45, things.purse, patterns=("Solid", "Solid", "Printed"), genders=WOMEN, usage="Party"),
    Article("Watches", "Watches", 100, things.watch, (*LEATHER, "Silver", "Gold", "Pink")),
    Article("Sandal", "Sandals", 80, things.sandal, (*LEATHER, "Green", "Grey")),
    Article("Eyewear", "Sunglasses", 75, things.glasses, ("Black", "Brown", "Gold", "Silver", "Red", "Purple")),
    Article("Flip Flops", "Flip Flops", 72, things.flip_flop, patterns=LIVELY, genders=UNISEX),
    Article("Dress", "Dresses", 65, things.dress, patterns=LIVELY, genders=WOMEN),
    Article("Wallets", "Wallets", 36, things.bifold, LEATHER, genders=MEN),
    Article("Wallets", "Wallets", 24, things.purse, (*LEATHER, "Pink", "Purple"), genders=WOMEN),
    Article("Belts", "Belts", 50, things.belt, LEATHER),
    Article("Jewellery", "Earrings", 45, things.earrings, ("Silver", "Gold"), genders=WOMEN),
    Article("Socks", "Socks", 38, things.socks, patterns=("Solid", "Striped", "Dotted"), genders=UNISEX),
    Article("Headwear", "Caps", 34, things.cap, genders=UNISEX, usage="Sports"),
    Article("Ties", "Ties", 28, things.tie, patterns=("Solid", "Diagonal", "Diagonal", "Dotted"), genders=MEN),
    Article("Scarves", "Scarves", 8, things.scarf, patterns=("Striped", "Checked"), genders=WOMEN),
    Article("Water Bottle", "Water Bottles", 1, things.bottle, usage="Sports"),
)
APPAREL, FOOTWEAR = {"Topwear", "Bottomwear", "Dress"}, {"Shoes", "Sandal", "Flip Flops"}
SHINY = {"Shoes", "Bags", "Watches", "Sandal", "Eyewear", "Wallets", "Belts", "Jewellery", "Water Bottle"}


def draw_photo(rng: np.random.Generator, article: Article, colour: str, pattern: str) -> Image.Image:
    """Take one product photo: (WIDTH, HEIGHT) RGB, a function of `rng` and what is shown."""
    red, green, blue = np.clip(np.array(COLOURS[colour]) + rng.normal(0, 9, 3), 12, 240).astype(int).tolist()
    others = [other for other in COLOURS.values() if np.abs(np.subtract(other, (red, green, blue))).sum() > CONTRAST]
    pen = pick_up_pen(rng, (red, green, blue), others[int(rng.integers(len(others)))], pattern)
    article.draw(pen)
    return photograph(pen, gloss=0.35 if article.label in SHINY else 0)
