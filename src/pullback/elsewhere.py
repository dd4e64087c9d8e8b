"""What other libraries call by a name, or do in a way, that is not Pullback's: one row each, with Pullback's way.

Errors about unknown names read it (`core/habits.py`), and those about tensors that leave (`core/leaving.py`); nothing
else loads it. `scripts/coming_from.py` writes its rows into docs/how-to/coming-from.md, and tests run each way.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Final, NamedTuple

from pullback.core.origin import user_frame

CPU: Final = "leave it out: a tensor holds a NumPy array, on the CPU; device='cuda' is experimental"
LATER: Final = "not there yet"


class Row(NamedTuple):
    """One habit.

    Attributes
    ----------
    names : str
        What is written elsewhere; several words that mean the same.
    source : str
        Where.
    here : str
        Code that does it here; empty where there is nothing to write.
    note : str
        What else to know.
    """

    names: str
    source: str
    here: str
    note: str = ""

    @property
    def way(self) -> str:
        """Pullback's way in one line."""
        return "; ".join(part for part in (self.here, self.note) if part)

    @property
    def keyword(self) -> str:
        """Of a habit that is a keyword: what it is called here, or nothing."""
        found = re.search(r"[(,]\s*(\w+)=", self.here)
        return found[1] if found else ""


PACKAGE: Final = (
    Row("randn randn_like", "PyTorch", "pb.random.normal(size=(2, 3))"),
    Row("rand rand_like", "PyTorch", "pb.random.uniform(size=(2, 3))"),
    Row("randint", "PyTorch", "pb.random.integers(0, 10, size=3)"),
    Row("randperm", "PyTorch", "pb.random.permutation(5)"),
    Row("manual_seed manual_seed_all set_seed", "PyTorch", "pb.seed(0)"),
    Row("Generator default_rng", "PyTorch, NumPy", "pb.random.normal(size=3, rng=0)", "rng= takes an int or a np.random.Generator"),
    Row(
        "half double long dtype bfloat16",
        "PyTorch", "pb.zeros(3, dtype=np.float32)", "dtypes are NumPy's: np.float32, np.int64, ...",
    ),
    Row("float int", "PyTorch", "x.astype(np.float32)", "dtypes are NumPy's"),
    Row("set_default_dtype", "PyTorch", "pb.zeros(3, dtype=np.float32)", "arrays keep their dtype; layers make float32"),
    Row("from_numpy as_tensor", "PyTorch", "pb.tensor(a)"),
    Row("save", "PyTorch", "pb.interop.safetensors.save(path, model.state_dict())"),
    Row("load", "PyTorch", "arrays, notes = pb.interop.safetensors.load(path); model.load_state_dict(arrays)"),
    Row("cat", "PyTorch", "pb.concat([x, y], axis=0)"),
    Row("row_stack", "NumPy", "pb.vstack([x, y])"),
    Row("permute", "PyTorch", "pb.permute_dims(x, (1, 0))"),
    Row("unsqueeze", "PyTorch", "pb.expand_dims(x, 0)"),
    Row("flatten", "PyTorch", "pb.reshape(x, -1)"),
    Row("mm bmm mv", "PyTorch", "x @ y.T"),
    Row("sub mul div neg", "PyTorch", "pb.subtract(x, y); pb.multiply(x, y); pb.divide(x, y); -x"),
    Row("eq ne lt le gt ge", "PyTorch", "x == y; x < y"),
    Row("rsqrt", "PyTorch", "1 / pb.sqrt(x)"),
    Row("clamp clip_by_value", "PyTorch", "pb.clip(x, 0.0, 1.0)"),
    Row("gather", "PyTorch", "pb.take_along_axis(x, i, axis=1)"),
    Row("index_select", "PyTorch", "pb.take(x, [0, 1], axis=1)"),
    Row("chunk", "PyTorch", "pb.split(x, 3, axis=1)"),
    Row("masked_select", "PyTorch", "x[mask]"),
    Row("masked_fill", "PyTorch", "pb.where(mask, 0.0, x)"),
    Row("numel", "PyTorch", "x.size"),
    Row("is_tensor", "PyTorch", "isinstance(x, pb.Tensor)"),
    Row("allclose array_equal", "PyTorch", "np.allclose(x, y)"),
    Row("dropout", "PyTorch", "pb.nn.Dropout(0.5)(x)"),
    Row("functional F", "PyTorch", "pb.relu(x); pb.cross_entropy(logits, labels)", "functions stand in pullback itself"),
    Row("no_gradient inference_mode set_grad_enabled", "PyTorch", "with pb.no_grad(): model(x)"),
    Row("is_grad_enabled", "PyTorch", "(w * w).requires_grad"),
    Row("autograd", "PyTorch", "pb.gradients(loss, wrt=[w]); pb.custom_vjp(f)", "for autograd.grad; for autograd.Function"),
    Row("amp", "PyTorch", "pb.optim.LossScaler()", "for amp.GradScaler"),
    Row("autocast", "PyTorch", "pb.nn.MixedPrecision(model)"),
    Row("set_num_threads", "PyTorch", "pb.set_threads(1)"),
    Row("get_num_threads", "PyTorch", "pb.get_threads()"),
    Row("device cuda mps backends set_default_device", "PyTorch", "", CPU),
    Row("utils", "PyTorch", "pb.data.DataLoader(pb.data.TensorDataset(a, a), batch_size=2)", "for utils.data"),
    Row("jit", "JAX", "pb.compile(f)"),
    Row("pmap shard_map device_put device_get", "JAX", "", CPU),
    Row("jacfwd", "JAX", 'pb.jacobian(g, mode="forward")(x)'),
    Row("jacrev", "JAX", 'pb.jacobian(g, mode="reverse")(x)'),
    Row("lax", "JAX", "pb.stop_gradient(x); pb.where(mask, x, y)", "loops and branches are Python's, or pb.scan, fori_loop, while_loop, map, cond and switch"),
    Row("make_jaxpr", "JAX", "pb.graph(loss)", "of compiled functions, compiled.stages()"),
    Row("tree tree_map tree_util", "JAX", "pb.grad(h)({'w': 2.0})", "transforms take and give nested tuples, lists, dicts"),
    Row("remat", "JAX", "pb.checkpoint(f)"),
    Row("debug_nans config", "JAX", "with pb.detect_anomaly(): model(x)"),
    Row("numpy jnp", "JAX, autograd", "np.sin(x)", "NumPy's own functions differentiate"),
    Row("scipy", "JAX, autograd", "scipy.special.erf(x)", "SciPy's ufuncs differentiate; the rest is in pb.linalg, special, stats, optimize, integrate and interpolate"),
    Row("elementwise_grad", "autograd", "pb.grad(lambda x: np.sin(x).sum())(x)"),
    Row("multigrad multigrad_dict", "autograd", "pb.grad(h2, argnums=(0, 1))(2.0, 3.0)"),
    Row("grad_and_aux", "autograd", "pb.grad(h3, has_aux=True)(2.0)"),
    Row("make_vjp", "autograd", "value, back = pb.vjp(g, x)"),
    Row("make_jvp", "autograd", "value, tangent = pb.jvp(g, (x,), (x,))"),
    Row("hessian_vector_product make_hvp", "autograd", "pb.hvp(f, (x,), (x,))"),
    Row("primitive defvjp defjvp extend", "autograd", "pb.custom_vjp(f)", "the rule is given by defvjp"),
    Row("custom_gradient Function", "TensorFlow, PyTorch", "pb.custom_vjp(f)", "the rule is given by defvjp"),
    Row("holomorphic_grad", "autograd", "pb.grad(f, holomorphic=True)"),
    Row("checkgrad test_util", "autograd", "pb.testing.check_grads(f, x)"),
    Row("Variable", "TensorFlow", "pb.tensor([1.0, 2.0], requires_grad=True)"),
    Row("constant convert_to_tensor", "TensorFlow", "pb.tensor([1.0, 2.0])"),
    Row("GradientTape", "TensorFlow", "pb.gradients(loss, wrt=[w])"),
    Row("function", "TensorFlow", "pb.compile(f)"),
    Row("reduce_sum reduce_mean reduce_max", "TensorFlow", "pb.sum(x, axis=0); pb.mean(x); pb.max(x)"),
    Row("cast", "TensorFlow", "pb.astype(x, np.float32)"),
    Row("keras", "TensorFlow", "pb.nn.Sequential(pb.nn.Linear(3, 2), pb.nn.ReLU())", "networks are in pb.nn, optimizers in pb.optim"),
    Row("mtensor", "MyGrad", "pb.tensor([1.0, 2.0])"),
    Row("no_autodiff", "MyGrad", "with pb.no_grad(): model(x)"),
    Row("TinyJit", "tinygrad", "pb.compile(f)"),
)  # fmt: skip

