"""The gallery: each script learns something in a few steps, and draws its picture; whole where long trainings run."""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest
from scripts.site import gallery

import pullback as pb

pytest.importorskip("matplotlib", reason="the pictures are drawn with it")
LONG = "PULLBACK_LONG" in os.environ


def falls(result):
    losses = result["losses"]
    return losses[-1] < losses[0] and np.isfinite(losses).all()


# What makes each short, what must hold then, and what of the whole one.
EXAMPLES = {
    "adversarial": ({"epochs": 2}, lambda r: r["after"] < r["before"], lambda r: r["after"] < 0.1 < 0.9 < r["before"]),
    "char_lstm": ({"steps": 3, "width": 8}, falls, lambda r: r["text"].startswith("Shall I compare thee to a summer")),
    "cnn_features": ({"epochs": 1}, lambda r: r["accuracy"] > 0.5, lambda r: r["accuracy"] > 0.95),
    "curve_fitting": ({}, lambda r: np.abs(r["found"] - r["true"]).max() < 0.1, None),
    "deep_dream": ({"epochs": 1, "steps": 3}, lambda r: r["sure"].shape == (10,), lambda r: r["sure"].min() > 0.9),
    "gaussian_process": ({"steps": 10}, falls, lambda r: abs(r["noise"] - 0.15) < 0.05),
    "gpt": ({"steps": 3}, falls, lambda r: r["right"] > 0.9),
    "hmc": ({"draws": 40}, lambda r: r["taken"] > 0.8, lambda r: np.abs(r["points"].mean(0) - [0, 0.5]).max() < 0.2),
    "meta_learning": (
        {"steps": 40},
        lambda r: np.isfinite(r["losses"]).all(),
        lambda r: np.mean(r["losses"][-99:]) < 1,
    ),
    "neural_ode": ({"steps": 4, "length": 8}, falls, lambda r: r["losses"][-1] < 0.05),
    "optimizer_race": ({"steps": 20}, lambda r: len(r) == 4, lambda r: np.abs(r["Adam"] - 1).max() < 0.05),
    "pinn": ({"steps": 4}, lambda r: np.isfinite(r["losses"]).all(), lambda r: r["error"] < 0.1),
    "robust_regression": ({"steps": 60}, lambda r: r["Huber"][0] > r["squares"][0], lambda r: r["Huber"][0] > 1),
    "throwing": ({"throws": 3}, lambda r: r["misses"][-1] < r["misses"][0], lambda r: r["misses"][-1] < 1e-6),
    "vae": ({"epochs": 1}, falls, lambda r: np.mean(r["losses"][-20:]) < 24),
}


def test_every_example_is_tested():
    assert [script.stem for script in gallery.examples()] == sorted(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example(name, tmp_path, monkeypatch):
    few, short, whole = EXAMPLES[name]
    script = gallery.SCRIPTS / f"{name}.py"
    title, text = gallery.told(script)
    assert title
    assert len(text) > 100
    spec = importlib.util.spec_from_file_location(f"gallery_{name}", script)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    if not LONG:
        monkeypatch.setattr(pb, "compile", lambda function: function)  # a few steps are sooner taken than compiled
    picture = tmp_path / "picture.svg"
    result = module.main(picture, **({} if LONG else few))
    assert (whole if LONG and whole else short)(result)
    assert picture.stat().st_size > 5_000
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
