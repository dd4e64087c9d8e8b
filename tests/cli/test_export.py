"""`pullback export`: the model of a run as a file that ONNX Runtime runs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def test_the_model_of_a_run_is_exported_for_batches_of_any_size(pullback, tmp_path):
    assert pullback("train", "--steps", "1", "--no-compile", "--quiet", "--out", "run").code == 0
    done = pullback("export", "run", "--onnx", "digits.onnx")
    assert done.code == 0, done.err
    assert "input x with open axes N" in done.out
    session = runtime.InferenceSession(tmp_path / "digits.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"x": np.zeros((5, 8, 8), np.float32)})
    assert scores.shape == (5, 10)


def test_an_opset_that_is_not_known_is_a_mistake_of_the_command_line(pullback):
    pullback("train", "--steps", "1", "--no-compile", "--quiet", "--out", "run")
    done = pullback("export", "run", "--onnx", "digits.onnx", "--opset", "7")
    assert done.code == 2
    assert "no such opset" in done.err
