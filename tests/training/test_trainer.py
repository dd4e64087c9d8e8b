"""A trainer of any model: any loader, any step, gradients added up and cut, callbacks, and going on bit for bit."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import CheckpointError, DataError, GraphError, NotFiniteError, OptionError, ShapeError
from pullback.data import DataLoader
from pullback.training import (
    Callback,
    EarlyStopping,
    LowerOnPlateau,
    SaveBest,
    Statistics,
    TensorBoard,
    Trainer,
    TrainMetrics,
    checkpoint,
)
from pullback.training.measurements import read_measurements

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 5))
Y = (X @ RNG.normal(size=(5, 2)) + RNG.normal(0, 0.1, (48, 2))).argmax(1)


def loader(batch_size=8, **options):
    return DataLoader((X, Y), batch_size, shuffle=True, rng=3, **options)


def made(seed=1, lr=0.05, optimizer=pb.optim.Adam, dropout=0.0, **options):
    model = pb.nn.Sequential(
        pb.nn.Linear(5, 7, dtype=float, rng=seed), pb.nn.Tanh(), pb.nn.Dropout(dropout, rng=seed),
        pb.nn.Linear(7, 2, dtype=float, rng=seed + 1),
    )  # fmt: skip
    options = {"metrics": {"accuracy": pb.metrics.Accuracy()}, **options}
    return Trainer(model, pb.nn.CrossEntropyLoss(), optimizer(model.parameters(), lr=lr), **options)


def bits(trainer):
    model, rest = trainer.checkpoint()
    state = rest["optimizer"]["state"]
    arrays = {**model, **{f"optimizer {name}": array for name, array in state.items()}}
    return {name: (array.dtype, array.tobytes()) for name, array in arrays.items()}


def test_it_learns_and_tells_how_it_went():
    trainer = made()
    history = trainer.fit(loader(), loader(), epochs=40)
    assert (history.finished, history.reason, trainer.step, trainer.epoch) == (
        True,
        "the last step was reached",
        240,
        40,
    )
    steps, values = history.curve("test", "accuracy")
    assert list(steps) == list(range(6, 241, 6))
    assert values[-1] > 0.9
    assert history.last("test", "loss") < history.curve("test", "loss")[1][0]
    assert math.isnan(history.last("test", "nothing"))


def test_an_evaluation_is_of_all_samples_however_they_are_divided():
    trainer = made()
    trainer.fit(loader(), epochs=3)
    values = [trainer.evaluate(DataLoader((X, Y), size)) for size in (48, 7, 1)]
    logits = trainer.model(pb.tensor(X))
    losses = pb.cross_entropy(logits, Y, reduction="none").numpy()
    for found in values:
        assert found["loss"] == pytest.approx(losses.mean(), rel=1e-12)
        assert found["accuracy"] == (logits.numpy().argmax(1) == Y).mean()


def test_dropout_rests_in_an_evaluation_and_modes_come_back():
    trainer = made(dropout=0.5)
    trainer.fit(loader(), epochs=1)
    trainer.model[2].eval()
    assert trainer.evaluate(loader()) == trainer.evaluate(loader())
    assert [module.training for module in trainer.model.modules()] == [True, True, True, False, True]


LOADERS = {
    "list": lambda: list(DataLoader((X, Y), 8).batches(0)),
    "arrays": lambda: [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 48, 8)],
    "function": lambda: lambda epoch: DataLoader((X, Y), 8).batches(epoch),
    "generator function": lambda: lambda epoch: ((X[i : i + 8], Y[i : i + 8]) for i in range(0, 48, 8)),
    "loader": lambda: DataLoader((X, Y), 8),
    "workers": lambda: DataLoader((X, Y), 8, num_workers=2),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_any_loader_gives_the_same_run(kind, tmp_path):
    straight = made()
    straight.fit(LOADERS["loader"](), epochs=3)
    trainer = made()
    history = trainer.fit(LOADERS[kind](), LOADERS[kind](), epochs=3)
    assert bits(trainer) == bits(straight)
    assert history.curve("test", "loss")[0] == [6, 12, 18]
    for stop in (4, 6, 11):  # in the middle of an epoch, and at its end
        halting = made()
        halting.fit(LOADERS[kind](), steps=stop, folder=tmp_path / f"{stop}")
        again = made()
        again.fit(LOADERS[kind](), epochs=3, folder=tmp_path / f"{stop}", resume=True)
        assert bits(again) == bits(straight)


def test_batches_of_any_form_go_where_they_belong():
    seen = []

    class Model(pb.nn.Module):
        def __init__(self):
            self.layer = pb.nn.Linear(5, 5, dtype=float, rng=0)

        def forward(self, *inputs):
            seen.append(inputs)
            x = inputs[0]["x"] if isinstance(inputs[0], dict) else sum(inputs)
            return self.layer(x)

    def loss(output, target):
        return ((output - (target["x"] if isinstance(target, dict) else target)) ** 2).mean()

    for batch in ((X[:4],), [X[:4]], (X[:4], X[4:8], X[8:12]), {"x": X[:4], "names": {"y": Y[:4]}}, X[:4]):
        seen.clear()
        model = Model()
        trainer = Trainer(model, loss, pb.optim.SGD(model.parameters(), lr=0.01), compile=False)
        trainer.fit([batch], epochs=1)
        assert len(seen[0]) == (2 if isinstance(batch, tuple) and len(batch) == 3 else 1)


def test_a_step_of_ones_own_with_two_optimizers():
    one, other = pb.nn.Linear(5, 3, dtype=float, rng=0), pb.nn.Linear(3, 2, dtype=float, rng=1)
    model = pb.nn.Sequential(one, other)
    rules = {"one": pb.optim.SGD(one.parameters(), lr=0.1), "other": pb.optim.Adam(other.parameters(), lr=0.01)}

    def step(x, y):
        model.zero_grad()
        loss = pb.cross_entropy(model(x), y)
        loss.backward()
        for rule in rules.values():
            rule.step()
        return loss

    trainer = Trainer(model, None, rules, step=step)
    history = trainer.fit(loader(), loader(), epochs=10)
    assert history.last("train", "loss") < history.curve("train", "loss")[1][0]
    saved = trainer.checkpoint()
    trainer.fit(loader(), epochs=11)
    trainer.restore(saved)
    assert trainer.step == 60
    with pytest.raises(OptionError, match="there is not one"):
        trainer.optimizer  # noqa: B018 - its error is what is wanted


@pytest.mark.parametrize("native", [True, False])
def test_gradients_that_are_added_up_are_those_of_a_larger_batch(native):
    whole, parts = (made(optimizer=pb.optim.SGD, lr=0.1, compile=native, accumulate=n) for n in (1, 4))
    whole.fit(DataLoader((X, Y), 8), epochs=3)
    parts.fit(DataLoader((X, Y), 2), epochs=3)
    assert (whole.step, parts.step) == (18, 18)
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_the_last_group_of_an_epoch_may_be_smaller(tmp_path):
    straight = made(accumulate=4)
    straight.fit(loader(), epochs=4)  # 4 + 2 batches an epoch
    assert straight.step == 8
    trainer = made(accumulate=4)
    trainer.fit(loader(), steps=5, folder=tmp_path)
    trainer = made(accumulate=4)
    trainer.fit(loader(), epochs=4, folder=tmp_path, resume=True)
    assert bits(trainer) == bits(straight)


@pytest.mark.parametrize("native", [True, False])
def test_gradients_are_cut(native):
    free = made(optimizer=pb.optim.SGD, lr=1.0, compile=native)
    before = [p.numpy().copy() for p in free.model.parameters()]
    free.fit(DataLoader((X, Y), 48), steps=1)
    moved = [p.numpy() - b for p, b in zip(free.model.parameters(), before, strict=True)]
    norm = math.sqrt(sum(float((m**2).sum()) for m in moved))
    cut = made(optimizer=pb.optim.SGD, lr=1.0, compile=native, clip_norm=norm / 10)
    cut.fit(DataLoader((X, Y), 48), steps=1)
    for p, b, m in zip(cut.model.parameters(), before, moved, strict=True):
        np.testing.assert_allclose(p.numpy() - b, m / 10, rtol=1e-4)
    bound = max(float(np.abs(m).max()) for m in moved) / 2
    cut = made(optimizer=pb.optim.SGD, lr=1.0, compile=native, clip_value=bound)
    cut.fit(DataLoader((X, Y), 48), steps=1)
    for p, b, m in zip(cut.model.parameters(), before, moved, strict=True):
        np.testing.assert_allclose(p.numpy() - b, np.clip(m, -bound, bound), rtol=1e-9, atol=1e-12)


ALL = {
    "plain": {},
    "dropout": {"dropout": 0.4},
    "accumulated": {"accumulate": 2, "clip_norm": 0.5},
    "schedule": {"lr": pb.optim.schedules.Warmup(pb.optim.schedules.Cosine(0.1, 18), 4)},
}


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("kind", ALL)
def test_a_run_that_was_stopped_anywhere_goes_on_bit_for_bit(kind, native, tmp_path):
    def make():
        return made(compile=native, callbacks=[SaveBest(), EarlyStopping(patience=99)], **ALL[kind])

    straight = make()
    straight.fit(loader(), loader(), epochs=3, folder=tmp_path / "straight", log_every=4)
    for stop in (1, 5, 6, 8):
        make().fit(loader(), loader(), steps=stop, folder=tmp_path / f"{stop}", evaluate_every=6, log_every=4)
        again = make()
        again.fit(loader(), loader(), epochs=3, folder=tmp_path / f"{stop}", resume=True, log_every=4)
        assert bits(again) == bits(straight)
        assert again.checkpoint().rest["callbacks"][0] == again.checkpoint().rest["callbacks"][0]


def test_the_librarys_own_generator_goes_on_too(tmp_path):
    class Noisy(pb.nn.Module):
        def __init__(self):
            self.layer = pb.nn.Linear(5, 2, dtype=float, rng=0)

        def forward(self, x):
            return self.layer(x + pb.random.normal(size=(8, 5)))

    def make():
        model = Noisy()
        return Trainer(model, pb.nn.CrossEntropyLoss(), pb.optim.SGD(model.parameters(), lr=0.1))

    pb.seed(5)
    straight = make()
    straight.fit(loader(), steps=9)
    pb.seed(5)
    make().fit(loader(), steps=4, folder=tmp_path)
    pb.seed(99)
    again = make()
    again.fit(loader(), steps=9, folder=tmp_path, resume=True)
    assert bits(again) == bits(straight)


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from tests.training.test_trainer import loader, made
from pullback.training import loop
loop.SAVE_EVERY = 0.0  # after each step
real, calls, number = os.fsync, [], int(sys.argv[3])
def dies(file):
    calls.append(file)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    real(file)
os.fsync = dies
made().fit(loader(), loader(), epochs=2, folder=sys.argv[2], resume=True)
"""


