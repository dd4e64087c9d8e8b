"""Pictures of digits, in whatever form, become the digits that a network knows."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pullback.core.errors import DataError
from pullback.data import digits
from pullback.training.digit_image import FRAMES, KINDS, read_digit

MNIST, DIGITS = FRAMES["mnist"], FRAMES["digits"]


def seven(size=(240, 180), ink=0, paper=255, mode="L", shift=0):
    image = Image.new(mode, size, paper)
    corners = [(60 + shift, 30), (140 + shift, 30), (90 + shift, 150)]
    ImageDraw.Draw(image).line(corners, fill=ink, width=14)
    return image


def near(one, other):
    return np.abs(one - other).max() < 0.1


@pytest.fixture
def expected(tmp_path):
    seven().save(tmp_path / "seven.png")
    return read_digit(tmp_path / "seven.png", MNIST)


def test_the_digit_fills_the_box_and_its_mass_is_in_the_middle(expected):
    assert expected.shape == (28, 28)
    assert expected.dtype == np.float32
    rows, columns = np.nonzero(expected > 0.25)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    middle = [(axis * expected).sum() / expected.sum() for axis in np.indices(expected.shape)]
    assert middle == pytest.approx([13.5, 13.5], abs=0.6)
    assert expected.min() == 0
    assert expected.max() == 1


LIKE = {
    "bright on dark": seven(ink=255, paper=0),
    "pale": seven(ink=120, paper=200),
    "in colours": seven(ink=(20, 20, 90), paper=(250, 250, 240), mode="RGB"),
    "elsewhere": seven(shift=60),
    "on a larger sheet": seven(size=(700, 500), shift=200),
    "black on nothing": seven(ink=(0, 0, 0, 255), paper=(0, 0, 0, 0), mode="RGBA"),
    "white on nothing": seven(ink=(255, 255, 255, 255), paper=(255, 255, 255, 0), mode="RGBA"),
    "with a palette": seven(ink=(20, 20, 90), paper=(250, 250, 240), mode="RGB").quantize(),
    "one bit": seven().convert("1"),
    "16 bits": Image.fromarray(np.asarray(seven()).astype(np.uint16) * 257),
    "grey with alpha": seven().convert("LA"),
}


@pytest.mark.parametrize("form", LIKE)
def test_the_form_does_not_matter(form, expected, tmp_path):
    LIKE[form].save(tmp_path / "form.png")
    assert near(read_digit(tmp_path / "form.png", MNIST), expected)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "PNG"])
def test_other_kinds_are_read(kind, expected, tmp_path):
    seven().save(tmp_path / "picture", format=kind)
    assert np.abs(read_digit(tmp_path / "picture", MNIST) - expected).mean() < 0.01


def test_the_size_hardly_matters(expected, tmp_path):
    for factor in (0.25, 0.5, 3):
        seven().resize((round(240 * factor), round(180 * factor)), Image.Resampling.LANCZOS).save(tmp_path / "a.png")
        found = read_digit(tmp_path / "a.png", MNIST)
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("inverted", [False, True])
def test_an_image_of_the_data_set_is_taken_as_it_is(inverted, tmp_path):
    images, _ = digits().test.arrays
    for image in images[:100]:
        grey = np.round((1 - image if inverted else image) * 255).astype(np.uint8)
        Image.fromarray(grey).save(tmp_path / "a.png")
        assert read_digit(tmp_path / "a.png", DIGITS) == pytest.approx(image, abs=0.5 / 255 + 1e-6)


def blank(size):
    return Image.new("L", size, 200)


REFUSED = {
    "blank": (blank((100, 100)), "nothing stands out"),
    "transparent": (Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "nothing stands out"),
    "too small": (blank((7, 30)), "size"),
    "too large": (blank((4097, 9)), "size"),
    "too long": (blank((900, 20)), "too long"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_shows_no_digit_is_refused(case, tmp_path):
    image, words = REFUSED[case]
    image.save(tmp_path / "a.png")
    with pytest.raises(DataError, match=words) as caught:
        read_digit(tmp_path / "a.png", MNIST)
    assert "a.png" in str(caught.value)


def test_what_is_no_image_is_refused(tmp_path):
    seven().save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.png").write_text("a digit")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, words in {"cut": "damaged", "text": "no image", "empty": "no image", "absent": "no such file"}.items():
        with pytest.raises(DataError, match=words):
            read_digit(tmp_path / f"{name}.png", MNIST)
    with pytest.raises(DataError, match="cannot be read"):
        read_digit(tmp_path, MNIST)


def test_a_decompression_bomb_is_not_opened(tmp_path, monkeypatch):
    seven().save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    with pytest.raises(DataError, match="far too large"):
        read_digit(tmp_path / "a.png", MNIST)


def test_without_pillow_the_fix_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(DataError, match="pip install"):
        read_digit(tmp_path / "a.png", MNIST)
