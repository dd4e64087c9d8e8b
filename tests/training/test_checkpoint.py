"""A checkpoint is the old one or the new one, whatever fails; and it is of this run or refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.conftest import SMALL

import pullback as pb
from pullback.core.errors import CheckpointError
from pullback.interop import safetensors
from pullback.training import checkpoint
from pullback.training.resuming import Told, loop_for
from pullback.training.settings import layered
from pullback.training.task import task_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@given(TREES)
def test_any_tree_of_plain_values_survives(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("tree") / "state"
    checkpoint.save(path, {}, tree)
    assert checkpoint.load(path).rest == tree


def test_arrays_survive_wherever_they_stand(tmp_path):
    arrays = [np.arange(6.0).reshape(2, 3).T, np.float32(2.5), np.array([], np.int8), np.bool_(1)]
    rest = {"list": arrays, "one": {"array": pb.tensor([1.0, 2.0]), "generator": 2**127 + 1}}
    checkpoint.save(tmp_path / "state", {"w": np.ones((2, 2))[:, ::2]}, rest)
    model, found = checkpoint.load(tmp_path / "state")
    assert model["w"].tolist() == [[1.0], [1.0]]
    for one, other in zip(found["list"], arrays, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tolist() == other.tolist()
    assert found["one"]["array"].tolist() == [1.0, 2.0]
    assert found["one"]["generator"] == 2**127 + 1


def test_what_cannot_be_saved_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"rest\.a\.1"):
        checkpoint.save(tmp_path / "state", {}, {"a": [1, object()]})
    assert not list(tmp_path.iterdir())


BREAKS = {"open": (Path, "open"), "fsync": (os, "fsync"), "replace": (Path, "replace")}


@pytest.mark.parametrize("step", BREAKS)
def test_a_full_disk_leaves_the_old_checkpoint(step, tmp_path, monkeypatch):
    path = tmp_path / "state"
    checkpoint.save(path, {"w": np.zeros(3)}, {"step": 1})

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*BREAKS[step], full)
    with pytest.raises(CheckpointError, match="No space left") as caught:
        checkpoint.save(path, {"w": np.ones(3)}, {"step": 2})
    monkeypatch.undo()
    assert str(path) in str(caught.value)
    model, rest = checkpoint.load(path)
    assert (rest, model["w"].tolist()) == ({"step": 1}, [0.0, 0.0, 0.0])
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_once_the_name_is_taken_leaves_the_new_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "state"
    checkpoint.save(path, {"w": np.zeros(3)}, {"step": 1})
    real, calls = os.fsync, []

    def second_fails(file):
        calls.append(file)
        if len(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(file)

    monkeypatch.setattr(os, "fsync", second_fails)
    with pytest.raises(CheckpointError):
        checkpoint.save(path, {"w": np.ones(3)}, {"step": 2})
    monkeypatch.undo()
    assert checkpoint.load(path).rest == {"step": 2}


def test_a_damaged_checkpoint_is_refused_and_named(runs):
    runs.start(steps=3)
    path = runs.folder().checkpoint
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="SHA-256") as caught:
        runs.resume()
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content  # looked at, not touched


def test_another_program_s_file_is_no_checkpoint(tmp_path):
    safetensors.save(tmp_path / "weights", {"w": np.ones(2)})
    with pytest.raises(CheckpointError, match="no checkpoint of a run"):
        checkpoint.load(tmp_path / "weights")


def test_a_checkpoint_of_another_network_is_refused_by_key(runs):
    runs.start("six", steps=3)
    runs.start("four", steps=3, hidden=[4])
    before = runs.folder("six").checkpoint.read_bytes()
    runs.folder("four").checkpoint.write_bytes(before)
    with pytest.raises(CheckpointError, match=r"1\.weight"):
        runs.resume("four")
    assert runs.folder("four").checkpoint.read_bytes() == before


def test_a_checkpoint_of_another_optimizer_is_refused(runs):
    runs.start("adam", steps=3)
    runs.start("sgd", steps=3, optimizer="sgd")
    runs.folder("sgd").checkpoint.write_bytes(runs.folder("adam").checkpoint.read_bytes())
    with pytest.raises(CheckpointError, match="the state of Adam"):
        runs.resume("sgd")


def test_a_checkpoint_without_a_key_names_it(runs):
    loop = runs.made(steps=3)
    model, rest = loop.trainer.checkpoint()
    del rest["losses"]
    with pytest.raises(CheckpointError, match="losses"):
        loop.trainer.restore(checkpoint.Checkpoint(model, rest))


def test_arrays_whose_paths_read_alike_are_kept_apart(tmp_path):
    rest = {"a.b": np.zeros(1), "a": {"b": np.ones(1)}, "c": [np.zeros(2)], "c.0": np.ones(2)}
    checkpoint.save(tmp_path / "state", {}, rest)
    found = checkpoint.load(tmp_path / "state").rest
    assert [found["a.b"].tolist(), found["a"]["b"].tolist()] == [[0.0], [1.0]]
    assert [found["c"][0].tolist(), found["c.0"].tolist()] == [[0.0, 0.0], [1.0, 1.0]]


def nested(levels):
    tree = []
    for _ in range(levels):
        tree = [tree]
    return tree


def circle():
    tree = {}
    tree["itself"] = tree
    return tree


@pytest.mark.parametrize(
    "rest", [nested(100_000), circle(), 10**5_000, {(1, 2): 3}], ids=["deep", "circle", "huge", "key"]
)
def test_trees_that_no_note_can_hold_are_refused(rest, tmp_path):
    with pytest.raises(CheckpointError):
        checkpoint.save(tmp_path / "state", {}, rest)
    assert not list(tmp_path.iterdir())


NOTES = ["", "x", "{}", '["list"]', '["dict", 3]', '["dict", [[1]]]', '["array", "none"]', '["array", {}]', "[" * 9_999,
         '["dict", [[[], 1]]]', '["set", []]', '[[], []]', "1" * 9_999, "\x00"]  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
def test_a_whole_file_with_a_wrong_note_is_refused_and_named(note, tmp_path):
    path = safetensors.save(tmp_path / "state", {}, {"pullback": checkpoint.FORMAT, checkpoint.REST: note})
    try:
        found = checkpoint.load(path)
    except CheckpointError as error:
        assert str(path) in str(error)  # noqa: PT017 - some notes are readable, and the next test has those
    else:
        with pytest.raises(CheckpointError, match="a key is missing"):
            Told.of(found)


WRONG = {
    "settings": ["no dict", {"hidden": "wide"}, {"unknown": 1}, {"epochs": 1, "steps": 1}, None],
    "changes": ["no list", [3], [[1, 2]], [[1, "unknown", 1, 2]]],
    "step": ["1", -1, 1.5, True, 2**70, None], "epoch": [-1, "0"], "batch": [0.5], "losses": ["1", None, [None], ["a"]],
    "callbacks": [3, [{}] * 9],
    "optimizer": [
        3, {}, *({"optimizer": "Adam", "state": {}, "groups": groups} for groups in (3, [1])),
        *({"optimizers": states} for states in (3, [], {"": 3}, {"": {"groups": []}})),
        {"state": 3, "groups": []},
    ],
    "generators": [[], {}, {"2.rng": 3}, {"2.rng": {"bit_generator": "MT19937"}}],
}  # fmt: skip


@pytest.mark.parametrize("key", WRONG)
def test_a_part_of_the_wrong_kind_is_named(key, runs):
    for wrong in WRONG[key]:
        settings = layered(SMALL, {"steps": 3, "dropout": 0.5})
        model, rest = loop_for(runs.task(settings), settings, None).trainer.checkpoint()
        with pytest.raises(CheckpointError) as caught:
            loop_for(runs.task(settings), settings, None, checkpoint.Checkpoint(model, {**rest, key: wrong}))
        assert key.rstrip("s") in str(caught.value).lower()
    with pytest.raises(CheckpointError, match="key"):
        loop_for(runs.task(settings), settings, None, checkpoint.Checkpoint(model, []))


def test_two_equal_runs_leave_equal_bytes(runs):
    for name in ("one", "other"):
        runs.start(name, stop=4, steps=9, dropout=0.3)
        runs.resume(name)
    runs.start("straight", steps=9, dropout=0.3)
    contents = {runs.folder(name).checkpoint.read_bytes() for name in ("one", "other", "straight")}
    assert len(contents) == 1


def test_what_the_process_had_drawn_before_leaves_no_trace_in_a_run():
    states = []
    for _ in range(2):
        pb.random.default_generator().bit_generator.state = np.random.default_rng().bit_generator.state
        states.append(task_of(layered(SMALL)).trainer.checkpoint().rest["generators"])
    assert states[0] == states[1]


def test_a_default_generator_that_nobody_used_is_not_saved(monkeypatch):
    monkeypatch.setattr(pb.random, "_default", [])
    model = pb.nn.Linear(1, 1, rng=0)
    model.default = np.random.default_rng(3)  # a name like any other
    trainer = pb.training.Trainer(model, pb.nn.MSELoss(), pb.optim.SGD(model.parameters(), lr=0.1))
    saved = trainer.checkpoint()
    assert list(saved.rest["generators"]) == ["default"]
    pb.random.seed(5)
    state = model.default.bit_generator.state
    model.default.random()
    both = trainer.checkpoint()
    assert len(both.rest["generators"]) == 2
    expected = pb.random.uniform().item()
    trainer.restore(saved)
    assert model.default.bit_generator.state == state
    trainer.restore(both)
    assert pb.random.uniform().item() == expected
