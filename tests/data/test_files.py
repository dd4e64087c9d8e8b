"""Published files: found where they should be, fetched once, and refused unless they are proved."""

import gzip
import hashlib
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from pullback.core.errors import DataError
from pullback.data.files import Collection
from pullback.data.idx import write_idx
from pullback.data.published import IdxFile

ARRAY = np.arange(6, dtype=np.uint8).reshape(2, 3)
OTHER = ARRAY[::-1].copy()
CONTENT = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + ARRAY.tobytes()
FILE = IdxFile("tiny-idx2-ubyte.gz", hashlib.sha256(CONTENT).hexdigest(), (2, 3))
PLAIN = "tiny-idx2-ubyte"
TINY = Collection("tiny", ("", "tiny"), ("https://one.invalid/", "https://two.invalid/"), (FILE,))


@pytest.fixture
def web(monkeypatch, tmp_path):
    """Replace pooch: what each address gives, and a list of the addresses that were asked."""
    pages, asked = {}, []

    def fetch(url, output_file, pooch):
        asked.append(url)
        if url not in pages:
            raise ConnectionError("no route to host")
        Path(output_file).write_bytes(pages[url])

    fake = types.ModuleType("pooch")
    fake.HTTPDownloader = lambda progressbar: fetch
    fake.os_cache = lambda project: tmp_path / "cache" / project
    monkeypatch.setitem(sys.modules, "pooch", fake)
    monkeypatch.delenv("PULLBACK_DATA", raising=False)
    return types.SimpleNamespace(pages=pages, asked=asked, cache=tmp_path / "cache" / "pullback" / "tiny")


