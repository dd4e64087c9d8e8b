"""`pullback watch` and the page of `pullback runs`."""

from __future__ import annotations

import functools
import io
import json
import re
import time

import pytest
import rich.console

from pullback import cli
from pullback.training import Measurement
from pullback.training.looking import Sample


@pytest.fixture
def folder(tmp_path):
    """A run of which two numbers were measured."""
    run = tmp_path / "run-1"
    run.mkdir()
    (run / "config.toml").write_text('recipe = "digits-mlp"\n')
    measured = [Measurement(n, "train", "loss", 1 / n, n / 10) for n in (1, 2, 4)]
    measured.append(Measurement(4, "weight", "0.weight 5%", 0.1, 0.4))
    (run / "metrics.jsonl").write_text("".join(row.line() for row in measured))
    return run


def ran(*arguments):
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    return left.value.code


def curves(path):
    data = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[1]
    return json.loads(data)


def test_it_shows_what_was_measured(folder, capsys):
    assert not ran("watch", folder, "--once")
    said = capsys.readouterr().out
    assert "step 4 after 0.4 s" in said.replace("\n", "")
    assert re.search(r"train loss +0\.25 +0\.25 +1 +█▃▁", said)
    assert "weight" not in said


def test_without_a_terminal_it_looks_once(folder, capsys):
    assert not ran("watch", folder)
    assert "train loss" in capsys.readouterr().out


def test_a_terminal_is_looked_at_again_until_ctrl_c(folder, monkeypatch):
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(Measurement(9, "train", "loss", 0.125, 0.9).line())
        if len(looks) == 2:
            raise KeyboardInterrupt

    screen = io.StringIO()
    terminal = functools.partial(rich.console.Console, force_terminal=True, width=100)
    monkeypatch.setattr(rich.console, "Console", lambda file: terminal(file=screen))
    monkeypatch.setattr(time, "sleep", sleep)
    assert not ran("watch", folder, "--every", "0.5")
    assert looks == [0.5] * 2
    first, _, later = screen.getvalue().partition("step 9")
    assert "step 4" in first
    assert "0.125" in later


def test_the_page_looks_again_until_ctrl_c(folder, capsys, monkeypatch):
    looks = []

    def sleep(seconds):
        looks.append((seconds, curves(folder / "watch.html")["refresh"]))
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(Measurement(9, "train", "loss", 0.1, 0.9).line())
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    assert not ran("watch", folder, "--html", "--every", "0.5")
    assert looks == [(0.5, 0.5)] * 2
    data = curves(folder / "watch.html")
    assert data["refresh"] is None  # nobody will write it again
    assert data["runs"][0]["curves"]["train loss"][0] == [1, 2, 4, 9, 9]
    assert "watch.html" in capsys.readouterr().out


def test_samples_are_on_the_page(folder):
    (folder / "samples.jsonl").write_text(json.dumps(Sample(4, "to be")._asdict()) + "\n")
    assert not ran("watch", folder, "--html", "--once")
    assert curves(folder / "watch.html")["samples"] == [{"step": 4, "text": "to be"}]


def test_no_run_lies_there(tmp_path, capsys):
    assert ran("watch", tmp_path) == 2
    assert "no run lies there" in capsys.readouterr().err


def test_nothing_was_measured_yet(folder, capsys):
    (folder / "metrics.jsonl").unlink()
    assert ran("watch", folder, "--once") == 2
    assert "nothing was measured yet" in capsys.readouterr().err
    assert not ran("watch", folder)
    assert "nothing was measured yet" in " ".join(
        capsys.readouterr().out.split()
    )  # lines end where the folder's name says
    assert not (folder / "watch.html").exists()


def test_the_page_of_runs(folder, tmp_path, capsys):
    page = tmp_path / "runs.html"
    assert not ran("runs", folder, "--html", page)
    assert capsys.readouterr().out.endswith(f"{page}\n")
    assert curves(page)["runs"][0]["curves"]["train loss"][1] == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(("name", "words"), [("runs.png", "FILE.html"), ("no/where.html", "cannot be written")])
def test_a_page_that_is_not_written(folder, tmp_path, capsys, name, words):
    assert ran("runs", folder, "--html", tmp_path / name)
    assert words in capsys.readouterr().err


def test_runs_of_which_nothing_was_measured(folder, tmp_path, capsys):
    (folder / "metrics.jsonl").unlink()
    assert ran("runs", folder, "--html", tmp_path / "runs.html") == 2
    assert "nothing was measured" in capsys.readouterr().err
    assert not (tmp_path / "runs.html").exists()
