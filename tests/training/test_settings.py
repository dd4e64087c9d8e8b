"""Settings: later layers come first, and what cannot be is told with what could have been meant."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import OptionError
from pullback.training.catalogue import OPTIMIZERS
from pullback.training.settings import ROWS, Settings, layered, read_toml

VALUES = {
    "data": st.sampled_from(["digits", "mnist"]),
    "hidden": st.lists(st.integers(1, 500), max_size=3),
    "dropout": st.floats(0, 0.99),
    "batch_size": st.integers(1, 1000),
    "lr": st.floats(1e-12, 1e6),
    "weight_decay": st.floats(0, 10),
    "seed": st.integers(0, 2**63),
    "threads": st.integers(1, 64),
    "compile": st.booleans(),
}
LENGTHS = st.one_of(
    st.fixed_dictionaries({"epochs": st.integers(0, 99)}), st.fixed_dictionaries({"steps": st.integers(0, 10**9)})
)
RULES = st.sampled_from([{"optimizer": "sgd", "momentum": 0.5}, {"optimizer": "adam"}, {"optimizer": "adamw"}, {}])


@given(st.fixed_dictionaries({}, optional=VALUES), LENGTHS, RULES)
def test_a_run_s_file_repeats_its_settings(values, length, rule):
    settings = layered(values, length, rule)
    assert layered(tomllib.loads(settings.toml())) == settings


def test_later_layers_come_first():
    settings = layered({"lr": 0.5, "hidden": 32, "seed": 1}, {"lr": 0.25}, {"seed": 2})
    assert (settings.lr, settings.hidden, settings.seed) == (0.25, (32,), 2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_has_its_usual_numbers_written_down(optimizer):
    settings = layered({"optimizer": optimizer})
    assert (settings.lr, settings.momentum) == OPTIMIZERS[optimizer]
    assert settings.epochs is not None
    assert f"lr = {settings.lr}" in settings.toml()


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"epochs": 3}, {"steps": 7}], (None, 7)),
        ([{"steps": 7}, {"epochs": 3}], (3, None)),
        ([{"steps": 7}, {"lr": 1.0}], (None, 7)),
        ([{"steps": 0}], (None, 0)),
    ],
)
def test_the_last_word_on_the_length_counts(layers, expected):
    settings = layered(*layers)
    assert (settings.epochs, settings.steps) == expected


def test_two_lengths_in_one_layer_are_refused():
    with pytest.raises(OptionError, match="epochs and steps"):
        layered({"epochs": 3, "steps": 7})


def test_a_length_is_counted_in_steps():
    assert Settings(epochs=3).length(5) == 15
    assert Settings(steps=7).length(5) == 7
    assert Settings().length(5) == 150


@pytest.mark.parametrize(
    ("name", "near"), [("learning", "near names"), ("batchsize", "batch_size"), ("epoch", "epochs"), ("zzz", "known")]
)
def test_an_unknown_name_brings_near_ones(name, near):
    with pytest.raises(OptionError) as caught:
        layered({name: 1})
    assert name in str(caught.value)
    if near != "near names":
        assert near in str(caught.value)


WRONG = {
    "data": ["cifar", 3, None],
    "data_dir": [3],
    "hidden": [0, -1, "64;32", "a", [64, 0], [1.5], True, None, ""],
    "dropout": [1, 1.0, -0.1, "half", float("nan")],
    "epochs": [-1, 1.5, "3", True],
    "steps": [-1, 2.0],
    "batch_size": [0, -3, 1.0],
    "optimizer": ["sgdd", 1],
    "lr": [0, -1, float("inf"), float("nan"), "0.1", True],
    "momentum": [1.0, -0.5],
    "weight_decay": [-1, float("inf"), float("nan")],
    "seed": [-1, 1.5],
    "threads": [0],
    "compile": [1, "yes"],
    **{name: [0, 1.5, "3"] for name in ("width", "layers", "heads", "context", "evaluate_every")},
    "warmup": [-1, 0.5],
    "clip": [0, -1.0, float("nan")],
    "recipe": ["nonsense", 3, None],
    "factory": ["", 3, None, "a\nb"],
    "options": ["a=1", {"a b": 1}, {"a": [1]}, None],
}


def test_every_setting_has_values_that_it_refuses():
    assert WRONG.keys() == ROWS.keys()


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_cannot_be_is_refused(name, value):
    if (name, value) == ("hidden", ""):
        assert layered({name: value}).hidden == ()  # no hidden layer is possible
        return
    with pytest.raises(OptionError) as caught:
        layered({name: value})
    assert f"settings: {name} cannot be so" in str(caught.value)
    assert ROWS[name].form in str(caught.value)


@pytest.mark.parametrize(
    ("given", "widths"), [(64, (64,)), ("64", (64,)), ("128,64", (128, 64)), ([], ()), ((3, 4), (3, 4))]
)
def test_widths_are_read_in_all_their_forms(given, widths):
    assert layered({"hidden": given}).hidden == widths


def test_momentum_is_of_sgd():
    with pytest.raises(OptionError, match="only sgd"):
        layered({"optimizer": "adam", "momentum": 0.9})


def test_names_of_a_file_may_have_hyphens(tmp_path):
    (tmp_path / "a.toml").write_text("batch-size = 8\nweight_decay = 0.5\n")
    assert read_toml(tmp_path / "a.toml") == {"batch_size": 8, "weight_decay": 0.5}


@pytest.mark.parametrize("content", [b"lr = ", b"\xff\xfe", b"[table\n"])
def test_a_file_that_is_not_toml_is_named(content, tmp_path):
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(OptionError, match=r"a\.toml"):
        read_toml(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("batch_size", 8, "--batch-size 8"), ("compile", False, "--no-compile"), ("compile", True, "--compile"),
        ("options", {"width": 64, "deep": True}, "--set width=64 --set deep=True"), ("options", None, "--set width=64"),
        ("hidden", (64, 32), "--hidden 64,32"), ("factory", "mine.py:make", "mine.py:make"),
    ],
)  # fmt: skip
def test_a_setting_is_shown_as_it_is_given(name, value, shown):
    assert ROWS[name].option(name, value) == shown


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OptionError, match=r"absent\.toml"):
        read_toml(tmp_path / "absent.toml")