def test_killed_at_any_write_the_last_state_or_the_one_before_loads_whole(tmp_path):
    straight = made()
    straight.fit(loader(), epochs=2)
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root / "src")}
    for number in (1, 3, 5, 8, 12):
        folder = tmp_path / str(number)
        command = [sys.executable, "-c", KILLED, str(root), str(folder), str(number)]
        assert subprocess.run(command, env=env, check=False).returncode == -signal.SIGKILL
        trainer = made()
        trainer.fit(loader(), loader(), epochs=2, folder=folder, resume=True)
        assert bits(trainer) == bits(straight)


# Callbacks.


class Noted(Callback):
    def __init__(self):
        self.events = []

    def started(self, loop):
        self.events.append("started")

    def before_step(self, loop):
        self.events.append(f"before {loop.step}")

    def after_step(self, loop, loss, outputs, batches):
        self.events.append(f"after {loop.step}")

    def after_evaluation(self, loop, values):
        self.events.append(f"evaluated {sorted(values)}")

    def ended(self, loop):
        self.events.append("ended")


def test_a_callback_is_told_of_each_event():
    noted = Noted()
    made(callbacks=[noted]).fit(DataLoader((X, Y), 24), loader(), epochs=1)
    evaluated = "evaluated ['test accuracy', 'test loss']"
    assert noted.events == ["started", "before 0", "after 1", "before 1", "after 2", evaluated, "ended"]


