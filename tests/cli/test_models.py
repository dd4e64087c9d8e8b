"""Models of one's own from the command line; runs beside each other; text that is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pullback.cli.train import train
from pullback.training import checkpoint
from pullback.training.catalogue import RECIPES
from pullback.training.settings import ROWS, layered
from pullback.training.task import task_of

MINE = """
import numpy as np
import pullback as pb
from pullback.training import EarlyStopping, SaveBest, Task, Trainer

SEEN = []

def make(lr=0.05, batch_size=8, seed=0, width=4, epochs=3):
    SEEN.append((lr, batch_size, seed, width))
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y = x @ np.float32([1.0, -2.0, 0.5]) + 3
    model = pb.nn.Sequential(pb.nn.Linear(3, width, rng=seed), pb.nn.Tanh(), pb.nn.Linear(width, 1, rng=seed + 1))
    trainer = Trainer(
        model, lambda out, y: ((out[:, 0] - y) ** 2).mean(), pb.optim.Adam(model.parameters(), lr=lr),
        callbacks=[SaveBest()],
    )
    loader = pb.data.DataLoader((x, y), batch_size, shuffle=True, rng=seed)
    return trainer, loader, loader

def full(**options):
    trainer, loader, test = make(**options)
    def write(prompt, length, temperature, rng):
        for number in range(length):
            yield str(number)
    return Task(trainer, loader, test, sample=write)

def needs(data_dir, depth):
    raise AssertionError

def nothing():
    return 3

def failing():
    return {}["missing"]

def usual(epochs="two"):
    raise AssertionError

class Made:
    def __init__(self, depth):
        raise AssertionError
