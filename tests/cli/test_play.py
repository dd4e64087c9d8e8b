"""`pullback play`."""

from __future__ import annotations


def test_a_page(pullback, tmp_path):
    path = tmp_path / "page.html"
    done = pullback("play", "x**2 * sin(y)", "x=3", "y=0", "-o", str(path))
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{path}: x**2 * sin(y): 6 values, 8 steps\n"
    assert "<title>x**2 * sin(y) · Pullback</title>" in path.read_text(encoding="utf-8")


def test_forward_mode(pullback, tmp_path):
    done = pullback("play", "-x", "x=3", "--forward", "-o", str(tmp_path / "page.html"))
    assert done.code == 0
    assert "3 steps" in done.out


def test_what_is_wrong(pullback, tmp_path):
    for arguments, words in [
        (("x +", "x=1"), "expression"),
        (("2 + 3",), "nothing was recorded"),
        (("x", "x=1", "-o", str(tmp_path / "page.svg")), "end the name in .html"),
        (("x * x", "x=1", "-o", str(tmp_path / "none" / "page.html")), "cannot be written"),
    ]:
        done = pullback("play", *arguments)
        assert done.code != 0
        assert words in done.err
    assert list(tmp_path.iterdir()) == []
