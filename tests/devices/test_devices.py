"""Arrays of a device: what is made there stays there, networks learn there, and what is missing is said."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tests.devices.strict import Strict

import pullback as pb
from pullback import nn
from pullback.core.arrays import HELD
from pullback.core.errors import DTypeError, GraphError, OptionError, PullbackError, ShapeError
from pullback.tensors import devices
from pullback.tensors.devices import Device, add_device


@pytest.fixture(autouse=True)
def _device():
    known = dict(devices._KNOWN)
    add_device(Device("strict", Strict, Strict, lambda array: array.inner))
    yield
    HELD.discard(Strict)
    devices._KNOWN.clear()
    devices._KNOWN.update(known)


@pytest.mark.parametrize(
    "make",
    [
        lambda **on: pb.tensor([1.0, 2.0], **on), lambda **on: pb.zeros((2, 3), **on), lambda **on: pb.ones(2, **on),
        lambda **on: pb.full(2, 3.0, **on), lambda **on: pb.arange(4, **on), lambda **on: pb.linspace(0, 1, 3, **on),
        lambda **on: pb.eye(3, **on), lambda **on: pb.zeros_like(np.ones(2), **on), lambda **on: pb.asarray([1], **on),
    ],
)  # fmt: skip
def test_what_is_made_on_a_device_lies_there(make):
    there, here = make(device="strict"), make()
    assert type(there.array) is Strict
    assert there.device == "strict"
    assert type(here.array) is not Strict
    assert np.array_equal(there.numpy(), here.numpy())
    back = there.to_device("cpu")
    assert back.device == "cpu"
    assert there.to_device("strict") is there
    assert type((there + 1.0).array) is Strict


NETWORKS = {
    "mlp": lambda: nn.Sequential(nn.Linear(36, 8, rng=0), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.3, rng=1),
                                 nn.Linear(8, 3, rng=2)),
    "cnn": lambda: nn.Sequential(nn.Unflatten(1, (1, 6, 6)), nn.Conv2d(1, 3, 3, padding=1, rng=0), nn.BatchNorm2d(3),
                                 nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 3, stride=2, rng=1), nn.Flatten(),
                                 nn.Linear(2, 3, rng=2)),
    "attention": lambda: nn.Sequential(nn.Unflatten(1, (6, 6)), nn.TransformerEncoderLayer(6, 2, 8, dropout=0.1, rng=0),
                                       nn.Flatten(), nn.Linear(36, 3, rng=1)),
    "lstm": lambda: nn.Sequential(nn.Unflatten(1, (6, 6)), nn.LSTM(6, 4, rng=0), nn.Lambda(lambda both: both[0][:, -1]),
                                  nn.Linear(4, 3, rng=1)),
}  # fmt: skip
RULES = [pb.optim.SGD, pb.optim.Adam, pb.optim.AdamW, pb.optim.RMSprop, pb.optim.Lion]


def learned(network, rule, device):
    model = NETWORKS[network]().to(device)
    optimizer = rule(model.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    x = pb.tensor(rng.normal(size=(5, 36)).astype(np.float32), device=device)
    y = pb.tensor(rng.integers(0, 3, 5), device=device)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(model(x), y)
        loss.backward()
        pb.optim.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    arrays = [t.array for t in (*model.parameters(), *model.buffers(), *optimizer.param_groups[0].kept()) if t.ndim]
    return losses, [p.numpy() for p in model.parameters()], {type(array) for array in arrays}


@pytest.mark.parametrize(
    ("network", "rule"), [*((name, pb.optim.Adam) for name in NETWORKS), *(("mlp", rule) for rule in RULES)]
)
def test_networks_learn_there_what_they_learn_here(network, rule):
    here, there = learned(network, rule, "cpu"), learned(network, rule, "strict")
    assert there[2] == {Strict}
    np.testing.assert_allclose(there[0], here[0], rtol=1e-6)
    for one, other in zip(there[1], here[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "f",
    [
        lambda here, there: here + there, lambda here, there: there * here, lambda here, there: here @ there,
        lambda here, there: pb.where(there > 0, here, there), lambda here, there: pb.stack([here, there]),
        lambda here, there: here[there.astype(int)], lambda here, there: there + here.numpy(),
        lambda here, there: pb.einsum("ij,jk", there, here), lambda here, there: nn.Linear(2, 2, rng=0)(there),
        lambda here, there: nn.CrossEntropyLoss()(there, here[0].astype(int)),
        lambda here, there: nn.Embedding(3, 2, rng=0)(there.astype(int)),
        lambda here, there: here.__setitem__(0, there[0]), lambda here, there: there.__setitem__(0, here[0]),
        lambda here, there: pb.grad(lambda x: (x * there).sum())(here),
    ],
)  # fmt: skip
def test_arrays_of_two_devices_in_one_operation_are_refused(f):
    with pytest.raises(DTypeError, match="lie on different devices") as found:
        f(pb.ones((2, 2)), pb.ones((2, 2), device="strict"))
    assert {*found.value.facts["devices"].split(", ")} == {"cpu", "strict"}


def test_an_optimizer_that_was_made_before_the_move_is_told_of_it():
    model = nn.Linear(2, 1, rng=0)
    optimizer = pb.optim.Adam(model.parameters(), lr=0.1)
    model(pb.ones((3, 2), dtype=np.float32)).sum().backward()
    optimizer.step()
    model.to("strict")
    model(pb.ones((3, 2), dtype=np.float32, device="strict")).sum().backward()
    with pytest.raises(DTypeError, match="before its optimizer is made"):
        optimizer.step()


def test_a_label_that_is_no_class_is_told_where_places_wrap_around():
    with pytest.raises(ShapeError, match="a label is not a class") as found:
        nn.CrossEntropyLoss()(pb.ones((2, 3), device="strict"), pb.tensor([0, 3], device="strict"))
    assert found.value.facts["largest"] == 3


def test_a_derivative_does_not_pass_between_devices():
    w = pb.tensor([1.0], requires_grad=True)
    with pytest.raises(GraphError, match="from one device to another"):
        (w * 2).to_device("strict")


def card(count, fails=False):
    """What of CuPy's is asked, on a machine with so many cards."""

    class CUDARuntimeError(RuntimeError):
        pass

    class OutOfMemoryError(MemoryError):
        pass

    def found():
        if count is None:
            raise CUDARuntimeError("cudaErrorInsufficientDriver")
        return count

    def put(array):
        if fails:
            raise OutOfMemoryError("out of memory")
        return Strict(array)

    class On:
        def __init__(self, number):
            self.number = number

        def use(self):
            assert self.number < count

        def __enter__(self):
            self.use()

        def __exit__(self, *error):
            pass

    runtime = SimpleNamespace(getDeviceCount=found, CUDARuntimeError=CUDARuntimeError)
    cuda = SimpleNamespace(runtime=runtime, memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError), Device=On)
    return SimpleNamespace(cuda=cuda, ndarray=Strict, asarray=put, asnumpy=lambda array: array.inner)