NN: Final = (
    Row("functional", "PyTorch", "pb.relu(x); pb.cross_entropy(logits, labels)", "functions stand in pullback itself"),
    Row("ParameterList ParameterDict", "PyTorch", "", "a list, tuple or dict as a module's attribute is enough"),
    Row("MultiheadAttention", "PyTorch", "pb.nn.MultiHeadAttention(4, 2)"),
    Row("Transformer", "PyTorch", "pb.nn.TransformerEncoderLayer(4, 2); pb.nn.TransformerDecoderLayer(4, 2)"),
    Row("LogSigmoid", "PyTorch", "-pb.softplus(-x)"),
    Row("Conv2D", "Keras", "pb.nn.Conv2d(3, 8, kernel_size=3)"),
    Row("MaxPooling2D", "Keras", "pb.nn.MaxPool2d(2)"),
    Row("utils", "PyTorch", "pb.optim.clip_grad_norm_([w], 1.0)"),
    Row("Dense", "Keras", "pb.nn.Linear(3, 2)"),
    Row("Model Layer", "Keras", "pb.nn.Module", "subclass it, and write forward"),
    Row("Buffer", "PyTorch", 'model.register_buffer("steps", 0)'),
    Row(
        "BatchNorm3d MaxPool3d AvgPool3d", "PyTorch", "", f"{LATER}: write a pb.nn.Module from functions of NumPy or pullback",
    ),
)  # fmt: skip

