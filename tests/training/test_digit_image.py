"""Pictures of digits, in whatever form, become the digits that a network knows."""

from __future__ import annotations

import contextlib

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
    "on grey paper": seven(ink=10, paper=130),
    "bright on grey paper": seven(ink=250, paper=110),
}


@pytest.mark.parametrize("form", LIKE)
def test_the_form_does_not_matter(form, expected, tmp_path):
    LIKE[form].save(tmp_path / "form.png")
    assert near(read_digit(tmp_path / "form.png", MNIST), expected)


LEVELS = np.asarray(seven(), np.float64) / 255
DEEP = {
    "floats to 1": LEVELS.astype(np.float32),
    "floats to 255": (LEVELS * 255).astype(np.float32),
    "floats around 0": (LEVELS * 2 - 1).astype(np.float32),
    "32 bits": (LEVELS * (2**31 - 1)).astype(np.int32),
    "32 bits that hold 16": (LEVELS * 65_535).astype(np.int32),
    "32 bits that hold 8": (LEVELS * 255).astype(np.int32),
    "16 bits": (LEVELS * 65_535).astype(np.uint16),
}


@pytest.mark.parametrize("form", DEEP)
def test_deep_pictures_are_read(form, expected, tmp_path):
    Image.fromarray(DEEP[form]).save(tmp_path / "deep.tiff")
    assert near(read_digit(tmp_path / "deep.tiff", MNIST), expected)


def test_levels_that_are_no_numbers_are_refused(tmp_path):
    Image.fromarray(np.full((30, 30), np.nan, np.float32)).save(tmp_path / "nan.tiff")
    with pytest.raises(DataError, match="not all numbers"):
        read_digit(tmp_path / "nan.tiff", MNIST)


TURNED = {1: None, 2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
          7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_a_picture_is_turned_as_its_camera_says(orientation, kind, expected, tmp_path):
    way = TURNED[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    stored = seven() if way is None else seven().transpose(Image.Transpose[way])
    stored.save(tmp_path / f"a.{kind}", exif=exif)
    assert np.abs(read_digit(tmp_path / f"a.{kind}", MNIST) - expected).mean() < 0.01


@pytest.mark.parametrize(("ink", "paper"), [(10, 130), (250, 110), (60, 200)])
def test_grey_paper_of_the_network_s_own_size(ink, paper, tmp_path):
    images, _ = digits().test.arrays
    for image in images[:20]:
        Image.fromarray(np.round(paper + (ink - paper) * image).astype(np.uint8)).save(tmp_path / "a.png")
        assert read_digit(tmp_path / "a.png", DIGITS) == pytest.approx(image / image.max(), abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere_is_told(kind, tmp_path):
    path = tmp_path / "picture"
    exif = Image.Exif()
    exif[274] = 6
    seven(size=(60, 80)).save(path, format=kind, **({} if kind in ("GIF", "BMP") else {"exif": exif}))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 400), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(1, len(whole) + 1)])
        with contextlib.suppress(DataError):  # and no other; what is left may be a picture
            read_digit(path, MNIST)


def test_a_huge_picture_is_refused_before_its_pixels_are_read(tmp_path, monkeypatch):
    Image.new("1", (4_097, 4_000)).save(tmp_path / "a.tiff")
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("its pixels were read"))
    with pytest.raises(DataError, match="size"):
        read_digit(tmp_path / "a.tiff", MNIST)


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
