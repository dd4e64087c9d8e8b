"""The page of a run: what is noted on the way, and what the page is given."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

import pullback as pb
from pullback.training import Distributions, Measurement, RunFolder, Samples, Trainer, evaluate, write_report
from pullback.training.looking import QUANTILES, dead_units, read_samples
from pullback.training.report_page import Pictures, Shown, run_page, runs_page

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype(np.float32)
Y = np.arange(40) % 3


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def trained(folder, callbacks, epochs=3, resume=False):
    model = pb.nn.MLP(6, 5, 3, rng=0)
    optimizer = pb.optim.SGD(model.parameters(), lr=pb.optim.schedules.Cosine(0.5, 12))
    trainer = Trainer(
        model, pb.nn.CrossEntropyLoss(), optimizer, metrics={"accuracy": pb.metrics.Accuracy()}, callbacks=callbacks,
        compile=False,
    )  # fmt: skip
    loader = pb.data.DataLoader((X, Y), batch_size=10, shuffle=True, rng=0)
    return trainer, trainer.fit(loader, loader, epochs=epochs, folder=folder, resume=resume)


def test_spreads_rates_and_dead_units_are_noted(tmp_path):
    trainer, history = trained(tmp_path / "run", [Distributions()])
    model = trainer.model
    for name, parameter in model.named_parameters():
        for percent in QUANTILES:
            for split, array in (("weight", parameter), ("gradient", parameter.grad)):
                steps, values = history.curve(split, f"{name} {percent}%")
                assert steps == [4, 8, 12]
                assert values[-1] == pytest.approx(np.percentile(array.numpy().astype(float), percent), rel=1e-12)
    assert history.curve("rate", "lr")[1][-1] == pytest.approx(trainer.optimizer.param_groups[0].lr.item())
    assert history.last("dead", "layers.1") == dead_units(model, {"test": [(X[:10], Y[:10])]})["layers.1"]


def test_dead_units_are_those_that_never_answer():
    layer = pb.nn.Linear(2, 4, rng=0)
    layer.load_state_dict({"weight": np.ones((4, 2), np.float32), "bias": np.array([0, 1, -99, -99], np.float32)})
    model = pb.nn.Sequential(layer, pb.nn.ReLU())
    assert dead_units(model, {"test": [(np.ones((3, 2), np.float32), np.zeros(3))]}) == {"1": 0.5}
    assert dead_units(layer, {"test": []}) == {}
    assert dead_units(model, {}) == {}
    assert model[1]._hooks in (None, ([], [], []))  # nothing is left behind


def test_samples_are_written_and_go_on_after_a_crash(tmp_path):
    def write(prompt, length, temperature, rng):
        yield from (prompt, str(rng.integers(1000)))

    folder = RunFolder(tmp_path / "run")
    trained(folder.path, [Samples(write, "a ")], epochs=2)
    first = read_samples(folder.samples)
    assert [sample.step for sample in first] == [4, 8]
    assert all(sample.text.startswith("a ") for sample in first)
    with folder.samples.open("a", encoding="utf-8") as file:
        file.write('{"step": 99, "text": "of a run that died"}\n{"step": 3, "te')
    trained(folder.path, [Samples(write, "a ")], epochs=3, resume=True)
    again = read_samples(folder.samples)
    assert [sample.step for sample in again] == [4, 8, 12]
    assert again[:2] == first


def test_the_page_has_what_was_measured(tmp_path):
    trainer, history = trained(tmp_path / "run", [Distributions()])
    folder = RunFolder(tmp_path / "run")
    images = RNG.random((40, 2, 3))
    path = write_report(folder, history.rows, Pictures(images, evaluate(trainer.model, X, Y), ("a", "<b>", "c")))
    page = path.read_text(encoding="utf-8")
    data = data_of(page)
    (run,) = data["runs"]
    assert run["curves"].keys() == {"train loss", "test loss", "test accuracy"}
    assert run["curves"]["test loss"][1][-1] == pytest.approx(history.last("test", "loss"), rel=1e-5)
    steps, rows = data["spreads"]["weight"]["layers.0.weight"]
    assert steps == [4, 8, 12]
    assert all(row == sorted(row) and len(row) == len(QUANTILES) for row in rows)
    assert data["rates"].keys() == {"lr"}
    assert np.sum(data["confusion"]["counts"]) == 40
    assert data["confusion"]["classes"] == ["a", "<b>", "c"]
    assert data["pictures"]["size"] == [2, 3]
    wrong, right = data["pictures"]["worst"], data["pictures"]["right"]
    assert all(one["is"] != one["taken"] for one in wrong)
    assert all(one["is"] == one["taken"] for one in right)
    assert "<b>" not in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")


def rows(values, split="train", name="loss"):
    return [Measurement(step, split, name, value, step / 10) for step, value in enumerate(values, start=1)]


def test_numbers_that_are_not_finite_are_kept_as_gaps():
    data = data_of(run_page("r", rows([1.0, math.nan, math.inf, 0.5])))
    assert data["runs"][0]["curves"]["train loss"] == [[1, 2, 3, 4], [1.0, None, None, 0.5]]


def test_long_curves_are_thinned_and_keep_their_end():
    page = run_page("r", rows([float(n) for n in range(50_000)]))
    steps, _ = data_of(page)["runs"][0]["curves"]["train loss"]
    assert len(steps) <= 1_600
    assert steps[-1] == 50_000
    assert len(page) < 80_000


def test_names_from_outside_are_text():
    name = "</script><script>alert(1)</script>"
    page = run_page(name, rows([1.0], name=name), settings=name)
    assert page.count("<script>") == 1
    assert data_of(page)["settings"] == name


def test_several_runs():
    data = data_of(runs_page([Shown("a", "10", rows([1.0, 2.0])), Shown("b", "-", [])]))
    assert [run["name"] for run in data["runs"]] == ["a", "b"]
    assert data["runs"][1]["curves"] == {}


def test_a_run_of_which_nothing_was_measured():
    assert data_of(run_page("r", []))["summary"] == "nothing was measured"


def test_samples_of_a_file_that_is_damaged(tmp_path):
    file = tmp_path / "samples.jsonl"
    file.write_bytes(b'{"step": 1, "text": "a"}\n[1]\n\xff\n{"step": "2", "text": "b"}\n{"step": 3}\n')
    assert [sample.text for sample in read_samples(file)] == ["a"]
    assert read_samples(tmp_path / "none") == []
