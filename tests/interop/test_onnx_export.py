"""Models written as files of ONNX: ONNX Runtime computes the same numbers, and what cannot be written is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.core.errors import OptionError, TraceError
from pullback.core.tree import leaves
from pullback.interop.onnx.sizes import Counted, Cut, Filled, Repeated, array_of_all, found, number_of_all
from pullback.training.recipes.images import cnn, lenet5, mlp
from pullback.training.recipes.text import GPT, Recurrent
from pullback.training.settings import Settings

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

DRAWN = np.random.default_rng(0)


def normal(*shape, dtype=np.float32):
    return DRAWN.normal(size=shape).astype(dtype)


def positive(*shape):
    return DRAWN.uniform(0.1, 0.9, shape).astype(np.float32)


def whole(*shape, below=7):
    return DRAWN.integers(0, below, shape)


def signs(*shape):
    return np.sign(normal(*shape)).astype(np.float32)


def session_of(path):
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def require_same(f, path, examples, tolerance=1e-5):
    """The file computes what the function does, with its shapes and dtypes."""
    session = session_of(path)
    names = [x.name for x in session.get_inputs()]
    given = [np.asarray(x) for x in leaves(list(examples))]
    results = session.run(None, dict(zip(names, given, strict=True)))
    tensors = [pb.tensor(x) if isinstance(x, np.ndarray) else x for x in examples]
    if isinstance(f, nn.Module):
        f.eval()
    with pb.no_grad(), np.errstate(all="ignore"):
        expected = [x for x in leaves(f(*tensors)) if x is not None]
    for result, wanted in zip(results, expected, strict=True):
        array = wanted.numpy()
        assert (result.dtype, result.shape) == (array.dtype, array.shape)
        np.testing.assert_allclose(result, array, rtol=tolerance, atol=tolerance)


@pytest.fixture
def exported(tmp_path):
    def export(f, *examples, others=(), **options):
        path = pb.interop.to_onnx(f, *examples, path=tmp_path / "f.onnx", **options)
        for each in (examples, *others):
            require_same(f, path, each)
        return onnx.load(path)

    return export


IMAGES = normal(3, 2, 8, 8)
LAYERS = [
    *((kind(), (normal(5, 4),)) for kind in (
        nn.CELU, nn.ELU, nn.GELU, nn.GLU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.Identity, nn.LeakyReLU,
        nn.LogSoftmax, nn.Mish, nn.PReLU, nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Softmax, nn.Softplus,
        nn.Softsign, nn.Tanh, nn.Dropout,
    )),
    (nn.GELU(approximate=True), (normal(5, 4),)),
    (nn.Linear(4, 3), (normal(5, 4),)),
    (nn.Bilinear(3, 4, 5), (normal(6, 3), normal(6, 4))),
    (nn.MLP(4, 5, 3), (normal(5, 4),)),
    (nn.Residual(nn.Linear(4, 4)), (normal(5, 4),)),
    (nn.Lambda(lambda x: x * 2), (normal(5, 4),)),
    (nn.weight_norm(nn.Linear(3, 4)), (normal(6, 3),)),
    (nn.Conv1d(2, 4, 3, stride=2, padding=1, dilation=2, groups=2), (normal(3, 2, 9),)),
    (nn.Conv2d(2, 4, 3, padding="same"), (IMAGES,)),
    (nn.Conv3d(2, 3, 3), (normal(2, 2, 4, 4, 4),)),
    (nn.ConvTranspose1d(2, 4, 3, stride=2, padding=1, output_padding=1), (normal(3, 2, 6),)),
    (nn.ConvTranspose2d(2, 4, 3, stride=2, groups=2), (normal(3, 2, 4, 4),)),
    (nn.Dropout2d(), (IMAGES,)),
    (nn.Embedding(7, 3, padding_idx=1), (whole(4, 5),)),
    (nn.Flatten(), (normal(3, 4, 5),)),
    (nn.Unflatten(1, (2, 2)), (normal(3, 4),)),
    (nn.BatchNorm1d(4), (normal(6, 4),)),
    (nn.BatchNorm2d(2), (IMAGES,)),
    (nn.BatchNorm2d(2, track_running_stats=False), (IMAGES,)),
    (nn.GroupNorm(2, 4), (normal(3, 4, 3, 3),)),
    (nn.InstanceNorm2d(2, affine=True), (IMAGES,)),
    (nn.LayerNorm(4), (normal(6, 4),)),
    (nn.RMSNorm(4), (normal(6, 4),)),
    (nn.AdaptiveAvgPool2d(2), (normal(3, 2, 5, 7),)),
    (nn.AdaptiveMaxPool2d(2), (normal(3, 2, 5, 7),)),
    (nn.AvgPool1d(2), (normal(3, 2, 7),)),
    (nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), (IMAGES,)),
    (nn.AvgPool2d(3, padding=1, count_include_pad=False), (IMAGES,)),
    (nn.GlobalAvgPool(), (IMAGES,)),
    (nn.MaxPool1d(2), (normal(3, 2, 8),)),
    (nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), (IMAGES,)),
    (nn.RotaryPositions(8), (normal(3, 5, 8),)),
    (nn.SinusoidalPositions(8), (normal(3, 5, 8),)),
    (nn.PixelShuffle(2), (normal(3, 4, 2, 2),)),
    (nn.Upsample(scale_factor=2), (normal(3, 2, 3, 3),)),
    (nn.Upsample(scale_factor=2, mode="bilinear"), (normal(3, 2, 3, 3),)),
    (nn.MultiHeadAttention(8, 2, batch_first=True), (normal(3, 4, 8), normal(3, 5, 8), normal(3, 5, 8))),
    (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (normal(3, 5, 8),)),
    (nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), (normal(3, 5, 8), normal(3, 4, 8))),
    (nn.RNNCell(3, 4), (normal(6, 3),)),
    (nn.GRUCell(3, 4), (normal(6, 3),)),
    (nn.LSTMCell(3, 4), (normal(6, 3),)),
    (nn.RNN(3, 4, batch_first=True), (normal(3, 2, 3),)),
    (nn.GRU(3, 4, batch_first=True, bidirectional=True), (normal(3, 2, 3),)),
    (nn.CrossEntropyLoss(), (normal(6, 4), whole(6, below=4))),
    (nn.CrossEntropyLoss(label_smoothing=0.1), (normal(6, 4), whole(6, below=4))),
    (nn.NLLLoss(), (normal(6, 4), whole(6, below=4))),
    *((loss(), (normal(6, 4), normal(6, 4))) for loss in (nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss)),
    *((loss(), (positive(6, 4), positive(6, 4))) for loss in (nn.BCELoss, nn.BCEWithLogitsLoss, nn.KLDivLoss)),
    (nn.PoissonNLLLoss(), (normal(6, 4), positive(6, 4))),
    (nn.GaussianNLLLoss(), (normal(6, 4), normal(6, 4), positive(6, 4))),
    (nn.CosineEmbeddingLoss(), (normal(6, 4), normal(6, 4), signs(6))),
    (nn.HingeLoss(), (normal(6), signs(6))),
    (nn.HingeEmbeddingLoss(), (normal(6), signs(6))),
    (nn.MarginRankingLoss(), (normal(6), normal(6), signs(6))),
    (nn.CTCLoss(), (np.log(positive(6, 3, 5)), whole(3, 2, below=4) + 1, np.array([6, 5, 6]), np.array([2, 1, 2]))),
    (nn.TripletMarginLoss(), (normal(6, 4), normal(6, 4), normal(6, 4))),
]  # fmt: skip

POOLS = [
    (lambda x: pb.nn.max_pool2d(x, 3, 2, padding=1, dilation=2), (IMAGES,), "MaxPool", 1),
    (lambda x: pb.nn.max_pool2d(-abs(x), 3, 2, padding=1), (IMAGES,), "MaxPool", 3),
    (lambda x: pb.nn.max_pool1d(x, 2), (normal(3, 7),), "MaxPool", 3),
    (lambda x: pb.nn.avg_pool2d(x, (2, 3), 1), (IMAGES,), "AveragePool", 1),
    (lambda x: pb.nn.avg_pool2d(x, 3, 2, padding=1), (IMAGES,), "AveragePool", 3),
    (lambda x: pb.nn.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False), (IMAGES,), "AveragePool", 3),
    (lambda x: pb.nn.avg_pool2d(x, 3, ceil_mode=True), (IMAGES,), "AveragePool", 3),
]


@pytest.mark.parametrize(("f", "examples", "operator", "most"), POOLS)
def test_pooling_is_one_operator(exported, f, examples, operator, most):
    kinds = [node.op_type for node in exported(f, *examples).graph.node if node.op_type != "Identity"]
    assert operator in kinds
    assert not {"Gather", "ReduceMax", "ReduceMean", "ReduceSum", "Pad"} & {*kinds}
    assert len(kinds) <= most


def test_what_is_no_pooling_stays_a_reduction(exported):
    other = exported(lambda x: pb.max(pb.moveaxis(pb.sliding_window_view(x, 2, 1), -1, 1), 0), normal(3, 4))
    assert "MaxPool" not in [node.op_type for node in other.graph.node]


@pytest.mark.parametrize(("layer", "examples"), LAYERS, ids=lambda x: type(x).__name__)
def test_a_layer_for_batches_of_any_size(exported, layer, examples):
    if isinstance(layer, nn.CTCLoss):  # whose first axis is time
        exported(layer, *examples)
        return
    few = 2 if isinstance(layer, nn.BatchNorm2d) else 1  # which normalizes by the batch, if it keeps no statistics
    exported(layer, *examples, dynamic="N", others=[tuple(x[:few] for x in examples)])


def test_every_layer_is_tried():
    tried = {type(layer).__name__ for layer, _ in LAYERS}
    layers = {name for name in dir(nn) if isinstance(kind := getattr(nn, name), type) and issubclass(kind, nn.Module)}
    containers = {"Module", "ModuleDict", "ModuleList", "Sequential"}
    elsewhere = {"LSTM", "MixedPrecision"}  # below; a way of training
    assert layers - containers - elsewhere <= tried


MODELS = [
    (lambda: mlp(Settings(hidden=(8,), data="digits", optimizer="adam")).trainer.model, normal(3, 8, 8)),
    (lambda: cnn(Settings(optimizer="adam")).trainer.model, normal(2, 28, 28)),
    (lambda: lenet5(Settings(optimizer="adam")).trainer.model, normal(2, 28, 28)),
    (lambda: Recurrent(7, 4, 2, 0.0, np.random.default_rng(0)), whole(2, 6)),
    (lambda: GPT(7, 6, 8, 2, 2, 0), whole(2, 6)),
]


@pytest.mark.parametrize(("make", "example"), MODELS, ids=["mlp", "cnn", "lenet5", "lstm", "gpt"])
def test_the_model_of_a_recipe(exported, make, example):
    model = make()
    other = np.concatenate([example, example[:1], example])
    written = exported(model, example, dynamic="N", others=[(other,), (example[:1],)])
    names = {name for name, _ in model.named_parameters()}
    assert names <= {tensor.name for tensor in written.graph.initializer}
    assert written.producer_name == "pullback"
    assert written.producer_version == pb.__version__
    assert [x.name for x in written.graph.output] == ["output"]
    assert written.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert model.training == all(part.training for part in model.modules())


@pytest.mark.parametrize("length", [24, 3])  # a short one is unrolled where it has one length alone
def test_a_loop_stays_a_loop_for_sequences_of_any_length(exported, length):
    layer = nn.LSTM(3, 4, batch_first=True)
    axes, others = {"x": {0: "N", 1: "T"}}, [(normal(5, 31, 3),), (normal(1, 1, 3),)]
    written = exported(layer, normal(2, length, 3), dynamic=axes, others=others)
    assert [node.op_type for node in written.graph.node].count("Loop") == 1
    assert len(written.graph.node) < 40


def test_a_scan_with_little_to_do_in_a_step_has_any_length(exported):
    def total(x):
        return pb.scan(lambda c, row: (c + row, c), np.zeros(4, np.float32), x)

    exported(total, normal(2, 4), dynamic="T", others=[(normal(9, 4),), (normal(1, 4),)])


def test_attention_over_sequences_of_any_length_up_to_the_longest(exported):
    axes = {"tokens": {0: "N", 1: "T"}}
    exported(GPT(7, 12, 8, 1, 2, 0), whole(4, 12), dynamic=axes, others=[(whole(1, 5),), (whole(9, 1),)])


def put(x):
    y = x.copy()
    y[1] = 0.0
    y[:, 2] += 1
    return y


X = normal(3, 4, 5)
FUNCTIONS = {
    "places": (lambda x: (pb.flip(x), pb.roll(x, 2, 1), pb.pad(x, 1), pb.tril(x), pb.triu(x, 1), pb.tile(x, (2, 1, 1)),
                          pb.repeat(x, 2, 1), pb.stack([x, x], 1), pb.concatenate([x, x]), x.T, x.reshape(-1)), (X,)),
    "indices": (lambda x: (x[..., None], x[1], x[:, 1:3, ::-2], x[0, :, -1], x[:, [0, 2]], x[[0, 1], [1, 2]],
                           x[:, [0, 1], [1, 2]], x[[0, 1], :, [1, 2]], x[0, :, [1, 2]], pb.diagonal(x)), (X,)),
    "order": (lambda x: (pb.argmax(x), pb.argmin(x, 1), pb.sort(x), pb.sort(x, descending=True), pb.cumsum(x, 0),
                         pb.cumprod(x, 1), *pb.topk(x, 2), pb.count_nonzero(x, axis=0), pb.unstack(x)[0]), (X,)),
    "reductions": (lambda x: tuple(f(x, 1) for f in (pb.sum, pb.prod, pb.max, pb.min, pb.mean, pb.var, pb.std,
                                                     pb.logsumexp, pb.any, pb.all)), (X,)),
    "products": (lambda a, b: (a @ b, a @ b[0], a[0] @ b[0], pb.einsum("nij,njk->ni", a, b)), (X, normal(3, 5, 2))),
    "elements": (lambda x: (pb.expm1(x), pb.log1p(x), pb.arctan2(x, -x), pb.hypot(x, x), pb.logaddexp(x, -x), x % 0.3,
                            x // 0.3, pb.cbrt(x), pb.exp2(x), pb.trunc(3 * x), pb.isfinite(1 / x)), (positive(3, 4),)),
    "integers": (lambda a: (a // -3, a % 5, a << 2, a >> 1, ~a, a & 6, a | 9, a ^ 5, -a, abs(a), a.sum(), a.mean(0)),
                 (whole(3, 4) - 3,)),
    "writing": (put, (X,)),
    "lengths": (lambda x: (pb.arange(x.shape[0]) + x[:, 0, 0], x / x.shape[0], x[: x.shape[0] - 1],
                           x.sum(0) * (1 / x.shape[0]), x.reshape(x.shape[0] * 2, -1)), (normal(6, 4, 5),)),
    "gradient": (pb.grad(lambda x: (pb.tanh(x) @ np.ones((5, 2), np.float32)).sum()), (X,)),
    "gradient of a kernel": (pb.grad(lambda w: (nn.conv2d(IMAGES, w, stride=2) ** 2).sum()), (normal(3, 2, 3, 3),)),
    "scan": (lambda x: pb.scan(lambda c, x: (c * 0.5 + x, c * x), np.zeros(3, np.float32), x), (normal(20, 3),)),
    "choice": (lambda x: pb.cond(x.sum() > 0, pb.sin, pb.cos, x), (X,)),
    "while": (lambda x: pb.while_loop(lambda y: abs(y * y - x) > 1e-3, lambda y: (y + x / y) / 2, x, max_steps=20),
              (np.float32(9.0),)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function(exported, name):
    f, examples = FUNCTIONS[name]
    exported(f, *examples)


@pytest.mark.parametrize("name", ["places", "reductions", "products", "lengths"])
def test_a_function_for_batches_of_any_size(exported, name):
    f, examples = FUNCTIONS[name]
    exported(f, *examples, dynamic="N", others=[tuple(np.concatenate([x, x]) for x in examples)])


UNARY = (pb.sin, pb.tanh, pb.exp, pb.relu, pb.sigmoid, abs, lambda x: x.T, lambda x: pb.flip(x, 0), lambda x: x * x,
         lambda x: pb.softmax(x, -1), lambda x: x - x.mean(-1, keepdims=True), lambda x: pb.where(x > 0, x, 0.1 * x),
         lambda x: x.reshape(-1).reshape(x.shape), lambda x: pb.concatenate([x, x], 1)[:, ::2])  # fmt: skip
BINARY = (pb.add, pb.multiply, pb.maximum, lambda a, b: a @ b.T, lambda a, b: a / (1 + b * b))


def generated(seed):
    """A random program of twelve operations on two matrices."""
    rng = np.random.default_rng(seed)
    steps = [(rng.integers(2), rng.integers(len(UNARY)), rng.integers(len(BINARY)), rng.random(2)) for _ in range(12)]

    def program(a, b):
        values = [a, b]
        for pair, one, two, places in steps:
            x, y = (values[int(place * len(values))] for place in places)
            value = BINARY[two](x, y) if pair and x.shape == y.shape else UNARY[one](x)
            values.append(value / (1 + abs(value).max()))
        return tuple(values[2:])

    return program


@pytest.mark.parametrize("seed", range(12))
def test_a_random_program(exported, seed):
    exported(generated(seed), normal(3, 4), normal(3, 4))


REFUSED = {
    "a matrix inverse": (
        lambda x: pb.linalg.inv(x),
        "there is no operator for a primitive\n  primitive  small_inv\n  line ",
    ),
    "a number that is looked at": (lambda x: x * float(x.sum()), "float\\(\\): a program .* has no numbers to look at"),
    "a median": (lambda x: pb.median(x), "no operator does this: quantile of NumPy"),
    "a mask": (lambda x: x[x > 0], "the size of a result depends on numbers"),
    "complex numbers": (lambda x: pb.abs(x * 1j), "no operator knows this dtype\n  dtype  complex64\n  line "),
    "dropout": (lambda x: nn.Dropout(0.5)(x), "primitive  random\n(.*\n)*  fix .*model.eval"),
    "numbers of NumPy's generator": (lambda x: x + DRAWN.normal(), "recorded several times, and did not do the same"),
    "a number as a result": (lambda x: (x, 3), "a result is no tensor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_refused_with_the_line(tmp_path, name):
    f, said = REFUSED[name]
    with pytest.raises(TraceError, match=said):
        pb.interop.to_onnx(f, normal(3, 3), path=tmp_path / "f.onnx")
    assert not any(tmp_path.iterdir())


def test_a_function_that_changes_what_it_reads_is_refused_and_changes_nothing(tmp_path):
    layer = nn.BatchNorm1d(3)
    with pytest.raises(TraceError, match="running_mean"):
        pb.interop.to_onnx(lambda x: layer(x), normal(6, 3), path=tmp_path / "f.onnx")
    assert layer.num_batches_tracked.item() == 0


def test_a_size_that_does_not_follow_is_refused_with_the_line(tmp_path):
    def f(x):
        return pb.broadcast_to(x[:1], (int(np.sqrt(x.shape[0])) + 7, 3))

    with pytest.raises(TraceError, match=r"(?s)a size is no sum.*line .*test_onnx_export"):
        pb.interop.to_onnx(f, normal(9, 3), path=tmp_path / "f.onnx", dynamic="N")


@pytest.mark.parametrize(
    ("options", "said"),
    [({"opset": 17}, "no such opset"), ({"opset": 26}, "no such opset"), ({"dynamic": {"y": {0: "N"}}}, "is not there"),
     ({"dynamic": {"x": {5: "N"}}}, "cannot be open"), ({"dynamic": {"x": {0: "N", 1: "N"}}}, "two lengths")],
)  # fmt: skip
def test_an_option_that_is_wrong(tmp_path, options, said):
    with pytest.raises(OptionError, match=said):
        pb.interop.to_onnx(nn.Linear(4, 2), normal(3, 4), path=tmp_path / "f.onnx", **options)


@pytest.mark.parametrize("opset", [18, 21, 25])
def test_an_opset(exported, opset):
    written = exported(GPT(7, 6, 8, 1, 2, 0), whole(2, 6), opset=opset)
    assert written.opset_import[0].version == opset


def test_numbers_beyond_what_a_file_holds_lie_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr("pullback.interop.onnx.exporting.MOST", 1000)
    model, x = nn.Linear(40, 10), normal(3, 40)
    path = pb.interop.to_onnx(model, x, path=tmp_path / "f.onnx")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["f.onnx", "f.onnx.data"]
    require_same(model, path, (x,))
    np.testing.assert_array_equal(pb.interop.from_onnx(path).weights["weight"].numpy(), model.weight.numpy())


def test_inputs_and_outputs_are_named(exported):
    def f(first, rest):
        return {"sum": first + rest[0], "product": first * rest[1]["scale"]}

    written = exported(f, normal(3), (normal(3), {"scale": normal(3)}))
    assert [x.name for x in written.graph.input] == ["first", "rest.0", "rest.1.scale"]
    assert [x.name for x in written.graph.output] == ["output.sum", "output.product"]


def test_the_same_model_gives_the_same_bytes(tmp_path):
    model, x = GPT(7, 6, 8, 1, 2, 0), whole(2, 6)
    one, other = (pb.interop.to_onnx(model, x, path=tmp_path / name, dynamic="N").read_bytes() for name in "ab")
    assert one == other


AT = [{"N": 5}, {"N": 7}, {"N": 11}]


@pytest.mark.parametrize(
    ("formula", "said"),
    [(lambda n: 4, "4"), (lambda n: n, "N"), (lambda n: 3 * n + 2, "3*N + 2"), (lambda n: 2 * n * n, "2*N*N"),
     (lambda n: n // 2, "2 or 3 or 5")],
)  # fmt: skip
def test_a_size_is_found(formula, said):
    assert repr(found([formula(at["N"]) for at in AT], AT)) == said


@pytest.mark.parametrize(
    ("make", "kind"),
    [(lambda n: np.full((n, 2), 7.0), Filled), (lambda n: np.arange(n) * 2 + 1, Counted),
     (lambda n: np.tile([[1.0, 2.0]], (n, 1)), Repeated), (lambda n: np.tri(n), Cut),
     (lambda n: np.arange(n)[::-1], type(None))],
)  # fmt: skip
def test_an_array_is_found(make, kind):
    assert type(array_of_all([make(at["N"]) for at in AT], AT)) is kind


def test_a_number_that_follows_from_nothing_is_not_found():
    assert number_of_all([1.0, 1.5, 2.25], AT) is None
    assert re.match(r"Share\(top=2.0", repr(number_of_all([2 / at["N"] for at in AT], AT)))
