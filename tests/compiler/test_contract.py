"""What a compiled function promises besides its numbers: dtypes, identity, copies, names, checks of arguments."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback import optim

FUNCTIONS = {
    "scaled": lambda x: x * 2, "reversed": lambda x: x[::-1], "sum": lambda x: x.sum(), "mean": lambda x: x.mean(),
    "var": lambda x: x.var(), "std": lambda x: x.std(axis=0), "scan": lambda x: pb.cumsum(x, 0),
    "product": lambda x: x.reshape(2, 3) @ x.reshape(3, 2), "divided": lambda x: x / 3,
    "cast": lambda x: x.astype(float),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">u2", "f2", "c8", "c16", "i4", "u1", "i8"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_every_dtype_is_answered_as_it_is_written(name, dtype):
    f, x = FUNCTIONS[name], np.arange(6).astype(dtype)
    try:
        expected = f(pb.tensor(x)).numpy()
    except pb.PullbackError as error:
        with pytest.raises(type(error)):
            pb.compile(f)(x)
        return
    step = pb.compile(f)
    for _ in range(4):
        got = step(x).numpy()
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=2e-3 if dtype == "f2" else 1e-6)


@pytest.mark.parametrize("first", [np.arange(3), np.ones((2, 3)), np.ones((3, 2)).T, np.ones(3, np.float32)], ids=str)
@pytest.mark.parametrize(
    "then", [np.array([0.5, 1.5, 2.5]), np.ones((3, 2)), np.ones(2, ">f8"), np.float64(2)], ids=str
)
def test_arguments_are_looked_at_where_numpy_begins(first, then):
    step = pb.compile(lambda x: pb.cumsum(x, -1) if x.ndim else x * 1)
    for _ in range(3):
        step(first)
    for _ in range(3):
        np.testing.assert_array_equal(step(then), np.cumsum(then, -1) if np.ndim(then) else then)


def test_a_result_that_stands_twice_is_one_and_an_argument_is_itself():
    def f(x):
        y = x * 2
        return y, {"again": y, "given": x}

    step, x = pb.compile(f), pb.ones(2)
    for _ in range(4):
        y, rest = step(x)
        assert y is rest["again"]
        assert rest["given"] is x


@pb.compile
def doubled(x):
    return x * 2


class Trainer:
    def __init__(self):
        self.w = pb.tensor([1.0], requires_grad=True)
        self.opt = optim.SGD([self.w], lr=0.5)
        self.captured = pb.compile(lambda x: self.w.detach() * x)

    @pb.compile
    def step(self, x):
        self.opt.zero_grad()
        (self.w * x).sum().backward()
        self.opt.step()


def test_deep_copies_are_not_compiled_and_say_what_they_share():
    trainer = Trainer()
    for _ in range(3):
        trainer.step(1.0)
    with pytest.warns(pb.PullbackWarning, match="still trains the original: the function captured self"):
        twin = copy.deepcopy(trainer)
    before = trainer.w.item()
    for _ in range(4):
        twin.step(1.0)
    assert trainer.w.item() == before
    assert twin.w.item() == before - 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(copy.deepcopy([pb.compile(lambda x: x * 2)])[0](2.0)) == 4.0


def tripled(x, times=3):
    return x * times


def test_they_pickle_by_name():
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert pickle.loads(pickle.dumps(Trainer.step)) is Trainer.step
    assert copy.copy(doubled) is doubled
    again = pickle.loads(pickle.dumps(pb.compile(tripled, static_argnames="times")))
    assert type(again) is type(doubled)
    assert [float(again(2.0, times=i)) for i in (3, 3, 3, 4)] == [6.0, 6.0, 6.0, 8.0]
    with pytest.raises((AttributeError, pickle.PicklingError), match="<lambda>"):
        pickle.dumps(pb.compile(lambda x: x))


def test_arguments_may_have_any_name():
    step = pb.compile(lambda self, args, kwargs, f, x=1.0: self * args + kwargs * f * x)
    for _ in range(4):
        assert float(step(self=np.float64(2), args=3.0, kwargs=4.0, f=5.0)) == 26.0


@pytest.mark.parametrize("mode", [pb.no_grad, pb.enable_grad, pb.strict, pb.strict_nan, pb.detect_anomaly])
def test_modes_decorate_with_and_without_brackets(mode):
    @mode
    def bare(x):
        """Its own words."""
        return (x * 2).requires_grad

    x = pb.tensor(1.0, requires_grad=True)
    assert bare(x) == mode()(lambda x: (x * 2).requires_grad)(x) == (mode is not pb.no_grad)
    assert bare.__doc__ == "Its own words."
    for wrong in (3, Trainer):
        with pytest.raises(pb.OptionError, match="decorates functions"):
            mode(wrong)


def test_the_same_text_is_never_once_and_then():
    pairs = (
        (np.ones(2), np.array([1.0, 1.0 + 1e-9])), (np.zeros(2000), np.r_[np.zeros(1000), 1e-300, np.zeros(999)]),
        (pb.ones(2), pb.ones(2)),
    )  # fmt: skip
    for pair in pairs:
        values = iter(pair)
        f = pb.compile(lambda x, values=values: x * next(values))
        f(np.float64(1.0))
        with pytest.raises(pb.TraceError) as raised:
            f(np.float64(1.0))
        assert str(raised.value.facts["once"]) != str(raised.value.facts["then"])


def test_a_guard_that_changes_often_is_named_before_it_is_given_up():
    cfg = {"flag": ""}
    f = pb.compile(lambda x: x * (2 if cfg["flag"] else 1))

    def train():
        for k in range(12):
            cfg["flag"] = str(k)
            assert float(f(1.0)) == 2.0

    with pytest.warns(pb.PullbackWarning) as told:
        train()
    assert len(told) == 1
    assert "cfg['flag'] was" in str(told[0].message)
    assert "fix" in str(told[0].message)
    assert "because cfg['flag'] was" in f.explain()
