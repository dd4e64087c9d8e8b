"""The log of metrics: standard JSON, cut back to where a run goes on, and safe from half a line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import PullbackWarning
from pullback.training.measurements import Measurement, MeasurementLog, read_measurements

METRICS = st.lists(
    st.builds(
        Measurement,
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
    with MeasurementLog(path, 0) as log:
        for metric in metrics:
            log.add(metric)
    assert list(read_measurements(path)) == metrics


@given(METRICS, st.integers(0, 20))
def test_what_came_after_the_checkpoint_is_dropped(tmp_path_factory, metrics, step):
    path = tmp_path_factory.mktemp("log") / "metrics.jsonl"
    path.write_text("".join(metric.line() for metric in metrics), encoding="utf-8")
    with MeasurementLog(path, step) as log:
        log.add(Measurement(step + 1, "test", "loss", 1.0, 2.0))
    *kept, new = read_measurements(path)
    assert kept == [metric for metric in metrics if metric.step <= step]
    assert new.step == step + 1


def test_numbers_keep_all_their_bits(tmp_path):
    value = 0.1 + 0.2
    with MeasurementLog(tmp_path / "m", 0) as log:
        log.add(Measurement(1, "train", "loss", value, 0.0))
    assert next(read_measurements(tmp_path / "m")).value == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_file_stays_standard_json(value, tmp_path):
    line = Measurement(1, "train", "loss", value, 0.0).line()
    assert json.loads(line, parse_constant=lambda word: pytest.fail(word))["value"] is None
    (tmp_path / "m").write_text(line)
    assert math.isnan(next(read_measurements(tmp_path / "m")).value)


WRONG = [
    "[]", "7", "null", '"text"', "{}", "[" * 3_000, "\x00\x00", "1" * 4_000, "not JSON", '{"step": 2}', "\xff",
    *(
        json.dumps({"step": 1, "split": "train", "name": "loss", "value": 0.5, "time": 0.0} | wrong)
        for wrong in (
            {"step": "1"}, {"step": -1}, {"step": 1.5}, {"step": True}, {"step": None}, {"step": 10**30}, {"split": 1},
            {"name": None}, {"value": "0.5"}, {"value": []}, {"value": True}, {"value": 10**400}, {"value": math.nan},
            {"time": None}, {"time": math.inf}, {"more": 1},
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_damaged_line_costs_itself_alone(wrong, tmp_path):
    lines = [Measurement(step, "train", "loss", step / 3, 0.0).line() for step in range(1, 6)]
    path = tmp_path / "m"
    path.write_bytes("".join([*lines[:2], wrong + "\n", *lines[2:]]).encode("latin-1"))
    with pytest.warns(PullbackWarning, match="damaged lines") as told:
        assert [metric.step for metric in read_measurements(path)] == [1, 2, 3, 4, 5]
    assert "lines  3" in str(told[0].message)
    assert str(path) in str(told[0].message)
    with pytest.warns(PullbackWarning, match="damaged lines"), MeasurementLog(path, 4):
        pass
    assert path.read_text() == "".join(lines[:4])  # to the letter


def test_many_damaged_lines_are_told_in_few_words(tmp_path):
    (tmp_path / "m").write_bytes(bytes(4_096 * 300))
    with pytest.warns(PullbackWarning, match="and 290 more"):
        assert list(read_measurements(tmp_path / "m")) == []


def test_time_goes_on_from_what_is_kept(tmp_path):
    with MeasurementLog(tmp_path / "m", 0) as log:
        assert log.seconds == 0
        for step in (1, 2, 3):
            log.add(Measurement(step, "train", "loss", 0.5, step / 2))
    with MeasurementLog(tmp_path / "m", 2) as log:
        assert log.seconds == 1.0


def test_what_cannot_be_written_is_written_not_at_all(tmp_path, monkeypatch):
    """A disk that has room for half a line."""
    metric = Measurement(1, "train", "loss", 0.5, 0.0)
    with MeasurementLog(tmp_path / "m", 0) as log:
        log.add(metric)
        file = log._file
        monkeypatch.setattr(log, "_file", Half(file))
        with pytest.raises(OSError, match="No space") as caught:
            log.add(metric._replace(step=2))
        assert caught.value.filename == str(tmp_path / "m")
        assert (tmp_path / "m").read_text() == metric.line()
        monkeypatch.undo()
        assert log.text().decode() == metric.line() + metric._replace(step=2).line()


class Half:
    """A file that takes ten bytes more."""

    def __init__(self, file):
        self.file, self.left = file, 10

    def write(self, content):
        if not self.left:
            raise OSError(28, "No space left on device")
        written, self.left = self.file.write(content[: self.left]), 0
        return written

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_log_that_was_removed_is_noticed(tmp_path):
    with MeasurementLog(tmp_path / "m", 0) as log:
        (tmp_path / "m").unlink()
        with pytest.raises(FileNotFoundError):
            log.sync()


@pytest.mark.parametrize("end", ['{"step": 2, "spl', "\x00\x00", '{"step": 2}', "[]", "7"])
def test_half_a_line_ends_the_log(end, tmp_path):
    metric = Measurement(1, "train", "loss", 0.5, 0.0)
    (tmp_path / "m").write_text(metric.line() + end)
    assert list(read_measurements(tmp_path / "m")) == [metric]
    with MeasurementLog(tmp_path / "m", 5) as log:
        log.add(metric)
    assert list(read_measurements(tmp_path / "m")) == [metric, metric]


def test_a_line_can_be_read_at_once(tmp_path):
    with MeasurementLog(tmp_path / "m", 0) as log:
        log.add(Measurement(1, "train", "loss", 0.5, 0.0))
        assert len(list(read_measurements(tmp_path / "m"))) == 1
