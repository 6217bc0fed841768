"""The parts that figures are made of: markup, letters, scales and words."""

import math

import pytest

from job.page.font import shortened, text_width, woff
from job.page.markup import Markup, decimals, tag
from job.page.palette import DARK, LIGHT, Palette
from job.page.scales import Linear, Log, rounded_out
from job.words import duration, listed, significant


def test_text_is_escaped_and_markup_is_not() -> None:
    """A string becomes text, whether it stands in an element or in an attribute."""
    assert tag("p", "<b>", Markup("<i>")) == "<p>&lt;b&gt;<i></p>"
    assert tag("p", title='"><b>') == '<p title="&quot;&gt;&lt;b&gt;"></p>'
    assert tag("rect", x=1.0, y=-0.001, class_="a", rx=None) == '<rect x="1" y="0" class="a"/>'


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (1.005, "1"), (0.126, "0.13"), (-2.5, "-2.5"), (100.0, "100")])
def test_coordinates_are_short(value: float, text: str) -> None:
    """Two decimals are finer than any screen."""
    assert decimals(value) == text


def test_letters_are_measured_as_they_are_drawn() -> None:
    """Widths are sums of advances; a name too long for its room is cut."""
    assert text_width("ii", 10) == pytest.approx(2 * text_width("i", 10))
    assert text_width("Topwear", 12, "Medium") > text_width("Topwear", 12)
    assert shortened("Topwear", 12, 200) == "Topwear"
    cut = shortened("Loungewear and Nightwear", 12, 80)
    assert cut.endswith("…")
    assert text_width(cut, 12) <= 80


def test_a_font_has_the_letters_that_are_asked_for() -> None:
    """A page carries the outlines of its own letters only, parts of composed ones among them."""
    few, more = woff("Regular", frozenset("abc")), woff("Regular", frozenset("abcdefghijklmnopqrstuvwxyzÄΩЖ"))
    assert few[:4] == b"wOFF"
    assert int.from_bytes(few[8:12]) == len(few)
    assert len(few) < len(more) < 30_000
    assert len(woff("Regular", frozenset("Ä"))) > len(woff("Regular", frozenset("A")))


@pytest.mark.parametrize(
    ("scale", "count", "labels"),
    [
        (Linear(0, 1, 0, 100), 5, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (Linear(0.85, 0.95, 0, 100, percent=True), 5, ["86\xa0%", "88\xa0%", "90\xa0%", "92\xa0%", "94\xa0%"]),
        (Linear(0, 3, 0, 100, whole=True), 8, ["0", "1", "2", "3"]),
        (Linear(-1, 1, 0, 100), 2, ["−1", "0", "1"]),  # noqa: RUF001 -- a true minus sign
        (Log(0.001, 0.1, 0, 100), 5, ["0.001", "0.003", "0.01", "0.03", "0.1"]),
        (Log(0.8, 12000, 0, 100), 5, ["1", "10", "100", "1000", "10000"]),
        (Log(1e-8, 1e8, 0, 100), 3, ["10⁻⁶", "1", "10⁶"]),
        (Log(0.02, 0.04, 0, 100), 5, ["0.02", "0.03"]),
    ],
)
def test_ticks_are_few_and_round(scale: Linear | Log, count: int, labels: list[str]) -> None:
    """A scale is read by round values, in its prior's terms."""
    assert [words for _, words in scale.ticks(count)] == labels


def test_a_scale_keeps_what_is_beyond_it_at_its_ends() -> None:
    """Nothing is drawn outside of its plot, and a scale of one value has it in the middle."""
    assert [Linear(0, 1, 10, 20)(value) for value in (-5, 0.5, 7)] == [10, 15, 20]
    assert [Log(0.1, 10, 20, 10)(value) for value in (1e-9, 1, 1e9)] == [20, 15, 10]
    assert Linear(3, 3, 0, 10)(3) == Log(3, 3, 0, 10)(3) == 5
    assert rounded_out(0.853, 0.934, 5) == pytest.approx((0.84, 0.94))
    low, high = rounded_out(0.5, 0.5, 5)
    assert low < 0.5 < high


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00123456, "0.00123"),
        (0.1, "0.1"),
        (123456.0, "123456"),
        (1e-7, "10⁻⁷"),
        (2.5e12, "2.5\xa0·\xa010¹²"),
        (0, "0"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    """Three digits tell enough, and many zeros become a power of ten."""
    assert significant(value) == text


def test_times_and_lists_are_read_aloud_easily() -> None:
    """A time has its two largest units."""
    assert [duration(seconds) for seconds in (2.04, 59.6, 3661, 90000)] == [
        *("2.0\xa0s", "1\xa0min", "1\xa0h 1\xa0min", "1\xa0d 1\xa0h")
    ]
    assert [listed(names) for names in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b and c"]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_what_is_written_is_legible(palette: Palette) -> None:
    """Letters have a contrast of 4.5 to 1 (WCAG AA), marks of 3 to 1, and shades grow evenly."""
    for ground in (palette.paper, palette.raised):
        for colour in (palette.ink, palette.muted, palette.accent, palette.good, palette.bad):
            assert contrast(colour, ground) >= 4.5, (colour, ground)
    for colour in palette.categories:
        assert contrast(colour, palette.paper) >= 4.5, colour
    lights = [luminance(colour) for colour in palette.ramp]
    assert lights == sorted(lights, reverse=palette is LIGHT)
    assert math.isclose(lights[0], luminance(palette.paper), abs_tol=0.2)
