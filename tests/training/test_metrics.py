"""The log of metrics: standard JSON, cut back to where a run goes on, and safe from half a line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.training.metrics import Metric, MetricsLog, read_metrics

METRICS = st.lists(
    st.builds(
        Metric,
        st.integers(0, 20),
        st.sampled_from(["train", "test"]),
        st.text(max_size=6),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(0, 1e6),
    ),
    max_size=12,
)


@given(METRICS)
def test_what_is_logged_is_read(tmp_path_factory, metrics):
    path = tmp_path_factory.mktemp("log") / "metrics.jsonl"
    with MetricsLog(path, 0) as log:
        for metric in metrics:
            log.add(metric)
    assert list(read_metrics(path)) == metrics


@given(METRICS, st.integers(0, 20))
def test_what_came_after_the_checkpoint_is_dropped(tmp_path_factory, metrics, step):
    path = tmp_path_factory.mktemp("log") / "metrics.jsonl"
    path.write_text("".join(metric.line() for metric in metrics), encoding="utf-8")
    with MetricsLog(path, step) as log:
        log.add(Metric(step + 1, "test", "loss", 1.0, 2.0))
    *kept, new = read_metrics(path)
    assert kept == [metric for metric in metrics if metric.step <= step]
    assert new.step == step + 1


def test_numbers_keep_all_their_bits(tmp_path):
    value = 0.1 + 0.2
    with MetricsLog(tmp_path / "m", 0) as log:
        log.add(Metric(1, "train", "loss", value, 0.0))
    assert next(read_metrics(tmp_path / "m")).value == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_file_stays_standard_json(value, tmp_path):
    line = Metric(1, "train", "loss", value, 0.0).line()
    assert json.loads(line, parse_constant=lambda word: pytest.fail(word))["value"] is None
    (tmp_path / "m").write_text(line)
    assert math.isnan(next(read_metrics(tmp_path / "m")).value)


@pytest.mark.parametrize("end", ['{"step": 2, "spl', "\x00\x00", '{"step": 2}', "[]", "7"])
def test_half_a_line_ends_the_log(end, tmp_path):
    metric = Metric(1, "train", "loss", 0.5, 0.0)
    (tmp_path / "m").write_text(metric.line() + end)
    assert list(read_metrics(tmp_path / "m")) == [metric]
    with MetricsLog(tmp_path / "m", 5) as log:
        log.add(metric)
    assert list(read_metrics(tmp_path / "m")) == [metric, metric]


def test_a_line_can_be_read_at_once(tmp_path):
    with MetricsLog(tmp_path / "m", 0) as log:
        log.add(Metric(1, "train", "loss", 0.5, 0.0))
        assert len(list(read_metrics(tmp_path / "m"))) == 1