def test_the_end_is_told_when_an_error_ends_it():
    noted = Noted()

    class Failing(Callback):
        def after_step(self, loop, loss, outputs, batches):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        made(callbacks=[noted, Failing()]).fit(loader(), epochs=1)
    assert noted.events[-1] == "ended"


def test_the_best_is_kept(tmp_path):
    best = SaveBest("test accuracy")
    trainer = made(lr=0.3, callbacks=[best])
    history = trainer.fit(loader(), loader(), epochs=12, folder=tmp_path)
    steps, values = history.curve("test", "accuracy")
    assert best.best == max(values)
    saved = checkpoint.load(tmp_path / "best.safetensors")
    assert saved.rest["step"] == steps[int(np.argmax(values))]
    trainer.restore(saved)
    assert trainer.evaluate(loader())["accuracy"] == max(values)


def test_it_stops_where_nothing_improves():
    trainer = made(lr=1e-300, callbacks=[EarlyStopping(patience=2)])
    history = trainer.fit(loader(), loader(), epochs=50)
    assert trainer.epoch == 4
    assert history.finished
    assert history.reason == "test loss has not become better for 3 evaluations"


def test_the_rate_falls_on_a_plateau():
    trainer = made(lr=1e-9, optimizer=pb.optim.SGD)
    trainer.callbacks.append(LowerOnPlateau(pb.optim.ReduceOnPlateau(trainer.optimizer, patience=0, factor=0.5)))
    trainer.fit(loader(), loader(), epochs=4)
    assert trainer.optimizer.lr.item() == pytest.approx(1e-9 / 8)


