"""Floor 2: Tensor, an array and, unless it is a constant, the node that made it.

How it is written to stands in `writing.py`, how it gets a gradient in `backward.py`, its operators and methods in
`methods.py`, how its numbers leave in `numbers.py`.
"""

from __future__ import annotations

import weakref
from typing import Any, Final, Never

import numpy as np

from pullback.batching.lanes import Lanes
from pullback.core.arrays import differentiable
from pullback.core.changes import changed
from pullback.core.errors import DTypeError, GraphError
from pullback.core.graph import Node, source
from pullback.core.habits import declare_foreign
from pullback.core.leaving import look
from pullback.core.links import Link, link_of
from pullback.core.modes import current_mode
from pullback.core.primitive import Primitive
from pullback.core.spec import layout_of
from pullback.core.views import html_of
from pullback.ops import elementwise
from pullback.tensors.backward import Backward
from pullback.tensors.methods import Methods
from pullback.tensors.numbers import Numbers
from pullback.tensors.protocols import array_function, array_ufunc
from pullback.tensors.writing import Writing

_new: Final = object.__new__


class Tensor(Methods, Writing, Backward, Numbers):
    """An array that operations can be recorded on.

    Made by `pb.tensor` and by operations. It behaves as a NumPy array: operators, indexing, methods and NumPy's
    functions do what they do there, and are differentiable.

    Attributes
    ----------
    array : ndarray
        The numbers. Read it through `numpy()`, which says so if that loses a gradient.
    node : Node or None
        What made it; of a parameter, the source that it is; None for a constant.
    """

    __slots__ = ("__weakref__", "_name", "array", "link", "node")
    __array_priority__ = 1000.0  # NumPy's operators give way to ours
    __pandas_priority__ = 5000  # and those of pandas, which would make an array of the result

    array: Any
    node: Node | None
    link: Link | None  # of a value without a derivative: what it was computed from; unset elsewhere

    def __init__(self, array: Any, *more: Never, **options: Never) -> None:
        if more or options or not hasattr(array, "dtype") or isinstance(array, Tensor):
            raise DTypeError(
                "Tensor: holds an array as it is", got=type(array).__name__,
                fix="pb.tensor([1.0, 2.0]) makes a tensor of numbers, pb.zeros((2, 3)) one of a shape",
            )  # fmt: skip
        self.array = array
        self.node = None
        if (trace := current_mode().trace) is not None:
            trace.made(self)

    @staticmethod
    def of(array: Any, node: Node | None = None) -> Tensor:
        """A tensor that holds `array` and was made by `node`; nothing is copied."""
        tensor = _new(Tensor)
        tensor.array = array
        tensor.node = node
        if (trace := current_mode().trace) is not None:
            trace.made(tensor)
        return tensor

    # What it is.

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.array.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return self.array.nbytes

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.array.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one element to the next along each axis."""
        return self.array.strides

    @property
    def device(self) -> str:
        """Where the elements are: "cpu" for NumPy's arrays, "cuda:0" for those of a card."""
        return str(getattr(self.array, "device", "cpu")).replace("<CUDA Device ", "cuda:").rstrip(">")

    @property
    def name(self) -> str | None:
        """A name to find it by, in gradients, pictures and errors."""
        return getattr(self.node, "name", None) or getattr(self, "_name", None)

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name
        if (link := link_of(self)) is not None:
            link.name = name
        if self.node is not None and name is not None:
            self.node.name = name

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made it."""
        return self.node is None or self.node.primitive is None

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded. Set it on a leaf to begin or end that."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        if flag == self.requires_grad:
            return
        changed()
        if not flag:
            if not self.is_leaf:
                raise GraphError("requires_grad: only a leaf can be switched off", fix="t.detach() gives a constant")
            self._name, self.node = self.name, None
            return
        if not differentiable(self.dtype):
            raise DTypeError(
                "requires_grad: only floating-point tensors have gradients", got=self.dtype,
                fix="give a dtype, e.g. pb.tensor(data, dtype=float, requires_grad=True)",
            )  # fmt: skip
        node = source(layout_of(self.array))
        node.owner = weakref.ref(self)
        if name := getattr(self, "_name", None):
            node.name = name
        self.node = node

    __array_ufunc__ = array_ufunc
    __array_function__ = array_function

    def __repr__(self) -> str:
        if type(self.array) is Lanes:
            return f"Tensor({self.array!r})"
        text = np.array2string(np.asarray(self.array), separator=", ", prefix="Tensor(")
        default = self.dtype in (np.dtype(float), np.dtype(bool), np.dtype(int))
        facts = [] if default and self.size else [f"dtype={self.dtype}"]
        if not self.size and self.ndim > 1:  # which brackets do not show
            facts.insert(0, f"shape={self.shape}")
        if self.requires_grad:
            facts.append("requires_grad=True" if self.is_leaf else f"grad_fn=<{self.node.primitive.name}>")  # type: ignore[union-attr]  # not a leaf
        return f"Tensor({', '.join([text, *facts])})"

    _repr_html_ = html_of  # in notebooks

    def __format__(self, spec: str) -> str:
        if self.ndim == 0:
            look("format")
            return format(self.array.item(), spec)
        if spec:
            raise DTypeError(
                f"format: {spec!r} is for one number", shape=self.shape,
                fix="t.item(place), or np.array2string(t.numpy(), precision=3)",
            )  # fmt: skip
        return str(self)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self)} - FOREIGN)

    def __hash__(self) -> int:
        return id(self)

    def detach(self) -> Tensor:
        """The same numbers as a constant: no gradient flows back through it."""
        return elementwise.stop_gradient(self)

    # Copying.

    def _is_tied(self) -> bool:
        """Whether a copy as a leaf would lose a derivative: of a result, and of what a transform differentiates in."""
        return not self.is_leaf or (type(self) is Tensor and self.requires_grad and current_mode().exits is not None)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._is_tied():
            raise GraphError("pickle: a recorded tensor is tied to its graph", fix="t.detach() is a constant")
        return _restore, (type(self), np.asarray(self.array), self.requires_grad, self.name, self.grad)

    def __copy__(self) -> Tensor:
        if self._is_tied():
            return self.copy()  # the derivative passes
        return _restore(type(self), self.array, self.requires_grad, self.name, None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._is_tied():
            fix = "t.detach() is a constant; t.copy() lets the derivative pass"
            raise GraphError("deepcopy: a recorded tensor is tied to its graph", fix=fix)
        grad = None if self.grad is None else Tensor(np.array(self.grad.array))
        copied = _restore(type(self), np.array(self.array), self.requires_grad, self.name, grad)
        memo[id(self)] = copied
        return copied


def _restore(cls: type[Tensor], array: Any, requires_grad: bool, name: str | None, grad: Tensor | None) -> Tensor:
    tensor = object.__new__(cls)
    Tensor.__init__(tensor, array)
    tensor.name = name
    tensor.requires_grad = requires_grad
    tensor.grad = grad
    return tensor


# What tensors have elsewhere: rows of `elsewhere.py`, which says what to write here.
FOREIGN: Final = declare_foreign(
    Tensor,
    """
    view reshape_as view_as resize resize_ permute movedim t adjoint H unsqueeze expand expand_as cuda cpu to
    device_put float double half long int bool type type_as bfloat16 data numel nelement dim ndimension rank
    get_shape is_cuda is_floating_point element_size contiguous is_contiguous stride storage
    data_ptr pin_memory share_memory_ clone detach_ new_tensor new_zeros new_ones new_full masked_fill
    masked_fill_ masked_select gather index_select scatter scatter_ scatter_add scatter_add_ index_add_
    index_fill_ index_copy_ narrow select unbind chunk split clamp clamp_ clamp_min clamp_max clip_ add add_
    assign_add sub sub_ subtract assign_sub mul mul_ multiply div div_ divide true_divide pow pow_ neg negative
    eq ne lt le gt ge equal matmul mm bmm mv zero_ fill_ copy_ set_data zero_grad null_grad null_gradients
    cleargrad normal_ uniform_ random_ bernoulli_ grad_fn creator constant retain_grad register_hook at
    block_until_ready realize eval value read_value abs sin cos tan square sign floor ceil log1p log2 log10
    expm1 erf isnan isinf isfinite reciprocal rsqrt softplus softmax log_softmax silu gelu minimum maximum where
    outer flip roll tile tril triu einsum median stack cat concat pad one_hot topk
    unique argwhere ptp base flags byteswap randn rand zeros ones full eye arange uniform
    """,
)

# Floor 0 makes tensors from here on: the one knot between the floors, tied in the open.
Primitive.tensor = Tensor
