"""States of modules: out and in by name, and nothing changes where something does not fit."""

import re

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import CheckpointError
from pullback.nn import MLP, Linear, Sequential


@pytest.fixture
def model():
    made = MLP(4, 3, 2, rng=0)
    made.register_buffer("mean", np.arange(2.0))
    return made


@pytest.fixture
def other():
    made = MLP(4, 3, 2, rng=1)
    made.register_buffer("mean", np.zeros(2))
    return made


def test_what_goes_out_comes_in(model, other):
    before = [*other.parameters(), *other.buffers()]
    assert other.load_state_dict(model.state_dict()) == ([], [])
    assert all(a is b for a, b in zip(before, [*other.parameters(), *other.buffers()], strict=True))
    x = np.ones((5, 4), np.float32)
    assert (model(x) == other(x)).all()
    assert other.mean.tolist() == [0.0, 1.0]
    assert all(p.requires_grad and p.is_leaf for p in other.parameters())


def test_the_state_is_a_copy(model):
    state = model.state_dict()
    state["layers.0.weight"][:] = 7
    assert not (model.layers[0].weight == 7).any()
    model.load_state_dict(state)
    state["layers.0.weight"][:] = 8
    assert (model.layers[0].weight == 7).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_in_memory_stays(model, order):
    # It decides which way a product takes through BLAS, and so its last bits.
    weight = model.layers[0].weight
    weight.requires_grad = False
    weight.array = np.ones((3, 4), np.float32, order=order)
    other = "F" if order == "C" else "C"
    model.load_state_dict({name: np.array(array, order=other) for name, array in model.state_dict().items()})
    assert weight.array.flags.f_contiguous == (order == "F")


def test_tensors_load_and_dtypes_stay(model, other):
    state = {name: pb.tensor(array, dtype=float) for name, array in model.state_dict().items()}
    other.load_state_dict(state)
    assert other.layers[0].weight.dtype == np.float32
    assert (other.layers[0].weight == model.layers[0].weight).all()


def spoiled(change):
    def spoil(state):
        change(state)
        return state

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoiled(lambda s: s.pop("layers.2.bias")), r"missing +layers\.2\.bias"),
        (spoiled(lambda s: s.update(extra=np.ones(1))), r"unexpected +extra"),
        (spoiled(lambda s: s.update(mean=np.ones(3))), r"wrong +mean: shape \(3,\) instead of \(2,\)"),
        (spoiled(lambda s: s.update({"layers.0.bias": np.ones(3, complex)})), r"layers\.0\.bias: dtype complex128"),
        (spoiled(lambda s: s.update(mean=np.array(["a", "b"]))), r"mean: dtype <U1"),
        (lambda s: list(s), r"a mapping of names to arrays"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(model, other, spoil, message):
    before = other.state_dict()
    with pytest.raises(CheckpointError, match=message):
        other.load_state_dict(spoil(model.state_dict()))
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, before[name], strict=True)


def test_not_strict_loads_what_fits_and_says_what_did_not(model, other):
    state = model.state_dict()
    del state["layers.2.bias"]
    state["extra"] = np.ones(1)
    kept = other.layers[2].bias.tolist()
    assert other.load_state_dict(state, strict=False) == (["layers.2.bias"], ["extra"])
    assert (other.layers[0].weight == model.layers[0].weight).all()
    assert other.layers[2].bias.tolist() == kept
    with pytest.raises(CheckpointError, match="shape"):
        other.load_state_dict({"mean": np.ones(3)}, strict=False)


def test_misfits_are_told_in_the_order_of_the_model(other):
    state = MLP(4, 2, 2, rng=0).state_dict()
    for order in (sorted(state), sorted(state, reverse=True)):
        with pytest.raises(CheckpointError) as caught:
            other.load_state_dict({name: state[name] for name in order})
        told = re.findall(r"(\S+): shape", str(caught.value))
        assert told == ["layers.0.weight", "layers.0.bias", "layers.2.weight"]


def test_many_names_are_cut_short():
    with pytest.raises(CheckpointError, match="and 12 more"):
        MLP(*[2] * 11).load_state_dict({})


class TestShared:
    @pytest.fixture
    def tied(self):
        a, b = Linear(2, 2, bias=False, rng=0), Linear(2, 2, bias=False, rng=1)
        b.weight = a.weight
        return Sequential(a, b)

    def test_one_of_its_names_is_enough(self, tied):
        for name in ("0.weight", "1.weight"):
            new = np.random.default_rng(0).normal(size=(2, 2)).astype(np.float32)
            tied.load_state_dict({name: new})
            assert (tied[0].weight == new).all()
            assert tied[0].weight is tied[1].weight

    def test_two_values_for_one_tensor_are_refused(self, tied):
        with pytest.raises(CheckpointError, match=r"1\.weight: other numbers than 0\.weight"):
            tied.load_state_dict({"0.weight": np.zeros((2, 2)), "1.weight": np.ones((2, 2))})

    def test_it_loads_where_it_is_not_shared(self, tied):
        loose = Sequential(Linear(2, 2, bias=False), Linear(2, 2, bias=False))
        loose.load_state_dict(tied.state_dict())
        assert (loose[0].weight == loose[1].weight).all()
        assert loose[0].weight is not loose[1].weight


class Unreadable:
    """An array of another library, which NumPy cannot read."""

    def __init__(self, error):
        self.error = error

    def __array__(self, *_args, **_kwargs):
        raise self.error


@pytest.mark.parametrize("error", [TypeError("Got unsupported ScalarType BFloat16"), RuntimeError("requires grad")])
def test_a_foreign_array_that_cannot_be_read(error):
    layer = Linear(2, 3, rng=0)
    before = layer.state_dict()
    with pytest.raises(pb.PullbackError, match=rf"(?s)does not become an array.*key +bias.*why +{error}.*fix"):
        layer.load_state_dict({"weight": np.ones((3, 2)), "bias": Unreadable(error)})
    assert all((before[name] == value).all() for name, value in layer.state_dict().items())