"""


@pytest.fixture
def mine(pullback, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "empty.py").touch()
    return pullback


def test_a_model_of_ones_own_is_trained_resumed_and_evaluated(mine, tmp_path):
    done = mine("train", "mine.py:make", "--lr", "0.02", "--set", "width=6", "--epochs", "2", "--out", "run")
    assert done.code == 0, done.err
    assert "model  mine.py:make, 31 parameters" in done.out.splitlines()
    assert done.out.splitlines()[-1].startswith("train loss ")
    assert "test loss" in done.out.splitlines()[-1]
    config = (tmp_path / "run" / "config.toml").read_text().splitlines()
    assert 'factory = "mine.py:make"' in config
    assert "options = {width = 6}" in config
    assert not any(line.startswith(("recipe", "hidden", "data")) for line in config)
    assert (tmp_path / "run" / "best.safetensors").exists()
    assert mine("train", "--resume", "run", "--epochs", "4").code == 0
    mine("train", "--config", "run/config.toml", "--epochs", "4", "--out", "straight")
    states = [checkpoint.load(tmp_path / name / "model.safetensors") for name in ("run", "straight")]
    assert all(np.array_equal(states[0].model[name], states[1].model[name]) for name in states[0].model)
    assert "20 steps" in mine("evaluate", "run").out


def test_a_module_on_the_path_and_its_usual_length(mine, tmp_path, monkeypatch):
    (tmp_path / "mine.py").rename(tmp_path / "a_module_of_mine.py")
    done = mine("train", "a_module_of_mine:make", "--quiet")
    assert done.code == 0, done.err
    assert checkpoint.load(tmp_path / "runs" / "make-1" / "model.safetensors").rest["step"] == 15


WRONG = [
    (["mine.py:absent"], 2, "one of make, full"),
    (["absent.py:make"], 2, "no such file"),
    (["absent_module:make"], 2, "no such module"),
    (["mine.py"], 2, "names no factory"),
    (["empty.py:make"], 2, "def make()"),
    (["mine.py:Made"], 2, "--set depth=..."),
    (["mine.py:Absent"], 2, "usual, Made"),
    (["mine.py:usual"], 2, "a whole number of 0 or more"),
    (["mine.py:make", "--momentum", "0.5"], 2, "does not take this"),
    (["mine.py:make", "--set", "depth=3"], 2, "does not take this"),
    (["mine.py:make", "--set", "width"], 2, "--set NAME=VALUE"),
    (["mine.py:make", "--recipe", "lenet5"], 2, "say what to train"),
    (["mine.py:needs"], 2, "--data-dir ~/mnist --set depth=..."),
    (["mine.py:nothing"], 2, "gives something else"),
    (["--recipe", "lenet6"], 2, "lenet5"),
    (["--recipe", "lenet5", "--hidden", "3"], 2, "lenet5 has no such setting"),
    (["mine.py:make", "--lr", "1e30", "--epochs", "9"], 1, "is not finite"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_what_is_wrong_is_told(arguments, code, words, mine):
    done = mine("train", *arguments)
    assert done.code == code
    assert words in done.err
    assert "Traceback" not in done.err


def test_an_error_of_the_factory_is_its_own(mine):
    from pullback.cli import main

    with pytest.raises(KeyError, match="missing"):
        main(["train", "mine.py:failing"])


@pytest.fixture
def three(mine, tmp_path):
    for name, options in (("one", []), ("same", []), ("other", ["--lr", "0.02"])):
        assert mine("train", "mine.py:make", "--quiet", "--out", f"runs/{name}", *options).code == 0
    return mine


def test_runs_are_listed_and_compared(three, tmp_path):
    head, *rows = three("runs").out.splitlines()
    assert head.split() == ["run", "trains", "step", "seconds", "train", "loss", "test", "loss"]
    assert [row.split()[:3] for row in rows] == [[f"runs/{name}", "make", "15"] for name in ("one", "other", "same")]
    one, other, same = (row.split()[4:] for row in rows)
    assert one == same != other
    lines = three("runs", "runs/one", "runs/other", "--curve", "test loss").out.splitlines()
    assert lines[4].startswith("test loss, from ")
    assert any("█" in line for line in lines[5:])
    done = three("runs", "--curve", "train loss", "-o", "curves.svg")
    assert done.code == 0
    assert (tmp_path / "curves.svg").stat().st_size > 1_000


def test_damaged_runs_hide_no_others(three, tmp_path):
    (tmp_path / "runs" / "one" / "model.safetensors").write_bytes(b"nothing")
    (tmp_path / "runs" / "other" / "model.safetensors").unlink()
    rows = three("runs").out.splitlines()[1:]
    assert [row.split()[1:3] for row in rows] == [["damaged", "-"], ["?", "-"], ["make", "15"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["runs", "absent"], "there are none"), (["runs", "--curve", "test f1"], "was not measured"),
     (["runs", "-o", "a.txt"], "FILE.png"), (["diff", "runs/one", "absent"], "no run lies there"),
     (["sample", "runs/one"], "does not write"), (["predict", "runs/one", "a.png"], "not one of digits")],
)  # fmt: skip
def test_what_cannot_be_compared_is_told(arguments, words, three):
    done = three(*arguments)
    assert done.code == 2
    assert words in done.err


def test_runs_that_are_the_same_do_not_differ(three):
    done = three("diff", "runs/one", "runs/same")
    assert (done.code, done.out) == (0, "step 15, as saved: all tensors have the same bits\n")


def test_the_first_step_and_tensor_that_differ_are_named(three):
    done = three("diff", "runs/one", "runs/other")
    assert done.code == 1
    assert "  lr: 0.02" in done.out or "  lr: None and 0.02" in done.out
    assert "first difference: step 1, 0.weight: " in done.out


def test_one_bit_is_enough(three, tmp_path):
    path = tmp_path / "runs" / "same" / "model.safetensors"
    model, rest = checkpoint.load(path)
    weight = model["2.bias"].copy()
    weight[0] = np.nextafter(weight[0], np.float32(9))
    checkpoint.save(path, {**model, "2.bias": weight}, rest)
    done = three("diff", "runs/one", "runs/same", "--no-replay")
    assert done.code == 1
    assert "2.bias: 1 of 1 numbers, first at (0,)" in done.out
    done = three("diff", "runs/one", "runs/same")
    assert done.code == 1
    assert "taken again on this machine, steps 1 to 15 are the same to the last bit" in done.out


def test_text_is_written_as_it_comes(mine):
    mine("train", "mine.py:full", "--quiet", "--steps", "1", "--out", "run")
    done = mine("sample", "run", "--prompt", "go: ", "--length", "4")
    assert done.out == "go: 0123\n"
    assert "temperature" in mine("sample", "run", "--temperature", "-1").err


# Options and rows.


def test_every_row_has_an_option_and_every_option_a_row():
    assert set(ROWS) <= set(train.__annotations__)
    assert all(row.metavar or isinstance(row.example, bool) or name == "factory" for name, row in ROWS.items())


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_made_without_its_data(name, monkeypatch):
    monkeypatch.delenv("PULLBACK_DATA", raising=False)
    monkeypatch.setattr("pullback.data.files.Collection.load", lambda *_: pytest.fail("the data was asked for"))
    settings = layered({"recipe": name})
    assert task_of(settings).trainer.parameters > 1_000
    assert layered(settings.kept()) == settings
    assert Path(name).name == name