OPTIM: Final = (
    Row("lr_scheduler", "PyTorch", "pb.optim.SGD([w], lr=pb.optim.schedules.Cosine(0.1, 1000))", "the optimizer counts its steps"),
    Row("StepLR", "PyTorch", "pb.optim.SGD([w], lr=pb.optim.schedules.Step(0.1, 30))"),
    Row("MultiStepLR", "PyTorch", "pb.optim.SGD([w], lr=pb.optim.schedules.MultiStep(0.1, [30, 60]))"),
    Row("ExponentialLR exponential_decay", "PyTorch, JAX", "pb.optim.SGD([w], lr=pb.optim.schedules.Exponential(0.1, 0.9))"),
    Row("CosineAnnealingLR CosineDecay cosine_decay_schedule", "PyTorch, Keras, JAX", "pb.optim.SGD([w], lr=pb.optim.schedules.Cosine(0.1, 1000))"),
    Row("ReduceLROnPlateau", "PyTorch", "pb.optim.ReduceOnPlateau(optimizer)"),
    Row("LambdaLR LinearLR OneCycleLR PolynomialLR ConstantLR", "PyTorch", "", "an optimizer takes a schedule of pb.optim.schedules as its lr"),
    Row(
        "Rprop Adafactor Ftrl", "PyTorch, Keras", "",
        f"{LATER}: pb.optim.AdamW, or a subclass of pb.optim.Optimizer with your rule",
    ),
    Row("swa_utils", "PyTorch", "pb.optim.EMA([w]); pb.optim.SWA([w])"),
    Row("apply_updates chain", "JAX", "", LATER),
)  # fmt: skip

