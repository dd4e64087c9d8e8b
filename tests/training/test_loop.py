"""What happens on the way: metrics, numbers that run away, signals, and saving."""

from __future__ import annotations

import io
import itertools
import math
import os
import signal
import threading

import numpy as np
import pytest

import pullback.training.loop as loop_module
from pullback.core.errors import DataError, NotFiniteError, OptionError
from pullback.data import ImageSet, TensorDataset
from pullback.training import checkpoint
from pullback.training.interrupts import Interrupts
from pullback.training.measurements import read_measurements
from pullback.training.progress import Progress


def test_it_learns(runs):
    trainer = runs.start(epochs=60, optimizer="adam", lr=0.02)
    rows = list(read_measurements(runs.folder().metrics))
    accuracy = [row.value for row in rows if (row.split, row.name) == ("test", "accuracy")]
    assert len(accuracy) == 60
    assert accuracy[-1] > 0.9 > accuracy[0], accuracy
    assert trainer.step == 300


def test_each_step_s_loss_is_in_the_metrics_once(runs):
    loop = runs.made(steps=7)
    seen = []
    learn = loop.trainer.learn
    loop.trainer.learn = lambda batches: seen.append(learn(batches)) or seen[-1]
    runs.go(loop)
    rows = [row for row in read_measurements(runs.folder().metrics) if (row.split, row.name) == ("train", "loss")]
    assert [row.value for row in rows] == [
        loss for loss, _ in seen
    ]  # five batches an epoch: each step is a point of the curve
    assert [row.step for row in rows] == [1, 2, 3, 4, 5, 6, 7]


def test_a_mean_is_logged_where_an_epoch_has_many_batches(tmp_path, make_images, runs):
    runs.data = make_images(440, 12)
    loop = runs.made(batch_size=4, epochs=1)  # 110 batches
    seen = []
    learn = loop.trainer.learn
    loop.trainer.learn = lambda batches: seen.append(learn(batches)) or seen[-1]
    runs.go(loop)
    rows = [row for row in read_measurements(runs.folder().metrics) if (row.split, row.name) == ("train", "loss")]
    assert [row.step for row in rows] == list(range(5, 111, 5))
    expected = [np.mean([loss for loss, _ in seen[first : first + 5]]) for first in range(0, 110, 5)]
    assert [row.value for row in rows] == pytest.approx(expected)


def test_a_loss_that_runs_away_stops_and_keeps_the_last_good_checkpoint(runs):
    with pytest.raises(NotFiniteError) as caught:
        runs.start(steps=50, optimizer="sgd", lr=1e20)
    error = caught.value
    assert error.facts["step"] == 2
    assert not math.isfinite(error.facts["loss"])
    assert "--lr 1e+20" in str(error)
    path = runs.folder().checkpoint
    assert str(path) in str(error)
    model, rest = checkpoint.load(path)
    assert rest["step"] == 0
    assert all(np.isfinite(array).all() for array in model.values())


def test_a_weight_that_runs_away_is_not_saved(runs):
    runs.start(stop=3, steps=9)
    loop = runs.made("poisoned", steps=9)
    learn = loop.trainer.learn

    def poisoned(batches):
        result = learn(batches)
        if loop.trainer.step == 4:
            weight = loop.trainer.model.parameters()[0]
            weight.array = np.full_like(weight.array, np.inf)
        return result

    loop.trainer.learn = poisoned
    with pytest.raises(NotFiniteError, match="a weight"):
        runs.go(loop, stop=4)
    assert checkpoint.load(runs.folder("poisoned").checkpoint).rest["step"] == 0


def test_a_disk_that_fills_up_stops_and_keeps_the_last_good_checkpoint(runs, monkeypatch):
    runs.start(stop=4, steps=20)
    monkeypatch.setattr(os, "fsync", lambda _file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OptionError, match="No space left"):
        runs.resume(stop=8)
    monkeypatch.undo()
    assert checkpoint.load(runs.folder().checkpoint).rest["step"] == 4


def empty(images: ImageSet, part: str) -> ImageSet:
    none = TensorDataset(np.empty((0, 4, 4), np.float32), np.empty(0, int))
    parts = {"train": images.train, "test": images.test, part: none}
    return ImageSet("empty", parts["train"], parts["test"], images.classes, "", "")


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_empty_data_set_is_refused_at_once(part, runs):
    runs.data = empty(runs.data, part)
    with pytest.raises(DataError):
        runs.made()


