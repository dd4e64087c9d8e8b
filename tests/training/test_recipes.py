"""The recipes that come with Pullback: a short form of each, and with `make test-all` the whole of it, on real data."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import DataError, OptionError, ShapeError
from pullback.data import Characters, ImageSet, TensorDataset, TextSet, digits
from pullback.training.catalogue import RECIPES
from pullback.training.evaluation import evaluate
from pullback.training.recipes import images, text
from pullback.training.resuming import loop_for
from pullback.training.settings import layered
from pullback.training.task import task_of
from pullback.training.trainer import Trainer

WORDS = "to be, or not to be: that is the question. " * 60


def enlarged(root=None):
    """The digits that come with Pullback, in the size of MNIST's."""

    def part(data):
        pictures, labels = data.arrays
        return TensorDataset(np.pad(pictures.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))), labels)

    small = digits()
    return ImageSet("mnist", part(small.train), part(small.test), small.classes, "", "")


def words(root=None):
    return TextSet("words", WORDS[:2000], WORDS[2000:], Characters(WORDS), "", "")


def fitted(recipe, **settings):
    chosen = layered({"recipe": recipe, **settings})
    task = task_of(chosen)
    history = task.trainer.fit(
        task.train, task.tests, epochs=chosen.epochs, steps=chosen.steps, evaluate_every=task.evaluate_every
    )
    return task, history


@pytest.mark.parametrize(("recipe", "native"), [("mnist-cnn", False), ("lenet5", True)])
def test_a_network_of_convolutions_learns_digits(recipe, native, monkeypatch):
    monkeypatch.setattr(images, "mnist", enlarged)
    task, history = fitted(recipe, steps=30, lr=0.003, batch_size=16, compile=native)
    assert history.last("test", "accuracy") > 0.4
    assert "1,442 images of 28 × 28" in task.about()[0]


@pytest.mark.parametrize(
    ("recipe", "settings"), [("shakespeare-lstm", {"compile": False}), ("shakespeare-gpt", {"heads": 2})]
)
def test_a_model_of_language_learns_to_write(recipe, settings, monkeypatch):
    monkeypatch.setattr(text, "tiny_shakespeare", words)
    sizes = {"width": 24, "layers": 1, "context": 16, "batch_size": 8}
    task, history = fitted(recipe, steps=60, warmup=5, lr=0.02, evaluate_every=20, **sizes, **settings)
    losses = history.curve("test", "loss")[1]
    assert len(losses) == 3
    assert losses[-1] < 0.7 * math.log(65)
    for temperature in (0.0, 1.0):
        one, again = ("".join(task.sample("to be", 9, temperature, np.random.default_rng(4))) for _ in range(2))
        assert one == again
        assert len(one) == 9
    assert task.trainer.model.training


def test_what_decays_and_what_does_not():
    task = task_of(layered({"recipe": "shakespeare-gpt"}))
    flat, rest = task.trainer.optimizer.param_groups
    assert (flat["weight_decay"], rest["weight_decay"]) == (0.0, 0.1)
    assert {p.ndim for p in flat.params} == {1}
    assert {p.ndim for p in rest.params} == {2}
    deviations = {name: float(np.std(p.numpy())) for name, p in task.trainer.model.named_parameters() if p.ndim == 2}
    for name, deviation in deviations.items():
        expected = 0.02 / math.sqrt(8) if name.endswith(("out_proj.weight", "linear2.weight")) else 0.02
        assert deviation == pytest.approx(expected, rel=0.1), name


def test_a_transformer_sees_nothing_of_what_comes():
    model = task_of(layered({"recipe": "shakespeare-gpt", "layers": 2})).trainer.model
    tokens = np.arange(20)[None] % 65
    changed = tokens.copy()
    changed[0, 12:] = 3
    one, other = (model(pb.tensor(rows)).numpy() for rows in (tokens, changed))
    np.testing.assert_array_equal(one[:, :12], other[:, :12])
    assert not np.array_equal(one[:, 12], other[:, 12])


def test_more_characters_than_positions_are_told():
    model = task_of(layered({"recipe": "shakespeare-gpt", "layers": 1, "context": 8})).trainer.model
    with pytest.raises(ShapeError, match="longer than the positions"):
        model(pb.tensor(np.zeros((1, 9), int)))


def test_a_prompt_of_other_characters_is_told():
    task = task_of(layered({"recipe": "shakespeare-lstm"}))
    with pytest.raises(DataError, match="not known"):
        next(task.sample("ü", 1, 1.0, np.random.default_rng(0)))


def test_text_that_is_too_short_is_told(monkeypatch):
    monkeypatch.setattr(
        text, "tiny_shakespeare", lambda root: TextSet("short", "to be", "or", Characters("to be"), "", "")
    )
    chosen = layered({"recipe": "shakespeare-gpt"})
    with pytest.raises(DataError, match="too few tokens"):
        loop_for(task_of(chosen), chosen, None)


def test_the_characters_are_those_of_the_text():
    assert len(text.SHAKESPEARES) == 65


def test_an_unknown_recipe_names_those_that_there_are():
    with pytest.raises(OptionError, match="shakespeare-gpt"):
        layered({"recipe": "mnist"})


def test_every_recipe_has_a_meaning_and_a_length():
    for name, recipe in RECIPES.items():
        assert recipe.meaning
        assert isinstance(task_of(layered({"recipe": name})).trainer, Trainer)
        assert {"epochs", "steps"} & recipe.usual.keys()


def real(name):
    if not os.environ.get("PULLBACK_DATA"):
        pytest.skip(f"{name} is not here: name its folder in $PULLBACK_DATA")


@pytest.mark.long
@pytest.mark.parametrize(("recipe", "least"), [("mnist-cnn", 0.992), ("lenet5", 0.98)])
def test_a_whole_training_on_mnist(recipe, least):
    real("MNIST")
    task, _ = fitted(recipe)
    test = images.mnist().test.arrays
    assert evaluate(task.trainer.model, *test).accuracy >= least


@pytest.mark.long
@pytest.mark.parametrize(("recipe", "most"), [("shakespeare-lstm", 1.65), ("shakespeare-gpt", 1.88)])
def test_a_whole_training_on_shakespeare(recipe, most):
    real("tiny_shakespeare")
    _, history = fitted(recipe)
    assert history.last("test", "loss") <= most