RANDOM: Final = (
    Row("randn standard_normal", "NumPy, PyTorch", "pb.random.normal(size=(2, 3))"),
    Row("rand random random_sample", "NumPy, PyTorch", "pb.random.uniform(size=(2, 3))"),
    Row("randint", "NumPy, JAX", "pb.random.integers(0, 10, size=3)"),
    Row("shuffle choice", "NumPy, JAX", "x[pb.random.permutation(2)]"),
    Row("default_rng", "NumPy", "pb.random.generator(0)"),
    Row("PRNGKey key split fold_in", "JAX", "pb.random.normal(size=3, rng=0)", "there are no keys; rng= takes an int or a generator"),
    Row("manual_seed set_seed", "PyTorch, TensorFlow", "pb.seed(0)"),
)  # fmt: skip

DATA: Final = (
    Row("MNIST", "PyTorch", "pb.data.mnist"),
    Row("SequentialSampler BatchSampler", "PyTorch", "pb.data.DataLoader(pb.data.TensorDataset(a, a), batch_size=2)"),
    Row("WeightedRandomSampler", "PyTorch", "pb.data.WeightedSampler([1.0, 3.0], size=8)"),
    Row("DistributedSampler", "PyTorch", "pb.data.RankSampler(8, rank=0, ranks=2)"),
    Row("default_collate", "PyTorch", "pb.data.collate([(1.0, 2), (3.0, 4)])"),
    Row("ConcatDataset IterableDataset", "PyTorch", "", f"{LATER}: subclass pb.data.Dataset"),
)  # fmt: skip