@pytest.mark.parametrize("place", ["root", "root/tiny", "env", "env/tiny", "cache/pullback/tiny"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files_are_found_without_the_network(web, tmp_path, monkeypatch, place, suffix):
    monkeypatch.setenv("PULLBACK_DATA", str(tmp_path / "env"))
    (tmp_path / place).mkdir(parents=True)
    write_idx(tmp_path / place / f"{PLAIN}{suffix}", ARRAY)
    (array,) = TINY.load(tmp_path / "root")
    np.testing.assert_array_equal(array, ARRAY)
    assert web.asked == []


def test_the_root_comes_before_the_environment_and_the_cache(web, tmp_path, monkeypatch):
    monkeypatch.setenv("PULLBACK_DATA", str(tmp_path / "env"))
    for place in tmp_path / "env", web.cache:
        place.mkdir(parents=True)
        write_idx(place / FILE.name, OTHER)
    (tmp_path / "root").mkdir()
    write_idx(tmp_path / "root" / FILE.name, ARRAY)
    TINY.load(tmp_path / "root")
    with pytest.raises(DataError, match="env"):
        TINY.load(None)


def test_a_download_goes_into_the_cache_and_is_made_once(web):
    web.pages[f"https://one.invalid/{FILE.name}"] = gzip.compress(CONTENT)
    for _ in range(2):
        np.testing.assert_array_equal(TINY.load(None)[0], ARRAY)
    assert web.asked == [f"https://one.invalid/{FILE.name}"]
    assert [path.name for path in web.cache.iterdir()] == [FILE.name]


def test_a_download_goes_into_the_root_that_is_named(web, tmp_path):
    web.pages[f"https://one.invalid/{FILE.name}"] = gzip.compress(CONTENT)
    TINY.load(tmp_path / "root")
    assert (tmp_path / "root" / FILE.name).is_file()
    assert not web.cache.exists()


@pytest.mark.parametrize(
    "page",
    [None, b"<html>moved</html>", gzip.compress(CONTENT)[:-3], gzip.compress(CONTENT[:-1] + b"x"), b""],
    ids=["down", "not the file", "cut short", "changed", "empty"],
)
def test_the_next_mirror_is_asked_when_one_fails(web, page):
    if page is not None:
        web.pages[f"https://one.invalid/{FILE.name}"] = page
    web.pages[f"https://two.invalid/{FILE.name}"] = gzip.compress(CONTENT)
    np.testing.assert_array_equal(TINY.load(None)[0], ARRAY)
    assert len(web.asked) == 2


def test_offline_it_says_which_file_from_where_and_where_to_put_it(web, tmp_path):
    with pytest.raises(DataError) as caught:
        TINY.load(None)
    assert str(caught.value) == (
        "tiny: a file is missing and could not be downloaded\n"
        "  file       tiny-idx2-ubyte.gz (or tiny-idx2-ubyte, decompressed)\n"
        f"  looked in  {web.cache}\n"
        "  tried      https://one.invalid/tiny-idx2-ubyte.gz\n"
        "               ConnectionError: no route to host\n"
        "             https://two.invalid/tiny-idx2-ubyte.gz\n"
        "               ConnectionError: no route to host\n"
        f"  fix        connect to the network; or put the file into {web.cache}, or "
        "name its folder in $PULLBACK_DATA"
    )
    assert list(web.cache.iterdir()) == []


def test_without_pooch_it_says_how_to_get_it(web, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    with pytest.raises(DataError, match=r"pip install 'pullback\[data\]'") as caught:
        TINY.load(None)
    assert str(tmp_path / "xdg" / "pullback" / "tiny") in str(caught.value)
    assert f"https://one.invalid/{FILE.name}" in str(caught.value)


def test_without_pooch_the_cache_is_in_the_home_folder(web, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    cache = tmp_path / ".cache" / "pullback" / "tiny"
    cache.mkdir(parents=True)
    write_idx(cache / FILE.name, ARRAY)
    np.testing.assert_array_equal(TINY.load(None)[0], ARRAY)


def test_a_folder_that_cannot_be_made_is_named(web, tmp_path):
    (tmp_path / "root").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot be written") as caught:
        TINY.load(tmp_path / "root")
    assert caught.value.facts["folder"] == tmp_path / "root"
    assert web.asked == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(CONTENT)[:-5], "cut short"),
        (CONTENT[:-1], "length that its header says"),
        (b"\x89PNG" + CONTENT[4:], "not an IDX file"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 6]) + ARRAY.tobytes(), "another shape"),
        (CONTENT[:-1] + b"x", "damaged or changed"),
    ],
    ids=["gzip cut", "cut", "magic", "shape", "digest"],
)
def test_a_file_that_is_not_proved_is_refused_and_named(web, tmp_path, content, says):
    path = tmp_path / PLAIN
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        TINY.load(tmp_path)
    assert str(caught.value.facts["file"]) == str(path)
    assert {"expected", "got", "fix"} <= set(caught.value.facts)
    assert web.asked == []


def test_a_changed_file_shows_both_digests(web, tmp_path):
    write_idx(tmp_path / PLAIN, OTHER)
    with pytest.raises(DataError, match=FILE.digest) as caught:
        TINY.load(tmp_path)
    assert hashlib.sha256((tmp_path / PLAIN).read_bytes()).hexdigest() in str(caught.value)


def test_the_real_pooch_downloads_and_draws_no_bar_without_a_terminal(monkeypatch, tmp_path, capsys):
    pytest.importorskip("pooch", reason="pooch is not installed")
    requests = pytest.importorskip("requests", reason="requests, which pooch uses, is not installed")

    def get(url, **options):
        content = gzip.compress(CONTENT)[: 20 if "one" in url else None]
        return types.SimpleNamespace(
            raise_for_status=lambda: None,
            iter_content=lambda chunk_size: iter([content[:9], content[9:]]),
            headers={"content-length": str(len(content))},
        )

    monkeypatch.setattr(requests, "get", get)
    monkeypatch.delenv("PULLBACK_DATA", raising=False)
    np.testing.assert_array_equal(TINY.load(tmp_path)[0], ARRAY)
    assert (tmp_path / FILE.name).read_bytes() == gzip.compress(CONTENT)
    assert capsys.readouterr() == ("", "")
