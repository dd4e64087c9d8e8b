"""Saving: the new file whole, or the old file."""

from __future__ import annotations

import pytest

from pullback.core.errors import OptionError
from pullback.visualize import Picture


def test_it_is_its_text():
    picture = Picture("<svg/>")
    assert str(picture) == picture._repr_svg_() == "<svg/>"
    assert "6 characters" in repr(picture)


@pytest.mark.parametrize("name", ["a.svg", "b.SVG", "é–ü.svg"])
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_it_saves_as_utf8(tmp_path, name, kind):
    path = Picture("<svg>→ é</svg>\n").save(kind(tmp_path / name))
    assert path == tmp_path / name
    assert path.read_bytes() == "<svg>→ é</svg>\n".encode()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_failed_write_keeps_the_old_file(tmp_path):
    target = tmp_path / "graph.svg"
    Picture("old").save(target)
    with pytest.raises(UnicodeEncodeError):
        Picture("new \ud800").save(target)
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["graph.svg"]


@pytest.mark.parametrize("name", ["graph.png", "graph", "graph.svg.gz"])
def test_another_ending_is_refused(tmp_path, name):
    with pytest.raises(OptionError, match=r"\.svg"):
        Picture("<svg/>").save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Picture("<svg/>").save(tmp_path / "nowhere" / "graph.svg")


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent/a\.svg'$"):
        Picture("<svg/>").save(tmp_path / "absent" / "a.svg")