TENSOR: Final = (
    Row("view reshape_as view_as resize_ resize", "PyTorch", "x.reshape(3, 2)"),
    Row("permute movedim", "PyTorch", "x.transpose(1, 0)"),
    Row("t adjoint H", "PyTorch", "x.T"),
    Row("unsqueeze", "PyTorch", "pb.expand_dims(x, 0)"),
    Row("expand expand_as", "PyTorch", "pb.broadcast_to(x, (4, 2, 3))"),
    Row("cuda cpu to device_put", "PyTorch, JAX", 'x.to_device("cpu")', "x.astype(np.float32) changes the dtype"),
    Row("float double half long int bool type type_as bfloat16", "PyTorch", "x.astype(np.float32)", "dtypes are NumPy's"),
    Row("data", "PyTorch", "x.numpy(); x.assign(y)", "read with numpy() or detach(); write within pb.no_grad()"),
    Row("numel nelement", "PyTorch", "x.size"),
    Row("dim ndimension rank", "PyTorch, TensorFlow", "x.ndim"),
    Row("get_shape", "TensorFlow", "x.shape"),
    Row("is_cuda is_floating_point", "PyTorch", "x.device; x.dtype.kind == 'f'"),
    Row("element_size", "PyTorch", "x.itemsize"),
    Row(
        "contiguous is_contiguous stride storage data_ptr pin_memory share_memory_", "PyTorch", "",
        "leave it out: how the numbers lie in memory does not matter",
    ),
    Row("clone", "PyTorch", "x.copy()"),
    Row("detach_", "PyTorch", "x = x.detach()"),
    Row("new_tensor new_zeros new_ones new_full", "PyTorch", "pb.zeros((2, 3), dtype=x.dtype)"),
    Row("masked_fill masked_fill_", "PyTorch", "pb.where(mask, 0.0, x)"),
    Row("masked_select", "PyTorch", "x[mask]"),
    Row("gather", "PyTorch", "pb.take_along_axis(x, i, axis=1)"),
    Row("index_select", "PyTorch", "x.take([0, 1], axis=1)"),
    Row("scatter scatter_ scatter_add scatter_add_ index_add_ index_fill_ index_copy_", "PyTorch", "x[0] = 1.0"),
    Row("narrow select", "PyTorch", "x[:, 1:3]"),
    Row("unbind chunk split", "PyTorch", "list(x); pb.split(x, 3, axis=1)"),
    Row("clamp clamp_ clamp_min clamp_max clip_", "PyTorch", "x.clip(0.0, 1.0)"),
    Row("add add_ assign_add", "PyTorch, TensorFlow", "x + y; x += y"),
    Row("sub sub_ subtract assign_sub", "PyTorch, TensorFlow", "x - y; x -= y"),
    Row("mul mul_ multiply", "PyTorch", "x * y; x *= y"),
    Row("div div_ divide true_divide", "PyTorch", "x / y; x /= y"),
    Row("pow pow_", "PyTorch", "x ** 2"),
    Row("neg negative", "PyTorch", "-x"),
    Row("eq ne lt le gt ge equal", "PyTorch", "x == y; x < y"),
    Row("matmul mm bmm mv", "PyTorch", "x @ y.T"),
    Row("zero_", "PyTorch", "w.grad = None; optimizer.zero_grad()", "x.fill(0) sets numbers to 0"),
    Row("fill_ copy_ set_data", "PyTorch", "x.fill(0.0); x.assign(y)"),
    Row("zero_grad null_grad null_gradients cleargrad", "PyTorch, MyGrad", "w.grad = None; optimizer.zero_grad()"),
    Row("normal_ uniform_ random_ bernoulli_", "PyTorch", "x.assign(pb.random.normal(size=x.shape))"),
    Row("grad_fn creator", "PyTorch, MyGrad", "pb.graph(loss)"),
    Row("constant", "MyGrad", "x.requires_grad"),
    Row("retain_grad register_hook", "PyTorch", "pb.gradients(loss, wrt=[w])", "wrt takes tensors on the way, too"),
    Row("at", "JAX", "x[0] = 1.0; pb.setitem(x, 0, 1.0)", "in place, with the gradient right; or as a new tensor"),
    Row("block_until_ready realize", "JAX, tinygrad", "", "leave it out: values are there at once"),
    Row("eval value read_value", "TensorFlow", "x.numpy()"),
    Row(
        "abs sin cos tan square sign floor ceil log1p log2 log10 expm1 erf isnan isinf isfinite reciprocal rsqrt "
        "softplus softmax log_softmax silu gelu minimum maximum where outer flip roll tile tril triu einsum median "
        "stack cat concat pad one_hot",
        "PyTorch", "pb.sin(x); abs(x); pb.softmax(x)", "a function of pb's or of NumPy's where x has no such method",
    ),
    Row("topk unique argwhere", "PyTorch", "pb.topk(x, 2); pb.unique(x)"),
    Row("ptp", "NumPy", "pb.ptp(x)"),
    Row("base flags byteswap", "NumPy", "x.numpy()", "the array has it; no gradient passes"),
    Row("randn rand zeros ones full eye arange uniform", "tinygrad", "pb.zeros((2, 3)); pb.random.normal(size=(2, 3))"),
)  # fmt: skip

MODULE: Final = (
    Row("cuda cpu", "PyTorch", 'model.to("cpu")'),
    Row("half double float bfloat16", "PyTorch", "model.astype(np.float64)"),
    Row("register_parameter", "PyTorch", "model.scale = pb.nn.Parameter(1.0)"),
    Row("add_module register_module", "PyTorch", "model.part = pb.nn.Linear(3, 2)"),
    Row("fit compile", "Keras", "step = pb.compile(f)", "the loop is yours: forward, backward(), optimizer.step()"),
    Row("predict", "Keras", "with pb.no_grad(): model(x)"),
    Row("trainable_variables trainable_weights weights", "Keras", "model.parameters()"),
    Row("get_weights", "Keras", "model.state_dict()"),
    Row("set_weights", "Keras", "model.load_state_dict(model.state_dict())"),
    Row("save save_weights", "Keras", "pb.interop.safetensors.save(path, model.state_dict())"),
    Row("share_memory", "PyTorch", "", LATER),
)  # fmt: skip