@pytest.mark.parametrize("native", [True, False])
def test_outputs_are_measured_as_they_come(native):
    trainer = made(compile=native, callbacks=[TrainMetrics({"accuracy": pb.metrics.Accuracy()})])
    plain = made(compile=native)
    history = trainer.fit(loader(), loader(), epochs=20)
    plain.fit(loader(), epochs=20)
    assert bits(trainer) == bits(plain)
    accuracy = history.curve("train", "accuracy")[1]
    assert len(accuracy) == 20
    assert accuracy[-1] > 0.9 > accuracy[0]


def test_statistics_of_weights_and_gradients():
    trainer = made(optimizer=pb.optim.SGD, lr=0.5, callbacks=[Statistics(every=3)])
    history = trainer.fit(loader(), epochs=1)
    weight = trainer.model[0].weight
    assert history.curve("weight", "0.weight")[0] == [3, 6]
    assert history.last("weight", "0.weight") == pytest.approx(np.linalg.norm(weight.numpy()))
    assert history.last("gradient", "0.weight") == pytest.approx(np.linalg.norm(weight.grad.numpy()))
    assert history.last("update", "0.weight") == pytest.approx(0.5 * np.linalg.norm(weight.grad.numpy()))


def test_tensorboard_is_told(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    from tensorboardX.record_writer import RecordWriter  # noqa: F401 - that it is the writer of these files

    made(callbacks=[TensorBoard()]).fit(loader(), loader(), epochs=1, folder=tmp_path)
    (file,) = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()
    assert all(tag in content for tag in (b"train/loss", b"test/accuracy"))


def test_measurements_are_lines_in_the_folder(tmp_path):
    history = made().fit(loader(), {"held out": loader(), "train": loader()}, epochs=1, folder=tmp_path)
    rows = list(read_measurements(tmp_path / "metrics.jsonl"))
    assert rows == history.rows
    assert [(row.split, row.name) for row in rows if row.step == 6] == [
        ("train", "loss"), ("held out", "loss"), ("held out", "accuracy"), ("train", "accuracy"),
    ]  # fmt: skip


# What goes wrong.


def poisoned(place):
    batches = [(X[i : i + 8].copy(), Y[i : i + 8]) for i in range(0, 48, 8)]
    batches[4][0][3, 2] = place
    return batches


@pytest.mark.parametrize("folder", [False, True])
def test_a_batch_that_is_not_finite_is_named_and_the_last_good_state_kept(folder, tmp_path):
    trainer, twin = made(), made()
    twin.fit(poisoned(0.0), steps=0)
    with pytest.raises(NotFiniteError) as caught:
        trainer.fit(poisoned(np.nan), epochs=2, folder=tmp_path / "run" if folder else None)
    assert caught.value.facts["step"] == 5
    assert caught.value.facts["layer"] == "none: the batch itself is not finite"
    assert bits(trainer) == bits(twin)
    if folder:
        assert checkpoint.load(tmp_path / "run" / "model.safetensors").rest["step"] == 0


@pytest.mark.parametrize("batch", [(X[:0], Y[:0]), (X * np.nan, Y)])
def test_bad_data_are_not_blamed_on_the_learning_rate(batch):
    with pytest.raises(NotFiniteError, match="the batch") as caught, np.errstate(all="ignore"):
        made().fit([(X, Y), batch], epochs=1)
    assert "rate" not in caught.value.facts["fix"]


@pytest.mark.parametrize("callbacks", [[print], [SaveBest], SaveBest(), print])
def test_what_is_no_callback_is_told_at_once(callbacks):
    model = pb.nn.Linear(3, 1)
    with pytest.raises(OptionError, match=r"this is no callback|callbacks is a list"):
        Trainer(model, pb.nn.MSELoss(), pb.optim.SGD(model.parameters(), lr=0.1), callbacks=callbacks)


class Rooted(pb.nn.Module):
    """Its root is of what falls below 0 in the third step."""

    def __init__(self):
        self.first = pb.nn.Linear(5, 2, dtype=float, rng=0)
        self.offset = pb.nn.Parameter(np.full(2, 1.0))

    def forward(self, x):
        return self.first(x) * 0.0 + pb.sqrt(self.offset - 0.4)


@pytest.mark.parametrize("native", [True, False])
def test_the_first_bad_layer_is_named(native):
    model = pb.nn.Sequential(pb.nn.Identity(), Rooted())

    def loss(output, target):
        return output.mean() + model[1].offset.sum()

    trainer = Trainer(model, loss, pb.optim.SGD(model.parameters(), lr=0.2), compile=native)
    with pytest.raises(NotFiniteError) as caught:
        trainer.fit(loader(), epochs=5)
    facts = caught.value.facts
    assert facts["layer"] == "1: Rooted"
    assert facts["operation"] == "sqrt"
    assert str(facts["line"]).endswith(" in forward")
    assert trainer.step == 0
    assert trainer.finite()


def test_a_derivative_that_is_not_finite_is_named():
    model = pb.nn.Sequential(pb.nn.Linear(5, 2, bias=False, dtype=float, rng=0))
    with pb.no_grad():
        model[0].weight.assign(np.zeros((2, 5)))

    trainer = Trainer(model, lambda out, y: pb.sqrt(out**2).sum(), pb.optim.SGD(model.parameters(), lr=0.1))
    with pb.strict_nan(), pytest.raises(NotFiniteError) as caught:
        trainer.fit(loader(), epochs=1)
    assert caught.value.facts["operation"] == "the derivative of sqrt"
    assert trainer.finite()


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Trainer(pb.nn.Linear(1, 1), None, None), OptionError, "no optimizer"),
        (lambda: made(metrics={"loss": pb.metrics.Mean()}), OptionError, "measured anyway"),
        (lambda: made(metrics={"a": 3}), OptionError, "no metric"),
        (lambda: made(accumulate=0), OptionError, "accumulate"),
        (lambda: made(clip_norm=0), OptionError, "clip_norm"),
        (lambda: made(step=lambda: None), OptionError, "or a step of one's own"),
        (lambda: made().fit(loader()), OptionError, "say when to end"),
        (lambda: made().fit(loader(), epochs=1, steps=1), OptionError, "say when to end"),
        (lambda: made().fit(loader(), epochs=-1), OptionError, "epochs"),
        (lambda: made().fit(loader(), epochs=1, log_every=0), OptionError, "log_every"),
        (lambda: made().fit(3, epochs=1), DataError, "no loader"),
        (lambda: made().fit(iter([(X, Y)]), epochs=1), DataError, "once only"),
        (lambda: made().fit([], epochs=1), DataError, "no batches"),
        (lambda: made().fit(lambda epoch: [], epochs=1), DataError, "no batches"),
        (lambda: made().fit([()], epochs=1), DataError, "no parts"),
        (lambda: made().fit(loader(), [], epochs=1), DataError, "no batches"),
        (lambda: made(callbacks=[EarlyStopping("test f1")]).fit(loader(), loader(), epochs=1), OptionError, "f1"),
        (lambda: SaveBest(mode="up"), OptionError, "mode"),
        (lambda: EarlyStopping(patience=-1), OptionError, "patience"),
        (lambda: Statistics(every=0), OptionError, "every"),
        (lambda: made(callbacks=[TensorBoard()]).fit(loader(), epochs=1), OptionError, "no folder"),
    ],
)
def test_what_cannot_be_is_told(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_a_loss_that_is_none_is_told():
    model = pb.nn.Linear(5, 2, dtype=float)
    for loss, kind, words in (
        (lambda out, y: out, ShapeError, "one number"),
        (lambda out, y: 3.0, ShapeError, "one number"),
        (lambda out, y: pb.tensor(1.0), GraphError, "does not depend"),
    ):
        with pytest.raises(kind, match=words):
            Trainer(model, loss, pb.optim.SGD(model.parameters(), lr=0.1)).fit(loader(), epochs=1)


def test_a_loader_that_runs_short_is_told():
    class Short:
        def __len__(self):
            return 9

        def __iter__(self):
            return DataLoader((X, Y), 8).batches(0)

    with pytest.raises(DataError, match=r"said +9\n +gave +6"):
        made().fit(Short(), epochs=1)


def test_a_run_that_lies_there_is_not_written_over(tmp_path):
    made().fit(loader(), epochs=1, folder=tmp_path)
    with pytest.raises(OptionError, match="a run lies there already"):
        made().fit(loader(), epochs=1, folder=tmp_path)


def test_a_checkpoint_of_another_trainer_is_refused(tmp_path):
    made(callbacks=[SaveBest()]).fit(loader(), loader(), epochs=1, folder=tmp_path)
    others = (made(), made(callbacks=[EarlyStopping()]), made(optimizer=pb.optim.SGD, callbacks=[SaveBest()]))
    for other, words in zip(others, ("other callbacks", "no such key", "the state of Adam"), strict=True):
        before = bits(other)
        with pytest.raises(CheckpointError, match=words) as caught:
            other.fit(loader(), epochs=2, folder=tmp_path, resume=True)
        assert "model.safetensors" in str(caught.value)
        assert before.keys() == bits(other).keys()
