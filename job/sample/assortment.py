"""What the sample shop sells: how many of each subcategory, made as which articles, in which colours and patterns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from job.sample import accessories, bags, clothes, footwear
from job.sample.camera import photograph
from job.sample.cloth import weave
from job.sample.studio import Colour, Pen, pick_up_pen

COLOURS: Mapping[str, Colour] = {
    "Black": (34, 33, 36),
    "White": (233, 233, 230),
    "Grey": (138, 140, 144),
    "Navy Blue": (36, 46, 86),
    "Blue": (54, 104, 176),
    "Red": (188, 42, 48),
    "Green": (62, 128, 78),
    "Olive": (112, 112, 66),
    "Yellow": (236, 196, 62),
    "Orange": (226, 120, 46),
    "Pink": (230, 128, 160),
    "Purple": (112, 70, 138),
    "Teal": (38, 124, 130),
    "Cream": (234, 220, 192),
    "Beige": (206, 182, 148),
    "Brown": (98, 64, 44),
    "Tan": (170, 118, 72),
    "Silver": (186, 189, 194),
    "Gold": (208, 172, 92),
}
FABRIC = ("Black", "White", "Grey", "Navy Blue", "Blue", "Red", "Green", "Olive", "Yellow", "Orange", "Pink", "Purple",
          "Teal", "Cream", "Beige")  # fmt: skip
DARK = ("Black", "Grey", "Navy Blue", "Brown", "Olive", "Beige")
DENIM = ("Blue", "Blue", "Navy Blue", "Black", "Grey")
LEATHER = ("Black", "Black", "Brown", "Brown", "Tan", "Beige", "White", "Red", "Navy Blue")
METAL = ("Silver", "Gold")
CONTRAST = 150  # the least sum of differences over the channels between a colour and its accent
PLAIN = ("Solid",)
LIVELY = ("Solid", "Solid", "Striped", "Checked", "Dotted", "Printed")


@dataclass(frozen=True)
class Article:
    """One kind of thing, and who draws it."""

    name: str  # articleType
    noun: str  # what productDisplayName calls it
    draw: Callable[[Pen], None]
    share: float  # of its subcategory's photos
    colours: Sequence[str] = FABRIC
    patterns: Sequence[str] = PLAIN
    genders: Sequence[str] = ("Men", "Women")
    usages: Sequence[str] = ("Casual",)


@dataclass(frozen=True)
class Subcategory:
    """One class of the catalogue."""

    master: str  # masterCategory
    photos: int
    articles: Sequence[Article]
    gloss: float = 0.0
    folds: float = 0.0


MEN, WOMEN, UNISEX = ("Men",), ("Women",), ("Unisex", "Men", "Women")

ASSORTMENT: Mapping[str, Subcategory] = {
    "Topwear": Subcategory("Apparel", 460, folds=0.35, articles=(
        Article("Tshirts", "T-shirt", clothes.tshirt, 0.46, patterns=("Solid", "Solid", "Solid", "Striped"),
                genders=("Men", "Men", "Women", "Boys", "Girls"), usages=("Casual", "Casual", "Sports")),
        Article("Shirts", "Shirt", clothes.shirt, 0.3, patterns=("Solid", "Striped", "Checked", "Checked"),
                genders=("Men", "Men", "Men", "Women"), usages=("Casual", "Formal")),
        Article("Tops", "Top", clothes.top, 0.24, patterns=LIVELY, genders=WOMEN),
    )),
    "Shoes": Subcategory("Footwear", 200, gloss=0.3, articles=(
        Article("Sports Shoes", "Running Shoes", footwear.sneaker, 0.45, usages=("Sports",),
                patterns=("Solid", "Solid", "Dotted", "Checked")),
        Article("Formal Shoes", "Formal Shoes", footwear.formal_shoe, 0.25, LEATHER, genders=MEN, usages=("Formal",)),
        Article("Heels", "Pumps", footwear.heel, 0.2, genders=WOMEN, usages=("Casual", "Party")),
        Article("Casual Shoes", "Boots", footwear.boot, 0.1, LEATHER),
    )),
    "Bottomwear": Subcategory("Apparel", 140, folds=0.3, articles=(
        Article("Jeans", "Jeans", clothes.jeans, 0.35, DENIM, ("Washed",)),
        Article("Trousers", "Trousers", clothes.trousers, 0.3, DARK, ("Solid", "Solid", "Striped"),
                usages=("Formal", "Casual")),
        Article("Shorts", "Shorts", clothes.shorts, 0.2, patterns=("Solid", "Solid", "Checked"),
                usages=("Casual", "Sports")),
        Article("Skirts", "Skirt", clothes.skirt, 0.15, patterns=LIVELY, genders=WOMEN),
    )),
    "Bags": Subcategory("Accessories", 115, gloss=0.3, articles=(
        Article("Handbags", "Handbag", bags.handbag, 0.55, patterns=("Solid", "Solid", "Printed", "Checked"),
                genders=WOMEN),
        Article("Backpacks", "Backpack", bags.backpack, 0.3, genders=UNISEX,
                patterns=("Solid", "Solid", "Checked", "Printed")),
        Article("Clutches", "Clutch", bags.clutch, 0.15, patterns=("Solid", "Solid", "Printed"), genders=WOMEN,
                usages=("Party", "Casual")),
    )),
    "Watches": Subcategory("Accessories", 100, gloss=0.6, articles=(
        Article("Watches", "Watch", accessories.watch, 1.0, (*LEATHER, "Silver", "Gold", "Pink", "Blue")),
    )),
    "Eyewear": Subcategory("Accessories", 75, gloss=0.4, articles=(
        Article("Sunglasses", "Sunglasses", accessories.sunglasses, 0.75, ("Black", "Brown", "Gold", "Silver", "Red")),
        Article("Frames", "Frame", accessories.spectacles, 0.25, ("Black", "Brown", "Silver", "Purple")),
    )),
    "Sandal": Subcategory("Footwear", 80, gloss=0.25, articles=(
        Article("Sandals", "Sandals", footwear.flat_sandal, 0.75, (*LEATHER, "Green", "Grey")),
        Article("Sandals", "Heeled Sandals", footwear.heeled_sandal, 0.25, genders=WOMEN),
    )),
    "Flip Flops": Subcategory("Footwear", 72, gloss=0.1, articles=(
        Article("Flip Flops", "Flip Flops", footwear.slipper, 0.75, patterns=LIVELY, genders=UNISEX),
        Article("Flip Flops", "Flip Flops", footwear.slipper_pair, 0.25, patterns=LIVELY, genders=UNISEX),
    )),
    "Wallets": Subcategory("Accessories", 60, gloss=0.25, articles=(
        Article("Wallets", "Wallet", bags.bifold, 0.6, LEATHER, genders=MEN),
        Article("Wallets", "Long Wallet", bags.long_wallet, 0.4, (*LEATHER, "Pink", "Purple"), genders=WOMEN),
    )),
    "Dress": Subcategory("Apparel", 65, folds=0.35, articles=(
        Article("Dresses", "Dress", clothes.dress, 1.0, patterns=LIVELY, genders=WOMEN, usages=("Casual", "Party")),
    )),
    "Belts": Subcategory("Accessories", 50, gloss=0.4, articles=(
        Article("Belts", "Belt", accessories.belt, 1.0, LEATHER, genders=("Men", "Men", "Women")),
    )),
    "Jewellery": Subcategory("Accessories", 45, gloss=0.9, articles=(
        Article("Necklace and Chains", "Necklace", accessories.necklace, 0.35, METAL, genders=WOMEN),
        Article("Earrings", "Earrings", accessories.earrings, 0.4, METAL, genders=WOMEN),
        Article("Bangle", "Bangle", accessories.bangle, 0.25, METAL, ("Solid", "Dotted"), genders=WOMEN),
    )),
    "Socks": Subcategory("Accessories", 38, folds=0.15, articles=(
        Article("Socks", "Socks", accessories.socks, 1.0, patterns=("Solid", "Striped", "Striped", "Dotted"),
                genders=UNISEX),
    )),
    "Headwear": Subcategory("Accessories", 34, folds=0.1, articles=(
        Article("Caps", "Cap", accessories.cap, 0.8, genders=UNISEX, usages=("Casual", "Sports")),
        Article("Caps", "Beanie", accessories.beanie, 0.2, genders=UNISEX),
    )),
    "Ties": Subcategory("Accessories", 28, gloss=0.1, articles=(
        Article("Ties", "Tie", accessories.tie, 1.0, patterns=("Solid", "Diagonal", "Diagonal", "Dotted"), genders=MEN,
                usages=("Formal",)),
    )),
    "Scarves": Subcategory("Accessories", 8, folds=0.3, articles=(
        Article("Scarves", "Scarf", accessories.scarf, 1.0, patterns=("Striped", "Checked"), genders=WOMEN),
    )),
    "Umbrellas": Subcategory("Accessories", 4, articles=(
        Article("Umbrellas", "Umbrella", bags.umbrella, 1.0, patterns=LIVELY, genders=UNISEX),
    )),
    "Water Bottle": Subcategory("Sporting Goods", 1, gloss=0.5, articles=(
        Article("Water Bottle", "Water Bottle", bags.bottle, 1.0, genders=UNISEX, usages=("Sports",)),
    )),
}  # fmt: skip


def draw_photo(rng: np.random.Generator, subcategory: str, article: Article, colour: str, pattern: str) -> Image.Image:
    """Take one product photo: (WIDTH, HEIGHT) RGB, a function of `rng` and what is shown."""
    main = tuple(int(channel) for channel in np.clip(np.array(COLOURS[colour]) + rng.normal(0, 9, 3), 12, 240))
    others = [other for name, other in COLOURS.items() if name != colour]
    contrast = [other for other in others if sum(abs(a - b) for a, b in zip(other, main, strict=True)) > CONTRAST]
    accent = contrast[int(rng.integers(len(contrast)))]
    pen = pick_up_pen(rng, (main[0], main[1], main[2]), accent)
    article.draw(replace(pen, cloth=weave(pen, pattern)))
    shop = ASSORTMENT[subcategory]
    return photograph(pen, gloss=shop.gloss, folds=shop.folds)