KEYWORDS: Final = (
    Row("dim dims", "PyTorch", "x.sum(axis=0)"),
    Row("dim dims", "PyTorch", "pb.permute_dims(x, axes=(1, 0))"),
    Row("dim dims", "PyTorch", "pb.tensordot(x, y, axes=2)"),
    Row("keepdim keep_dims", "PyTorch, TensorFlow", "x.sum(keepdims=True)"),
    Row("dim0", "PyTorch", "x.swapaxes(axis1=0, axis2=1)"),
    Row("dim1 dim2", "PyTorch", "x.diagonal(axis2=1)"),
    Row("unbiased", "PyTorch", "x.var(correction=1)"),
    Row("p", "PyTorch", "w.norm(ord=2)"),
    Row("tensors", "PyTorch", "pb.concat(arrays=[x, y])"),
    Row("split_size_or_sections chunks num_or_size_splits", "PyTorch", "pb.split(x, sections=1)"),
    Row("repeats dims", "PyTorch", "pb.tile(x, repetitions=2)"),
    Row("index indexes", "PyTorch", "pb.take(x, indices=[0])"),
    Row("min_val minval", "PyTorch", "x.clip(min=0.0)"),
    Row("max_val maxval", "PyTorch", "x.clip(max=1.0)"),
    Row("input self tensor inputs", "PyTorch", "pb.softmax(x)", "the first operand is given by its place"),
    Row("other", "PyTorch", "pb.maximum(x, y)", "operands are given by their place"),
    Row("out", "NumPy", "y = pb.exp(x)", "results are new tensors; np.exp(x, out=y) writes"),
    Row("inplace", "PyTorch", "", "leave it out: results are new tensors"),
    Row("device", "PyTorch, JAX", "", CPU),
    Row("requires_grad", "PyTorch", "pb.zeros(3).requires_grad_()"),
    Row("dtype casting where", "NumPy", "x.astype(np.float32)", "NumPy's ufuncs take them: np.add(x, y, dtype=np.float32)"),
    Row("negative_slope alpha", "PyTorch, Keras", "pb.leaky_relu(x, slope=0.1)"),
    Row("num_classes depth", "PyTorch, TensorFlow", "pb.one_hot(labels, classes=3)"),
    Row("mean", "PyTorch", "pb.random.normal(loc=0.0)"),
    Row("std stddev", "PyTorch, TensorFlow", "pb.random.normal(scale=1.0)"),
    Row("shape", "JAX, TensorFlow", "pb.random.normal(size=(2, 3))"),
    Row("key seed generator random_state", "JAX, PyTorch", "pb.random.normal(rng=0)"),
    Row("learning_rate step_size eta", "Keras, JAX", "pb.optim.SGD([w], lr=0.1)"),
    Row("beta1 beta2 beta_1 beta_2 b1 b2", "Keras, JAX", "pb.optim.Adam([w], betas=(0.9, 0.999))"),
    Row("epsilon", "Keras", "pb.optim.Adam([w], eps=1e-8)"),
    Row("decay l2", "Keras", "pb.optim.AdamW([w], weight_decay=0.01)"),
    Row("parameters model", "PyTorch", "pb.optim.SGD(params=[w], lr=0.1)"),
    Row("maximize", "PyTorch", "(-loss).backward()"),
    Row("foreach fused", "PyTorch", "", "leave it out: pb.compile(step) makes one loop of an update"),
    Row("capturable differentiable", "PyTorch", "", LATER),
    Row("set_to_none", "PyTorch", "optimizer.zero_grad()", "gradients become None"),
    Row("input_dim in_dim n_in input_size", "Keras", "pb.nn.Linear(in_features=3, out_features=2)"),
    Row("units output_dim out_dim n_out output_size", "Keras", "pb.nn.Linear(3, out_features=2)"),
    Row("use_bias", "Keras", "pb.nn.Linear(3, 2, bias=False)"),
    Row("rate", "Keras", "pb.nn.Dropout(p=0.5)"),
    Row("start_dim end_dim", "PyTorch", "pb.nn.Flatten(start_axis=1)"),
    Row("size_average reduce", "PyTorch", 'pb.cross_entropy(logits, labels, reduction="sum")'),
    Row("target", "PyTorch", "pb.cross_entropy(logits, labels=labels)"),
    Row("from_logits", "Keras", "pb.binary_cross_entropy_with_logits(x, x)"),
    Row("pin_memory persistent_workers prefetch_factor", "PyTorch", "", "leave it out: workers stay for the next epoch, and each makes two batches ahead"),
    Row("gradient", "PyTorch", "loss.backward(grad=1.0)"),
    Row("inputs", "PyTorch", "pb.gradients(loss, wrt=[w])"),
    Row("argnum", "autograd", "pb.grad(f, argnums=0)"),
    Row("holomorphic allow_int reduce_axes", "JAX", "", LATER),
    Row("donate_argnums donate_argnames", "JAX", "", "leave it out: memory is reused where nobody looks"),
    Row("fullgraph dynamic backend mode options", "PyTorch", "pb.compile(f)", "there is nothing to choose"),
    Row("jit_compile autograph", "TensorFlow", "pb.compile(f)", "there is nothing to choose"),
)  # fmt: skip