def test_a_batch_larger_than_the_data_is_refused_at_once(runs):
    with pytest.raises(DataError, match="a batch is larger than the data set"):
        runs.made(batch_size=43)


def test_nothing_to_do_is_done(runs):
    trainer = runs.start(steps=0)
    assert trainer.step == 0
    assert list(read_measurements(runs.folder().metrics)) == []
    assert checkpoint.load(runs.folder().checkpoint).rest["step"] == 0


class Clock:
    """Moves on by a hundredth of a second each time one looks."""

    def __init__(self):
        self.ticks = itertools.count()

    def perf_counter(self):
        return next(self.ticks) / 100


class Watch:
    """In place of `Progress`: counts."""

    def __init__(self):
        self.shown = []

    def show(self, step, what, numbers):
        self.shown.append((step, what, numbers))


def test_the_display_is_refreshed_ten_times_a_second_at_most(runs, monkeypatch):
    loop, watch, clock = runs.made(steps=200), Watch(), Clock()
    monkeypatch.setattr(loop_module, "time", clock)
    loop.run(watch, Interrupts())
    seconds = clock.perf_counter()
    assert 3 <= len(watch.shown) <= seconds * 10 + 2  # the first and the last come in any case
    assert watch.shown[-1][0] == 200
    assert watch.shown[0][1] == "epoch 1/40"
    assert "test accuracy" in watch.shown[-1][2]


def test_work_is_saved_every_ten_seconds(runs, monkeypatch):
    saved = []
    real = checkpoint.save
    monkeypatch.setattr(
        checkpoint, "save", lambda path, model, rest: (saved.append(rest["step"]), real(path, model, rest))
    )
    monkeypatch.setattr(loop_module, "SAVE_EVERY", 0.5)
    monkeypatch.setattr(loop_module, "time", Clock())
    loop = runs.made(steps=200)
    loop.run(Watch(), Interrupts())
    assert saved[0] == 0
    assert saved[-1] == 200
    assert 5 < len(saved) < 100


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted(number, capfd):
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        assert interrupts.signal is None
        os.kill(os.getpid(), number)
        assert interrupts.signal == number
    assert signal.getsignal(number) is before
    assert "once more stops at once" in capfd.readouterr().err


@pytest.mark.parametrize("number", SIGNALS)
def test_a_later_one_ends_the_process_as_the_system_would(number, monkeypatch):
    ends, real = [], os.kill
    with Interrupts():
        real(os.getpid(), number)
        real(os.getpid(), number)  # at the same moment: a parent that passes a signal on
        monkeypatch.setattr("pullback.training.interrupts._ONE_WISH", -1.0)
        monkeypatch.setattr(signal, "raise_signal", lambda which: ends.append((which, signal.getsignal(which))))
        real(os.getpid(), number)
    assert ends == [(number, signal.SIG_DFL)]


def test_two_signals_at_once_leave_no_traceback(capfd):
    with Interrupts() as interrupts:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for number in SIGNALS:
            signal.pthread_kill(threading.get_ident(), number)  # to no other thread, which may be late with it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # all of them come together
        assert interrupts.signal in SIGNALS
    assert capfd.readouterr().err == "\nSaving after this step; once more stops at once.\n"


def test_what_is_ignored_stays_ignored():
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGHUP)
        assert interrupts.signal is None
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


def test_a_terminal_that_is_gone_is_no_reason_to_die(monkeypatch):
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGHUP)
        assert interrupts.signal == signal.SIGHUP


def test_signals_come_back_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), Interrupts():
        1 / 0  # noqa: B018 - its error is what is wanted
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_can_train(runs):
    found = []
    thread = threading.Thread(target=lambda: found.append(runs.start(steps=3).step))
    thread.start()
    thread.join()
    assert found == [3]


def test_another_thread_takes_no_signals():
    seen = []

    def inside():
        with Interrupts() as interrupts:
            seen.append((interrupts.signal, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [(None, signal.getsignal(signal.SIGINT))]


def test_a_loop_shows_itself_on_a_log(runs, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("pullback.training.progress._LINE_EVERY", 0.0)
    loop = runs.made(steps=12)
    with Progress(0, 12, stream=stream) as progress:
        loop.run(progress, Interrupts())
    last = stream.getvalue().splitlines()[-1]
    assert last.startswith("epoch 3/3, step 12 of 12: test accuracy")
