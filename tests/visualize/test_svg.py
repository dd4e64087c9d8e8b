"""Pictures: well-formed, self-contained, readable, and true to the drawing."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pullback.visualize import Arrow, Box, Drawing, svg
from pullback.visualize.drawing import CONSTANT, ELIDED, OPERATION, VARIABLE, Style
from pullback.visualize.svg import CARD, FAINT, INK, LINE

SPACE = "{http://www.w3.org/2000/svg}"
STYLES = (VARIABLE, CONSTANT, OPERATION, ELIDED)


def parsed(drawing, direction="TB"):
    return ET.fromstring(svg(drawing, direction))


def texts(picture):
    return [element.text for element in picture.iter(f"{SPACE}text")]


def diamond(label=""):
    boxes = tuple(Box((name,), style) for name, style in zip("abcd", STYLES, strict=True))
    arrows = (Arrow(0, 1, label), Arrow(0, 2), Arrow(1, 3), Arrow(2, 3), Arrow(0, 3, tooltip="a to d"))
    return Drawing("a diamond", STYLES, boxes, arrows)


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_a_drawing_is_all_there(direction):
    picture = parsed(diamond(), direction)
    assert texts(picture)[:4] == ["a", "b", "c", "d"]
    assert texts(picture)[4:] == ["variable × 1", "constant × 1", "operation × 1", "left out × 1"]
    paths = [path for path in picture.iter(f"{SPACE}path") if "marker-end" in path.attrib]
    assert len(paths) == 5
    (marker,) = picture.iter(f"{SPACE}marker")
    assert {path.get("marker-end") for path in paths} == {f"url(#{marker.get('id')})"}
    titles = [title.text for title in picture.iter(f"{SPACE}title")]
    assert titles == ["a diamond", "a to d", "a", "b", "c", "d"]
    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == picture[0].get("id")


def test_it_is_the_same_each_time_and_pictures_on_a_page_do_not_meet():
    assert svg(diamond()) == svg(diamond())
    ids = [set(re.findall(r'id="([^"]+)"', svg(drawing))) for drawing in (diamond(), diamond("other"))]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_it_needs_nothing_from_elsewhere():
    text = svg(diamond())
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
    for word in ("<script", "<style", "<image", "@import", "href", "<foreignObject"):
        assert word not in text


def test_lines_are_smooth_and_end_on_the_box():
    picture = parsed(diamond())
    for path in picture.iter(f"{SPACE}path"):
        if "marker-end" in path.attrib:
            assert re.fullmatch(r"M[\d. -]+([LC][\d. -]+)+", path.get("d"))
    assert any("C" in path.get("d") for path in picture.iter(f"{SPACE}path"))


@given(*[st.text(max_size=30)] * 4)
@example("\r\n", "\n\r\t ", "\r", "\r\n")
@example(" a", "&#13;", "]]>", '"><script>')
@example("\x85", "\u2028", "\ud800", "\x00\ufffe")
def test_any_text_is_found_again_wherever_it_stands(title, line, note, colour):
    style = Style(title, colour, colour, 6.0)
    boxes = (Box((title, line), style, note), Box(("f",), OPERATION))
    picture = parsed(Drawing(note, (*STYLES, style), boxes, (Arrow(0, 1, line, note),)))
    title, line, note, colour = (
        re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)
        for text in (title, line, note, colour)
    )
    labels = [line] if line else []
    assert [text or "" for text in texts(picture)] == [*labels, title, line, "f", "operation × 1", f"{title} × 1"]
    notes = [element.text or "" for element in picture.iter(f"{SPACE}title")]
    assert notes == [note, *[note] * (len(labels) + 1 if note else 0), note or title, "f"]
    assert colour in [rectangle.get("fill") for rectangle in picture.iter(f"{SPACE}rect")]


def test_markup_in_a_name_is_shown_not_obeyed():
    hostile = "</text><script>alert('&amp;')</script>"
    picture = parsed(Drawing(hostile, STYLES, (Box((hostile,), VARIABLE, hostile),), ()))
    assert texts(picture)[0] == hostile
    assert not list(picture.iter(f"{SPACE}script"))


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), min_size=1, max_size=4))
def test_text_fits_its_box(lines):
    picture = parsed(Drawing("", (), (Box(tuple(lines), VARIABLE),), ()))
    box = list(picture.iter(f"{SPACE}rect"))[1]
    size = {name: float(box.get(name)) for name in ("x", "y", "width", "height")}
    for text in picture.iter(f"{SPACE}text"):
        wide = len(text.text or "") * 0.602 * float(text.get("font-size", picture.get("font-size")))
        assert wide <= size["width"] - 8
        assert size["y"] + 8 <= float(text.get("y")) <= size["y"] + size["height"] - 3
        assert float(text.get("x")) == pytest.approx(size["x"] + size["width"] / 2, abs=0.11)


def test_wide_letters_get_twice_the_room():
    widths = []
    for name in ("abcdefghij", "日本語日本語日本語日", "áb́ćd́éf́ǵh́íj́"):
        picture = parsed(Drawing("", (), (Box((name,), VARIABLE),), ()))
        widths.append(float(list(picture.iter(f"{SPACE}rect"))[1].get("width")))
    assert widths[1] > 1.6 * widths[0]
    assert widths[2] == widths[0]


def test_a_labelled_arrow_passes_through_its_label():
    picture = parsed(diamond("(32, 10)"))
    assert "(32, 10)" in texts(picture)
    assert len([path for path in picture.iter(f"{SPACE}path") if "marker-end" in path.attrib]) == 5


def test_a_result_has_a_second_outline_and_what_is_left_out_is_dashed():
    plain, result, cut = (
        [
            (rect.get("fill"), "stroke-dasharray" in rect.attrib)
            for rect in parsed(Drawing("", (), (box,), ())).iter(f"{SPACE}rect")
        ][1:]
        for box in (Box(("f",), OPERATION), Box(("f",), OPERATION, result=True), Box(("…",), ELIDED))
    )
    assert plain == [(OPERATION.fill, False)]
    assert result == [(CARD, False), (OPERATION.fill, False)]
    assert cut == [(ELIDED.fill, True)]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_colours_are_told_from_their_ground(style):
    # WCAG 2.2: 7 : 1 for text at level AAA, 4.5 : 1 for small print at AA, 3 : 1 for outlines.
    assert contrast(INK, style.fill) > 10
    assert contrast(FAINT, style.fill) > 4.5
    assert contrast(style.stroke, CARD) > 3
    assert contrast(LINE, CARD) > 3