TABLES: Final = {
    "pullback": PACKAGE, "pullback.nn": NN, "pullback.optim": OPTIM, "pullback.functions.random": RANDOM,
    "pullback.data": DATA, "Tensor": TENSOR, "Module": MODULE, "keyword": KEYWORDS,
}  # fmt: skip


def rows_for(owner: str, name: str) -> list[Row]:
    """The rows of a table that have a name; else, of a package that has it not, where in Pullback it stands.

    >>> [row.here for row in (*rows_for("pullback", "cat"), *rows_for("pullback.nn", "relu"))]
    ['pb.concat([x, y], axis=0)', 'pb.relu']
    """
    rows = [row for row in TABLES.get(owner, ()) if name in row.names.split()]
    if rows or owner.partition(".")[0] != "pullback":
        return rows
    others = [part for part in _OF_OURS if name in dir(sys.modules.get(f"pullback{part}"))]
    return [Row(name, owner, f"pb{part}.{name}") for part in others[:1]]


_OF_OURS: Final = ("", ".nn", ".nn.init", ".optim", ".data", ".random", ".linalg", ".stats", ".interop")
SCIPYS: Final = ("fft", "integrate", "interpolate", "linalg", "optimize", "special", "stats")  # that are here, too


def asking() -> tuple[str | None, str | None]:
    """The function of NumPy's or SciPy's that the user's line has called, and Pullback's own; None for what is not."""
    frame, user = sys._getframe(1), user_frame()
    while frame.f_back is not user and frame.f_back is not None:
        frame = frame.f_back
    library, *parts = frame.f_globals.get("__name__", "").split(".")
    if library not in ("numpy", "scipy"):
        return None, None
    package = "".join(part for part in parts[:1] if library == "scipy" and part[0] != "_")
    path = [part for part in frame.f_code.co_qualname.split(".") if part[:2] != "__"]
    owner = frame.f_locals.get("self")
    if owner is not None:  # a distribution has a name, and of others the class is what the user wrote
        named = getattr(owner, "name", None)
        path[0] = named if isinstance(named, str) else type(owner).__name__
    home = f"pullback.{package}" if package in SCIPYS else "pullback"
    known = hasattr(import_module(home), path[0])
    ours = ".".join((home.replace("pullback", "pb"), *path))
    return ".".join(filter(None, (library, package, *path))), ours if known else None
