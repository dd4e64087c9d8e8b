"""Files of ONNX read as modules: those that PyTorch made, and hostile ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.core.errors import CheckpointError, OptionError, PullbackError, ShapeError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402 (once it is known to be there)

SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data"
PYTORCHS = sorted(SHIPPED.glob("pytorch-*/*/model.onnx"))
DRAWN = np.random.default_rng(0)


def normal(*shape):
    return DRAWN.normal(size=shape).astype(np.float32)


def array_in(path):
    return numpy_helper.to_array(TensorProto.FromString(path.read_bytes()))


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("folder", ["pytorch-converted", "pytorch-operator"])
def test_what_pytorch_exported_gives_what_pytorch_gave(folder):
    paths = [path for path in PYTORCHS if path.parent.parent.name == folder]
    for path in paths:
        model = pb.interop.from_onnx(path)
        for data in path.parent.glob("test_data_set_*"):
            inputs = [array_in(data / f"input_{i}.pb") for i in range(len(model.inputs))]
            results = model(*inputs)
            for i, result in enumerate(results if isinstance(results, tuple) else (results,)):
                expected = array_in(data / f"output_{i}.pb")
                assert (result.shape, result.dtype) == (expected.shape, expected.dtype), path
                np.testing.assert_allclose(result.numpy(), expected, rtol=1e-3, atol=1e-5, err_msg=str(path))
    assert len(paths) > 20


def model_of(nodes, inputs, outputs, arrays=(), opset=18, **options):
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inputs]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    given = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays]
    graph = helper.make_graph(nodes, "graph", infos, results, given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **options)


@pytest.fixture
def read(tmp_path):
    def loaded(model):
        path = tmp_path / "model.onnx"
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return pb.interop.from_onnx(path)

    return loaded


NODES = {
    "Elu": ([normal(3, 4)], {"alpha": 0.5}), "Celu": ([normal(3, 4)], {"alpha": 2.0}),
    "HardSwish": ([normal(3, 4)], {}), "Gelu": ([normal(3, 4)], {}),
    "Mod": ([np.array([-7.5, 3.0]), np.array([2.0, -2.0])], {"fmod": 1}),
    "ArgMax": ([np.array([[1.0, 3.0, 3.0]])], {"axis": 1, "select_last_index": 1}),
    "CumSum": ([np.arange(6.0).reshape(2, 3), np.array(1)], {"exclusive": 1, "reverse": 1}),
    "Gemm": ([np.ones((3, 2)), np.ones((3, 4)), np.ones(4)], {"transA": 1, "alpha": 0.5, "beta": 2.0}),
    "Slice": ([np.arange(20.0).reshape(4, 5), *map(np.array, ([3, 0], [-9, 4], [0, 1], [-1, 2]))], {}),
    "Pad": ([np.ones((2, 3)), np.array([1, 0, 0, 2]), np.array(5.0)], {}),
    "GatherND": ([np.arange(8.0).reshape(2, 2, 2), np.array([[1], [0]])], {"batch_dims": 1}),
    "GatherElements": ([np.arange(4.0).reshape(2, 2), np.array([[0, 0], [1, 0]])], {"axis": 1}),
    "ScatterND": ([np.zeros(5), np.array([[1], [1]]), np.array([2.0, 3.0])], {"reduction": "add"}),
    "OneHot": ([np.array([0, 2, -1]), np.array(3), np.array([0.0, 1.0])], {}),
    "TopK": ([np.array([[3.0, 1.0, 2.0]]), np.array([2])], {"largest": 0}),
    "Trilu": ([np.ones((3, 3)), np.array(1)], {}), "Range": ([np.array(1), np.array(9), np.array(3)], {}),
    "SpaceToDepth": ([np.arange(16.0).reshape(1, 1, 4, 4)], {"blocksize": 2}),
    "Resize": ([normal(1, 1, 2, 2), np.array([], "f"), np.array([1, 1, 2, 1.5], "f")], {"mode": "linear"}),
    "AveragePool": ([np.arange(25.0, dtype="f").reshape(1, 1, 5, 5)],
                    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
    "MaxPool": ([np.arange(25.0, dtype="f").reshape(1, 1, 5, 5)], {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
    "ConvTranspose": ([normal(1, 2, 3), normal(2, 1, 3)], {"strides": [2], "output_padding": [1], "pads": [1, 0]}),
    "GroupNormalization": ([normal(2, 4, 3), np.ones(2, "f"), np.ones(2, "f")], {"num_groups": 2}),
    "LayerNormalization": ([normal(2, 3, 4), np.ones((3, 4), "f")], {"axis": 1}),
}  # fmt: skip


@pytest.mark.parametrize("kind", NODES)
def test_an_operator_gives_what_the_reference_gives(read, kind):
    from onnx.reference import ReferenceEvaluator

    arrays, attributes = NODES[kind]
    names = [f"x{i}" if np.size(array) else "" for i, array in enumerate(arrays)]
    outputs = ["y", "z"] if kind == "TopK" else ["y"]
    opset = 20 if kind == "Gelu" else 18
    node = helper.make_node(kind, names, outputs, **attributes)
    fixed = [(name, array) for name, array in zip(names, arrays, strict=True) if name][1:]
    model = model_of([node], names[:1], outputs, fixed, opset)
    expected = ReferenceEvaluator(model).run(None, {names[0]: arrays[0]})
    results = read(model)(arrays[0])
    for result, wanted in zip(results if len(outputs) > 1 else [results], expected, strict=True):
        np.testing.assert_allclose(result.numpy(), wanted, rtol=1e-5, atol=1e-6)
        assert result.dtype == wanted.dtype


ROUND = [
    (nn.MLP(4, 5, 3), normal(6, 4)),
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 2)),
     normal(3, 1, 8, 8)),
    (nn.LSTM(3, 4), normal(20, 2, 3)),
    (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0), normal(2, 5, 8)),
]  # fmt: skip


@pytest.mark.parametrize(("model", "x"), ROUND, ids=["mlp", "cnn", "lstm", "transformer"])
def test_what_was_written_is_read_and_trains_on(tmp_path, model, x):
    path = pb.interop.to_onnx(model, x, path=tmp_path / "m.onnx", dynamic="N")
    again = pb.interop.from_onnx(path)
    expected, found = ((y[0] if isinstance(y, tuple) else y) for y in (model.eval()(x), again(x)))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-5)
    (expected * expected).sum().backward()
    (found * found).sum().backward()
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(again.weights[name].grad.numpy(), parameter.grad.numpy(), rtol=1e-3, atol=1e-4)
    optimizer = pb.optim.SGD(again.parameters(), lr=1e-3)
    before = (found * found).sum().item()
    optimizer.step()
    after = again(x)
    after = after[0] if isinstance(after, tuple) else after
    assert (after * after).sum().item() < before


def test_statistics_are_kept_and_are_not_learned(tmp_path):
    layer = nn.BatchNorm1d(3)
    layer(DRAWN.normal(size=(8, 3)).astype(np.float32))
    scale = [("s", np.ones(3, "f")), ("b", np.zeros(3, "f")), ("m", np.ones(3, "f")), ("v", np.full(3, 4, "f"))]
    node = helper.make_node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"])
    path = tmp_path / "bn.onnx"
    path.write_bytes(model_of([node], ["x"], ["y"], scale).SerializeToString())
    model = pb.interop.from_onnx(path)
    assert [name for name, _ in model.named_parameters()] == ["weights.s", "weights.b"]
    assert len(model.state_dict()) == 4
    np.testing.assert_allclose(model(np.full((1, 3), 3.0, "f")).numpy(), 1.0, rtol=1e-4)


def test_an_unknown_operator_is_refused_by_name_and_node(read):
    node = helper.make_node("StringNormalizer", ["x"], ["y"], name="words")
    with pytest.raises(OptionError, match=r"operator  StringNormalizer\n  node      words"):
        read(model_of([node], ["x"], ["y"]))


def test_an_operator_of_another_domain_is_refused(read):
    node = helper.make_node("Relu", ["x"], ["y"], domain="com.somebody")
    with pytest.raises(OptionError, match=r"com\.somebody\.Relu"):
        read(model_of([node], ["x"], ["y"]))


def relu(source="x", target="y"):
    return helper.make_node("Relu", [source], [target])


def tensor(name="w", dims=(2,), content=b"\0" * 8, **options):
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims, raw_data=content)
    for key, value in options.items():
        entry = made.external_data.add()
        entry.key, entry.value = key, str(value)
    if options:
        made.data_location = TensorProto.EXTERNAL
        made.ClearField("raw_data")
    return made


def with_tensor(made):
    model = model_of([helper.make_node("Add", ["x", "w"], ["y"])], ["x"], ["y"])
    model.graph.initializer.append(made)
    return model


def within_itself(depth):
    graph = helper.make_graph([relu()], "g", [], [helper.make_tensor_value_info("y", 1, None)])
    for _ in range(depth):
        node = helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([node], "g", [], [helper.make_tensor_value_info("y", 1, None)])
    return model_of(list(graph.node), ["x"], ["y"])


HOSTILE = {
    "nothing": (b"", "damaged, or is none of ONNX"),
    "a text": (b"\x80\x04not onnx at all", "damaged, or is none of ONNX"),
    "half a file": (model_of([relu()], ["x"], ["y"], [("w", np.ones(99))]).SerializeToString()[:-40], "damaged"),
    "a shape of too many": (with_tensor(tensor(dims=(1 << 40,))), "not as long as its shape"),
    "a negative shape": (with_tensor(tensor(dims=(-2,))), "shape of an array is wrong"),
    "another folder": (with_tensor(tensor(location="../../etc/passwd")), "outside of the file's own folder"),
    "an absolute path": (with_tensor(tensor(location="/etc/passwd")), "outside of the file's own folder"),
    "no file beside": (with_tensor(tensor(location="gone.data")), "cannot be read"),
    "a wrong length": (with_tensor(tensor(location="gone.data", length=1 << 50)), "not as long as its shape"),
    "a circle": (model_of([relu("z", "y"), relu("y", "z")], ["x"], ["y"]), "reads what nothing before it has made"),
    "made twice": (model_of([relu(), relu()], ["x"], ["y"]), "made twice"),
    "no such output": (model_of([relu()], ["x"], ["q"]), "never made"),
    "graphs in graphs": (within_itself(18), "too deep"),
    "an old opset": (model_of([relu()], ["x"], ["y"], opset=1), "opset is not known"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(read, name):
    content, said = HOSTILE[name]
    with pytest.raises((CheckpointError, OptionError), match=said):
        read(content)


@pytest.mark.parametrize(
    ("kind", "arrays"),
    [("ConstantOfShape", [np.array([1 << 40])]), ("Range", [np.array(0), np.array(1 << 50), np.array(1)]),
     ("Expand", [np.ones(1, "f"), np.array([1 << 20, 1 << 20])]), ("Tile", [np.ones(9, "f"), np.array([1 << 40])])],
)  # fmt: skip
def test_a_small_file_does_not_make_a_large_array(read, kind, arrays):
    names = [f"a{i}" for i in range(len(arrays))]
    model = read(model_of([helper.make_node(kind, names, ["y"])], ["x"], ["y"], list(zip(names, arrays, strict=True))))
    with pytest.raises(ShapeError, match="too large an array"):
        model(np.ones(1, "f"))


def test_no_changed_byte_does_anything_but_raise_an_error(tmp_path):
    path = pb.interop.to_onnx(nn.MLP(3, 4, 2), np.ones((2, 3), np.float32), path=tmp_path / "m.onnx")
    whole, other = path.read_bytes(), tmp_path / "other.onnx"
    for place in DRAWN.integers(0, len(whole), 150):
        other.write_bytes(whole[:place] + bytes([whole[place] ^ int(DRAWN.integers(1, 256))]) + whole[place + 1 :])
        try:
            with np.errstate(all="ignore"):
                pb.interop.from_onnx(other)(np.ones((2, 3), np.float32))
        except PullbackError:
            pass


def test_inputs_that_do_not_fit(read):
    model = read(model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], ["x"], ["y"], [("w", np.ones((3, 2), "f"))]))
    with pytest.raises(ShapeError, match="the inputs are others"):
        model()
    with pytest.raises(ShapeError, match=r"(?s)node.*inner dimensions differ|inner dimensions differ"):
        model(np.ones((2, 5), "f"))
    assert model(x=np.ones((4, 3), "f")).shape == (4, 2)


def test_without_the_library_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr("pullback.interop.onnx.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'pullback\[onnx\]'"):
        pb.interop.from_onnx("x.onnx")