@pytest.mark.parametrize(
    ("module", "name", "error", "said"),
    [
        (None, "cuda", OptionError, r"pip install 'pullback\[gpu\]'"),
        (card(None), "cuda", OptionError, "there is no card here"),
        (card(0), "cuda", OptionError, "there is no such card"),
        (card(1), "cuda:1", OptionError, "there is no such card"),
        (card(1, fails=True), "cuda", PullbackError, "the card has too little memory"),
        (card(1), "tpu", OptionError, "unknown device"),
        (card(1), "cuda:x", OptionError, "unknown device"),
    ],
)
def test_what_is_missing_is_said(monkeypatch, module, name, error, said):
    monkeypatch.setitem(sys.modules, "cupy", module)
    with pytest.raises(error, match=said):
        nn.Linear(2, 2, rng=0).to(name)
    with pytest.raises(error, match=said):
        pb.zeros(2, device=name)


def test_a_card_is_found_by_its_number(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", card(2))
    assert type(pb.zeros(2, device="cuda").array) is Strict
    assert type(nn.Linear(2, 2, rng=0).to("cuda:0").weight.array) is Strict
    with pytest.raises(OptionError, match="a process computes on one card") as found:
        pb.zeros(2, device="cuda:1")
    assert found.value.facts["computes_on"] == "cuda:0"
