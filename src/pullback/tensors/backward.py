"""The gradients of tensors: what `backward` accumulates in the leaves, and how it is read and forgotten."""

from __future__ import annotations

import os
from collections.abc import Iterable
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy import floating, ndarray

from pullback.core.arrays import in_dtype
from pullback.core.axes import dtype_of
from pullback.core.errors import DTypeError, GraphError, ShapeError
from pullback.core.graph import Node
from pullback.core.habits import explain_keywords
from pullback.core.leaving import is_differentiated
from pullback.core.lints import check_leaf
from pullback.core.modes import ModeContext, Trace, current_mode
from pullback.core.primitive import Primitive
from pullback.core.walks import pull

if TYPE_CHECKING:
    from pullback.tensors import Tensor


# Held while gradients are added: a sum is read and then put back, and another thread may come between.
ADDING: Final = [RLock()]


def _renew() -> None:
    """Let a child process not wait for a thread that only its parent has."""
    ADDING[0] = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


class Backward:
    """What fills `.grad`. Abstract: `Tensor` is its subclass."""

    __slots__ = ()

    if TYPE_CHECKING:  # what Tensor adds
        array: Any
        node: Node | None

        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def dtype(self) -> np.dtype[Any]: ...

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has accumulated, or None."""
        node, trace = self.node, current_mode().trace
        if node is not None and trace is None:
            if node.primitive is None:
                return node.grad  # as nearly always
            check_leaf(node)
        return _read(node, trace)

    @grad.setter
    def grad(self, gradient: Any) -> None:
        node, tensor = self.node, Primitive.tensor
        if gradient is not None:
            if node is None or node.primitive is not None:
                raise GraphError("grad: only a leaf that requires a gradient holds one", fix="t.requires_grad = True")
            if not isinstance(gradient, tensor):
                gradient = tensor(np.array(gradient, self.dtype))
            if gradient.shape != self.shape:
                raise ShapeError("grad: a gradient has the shape of its tensor", tensor=self.shape, got=gradient.shape)
            if gradient.dtype != self.dtype:
                gradient = gradient.astype(self.dtype)
        _replace(node, gradient, current_mode().trace)

    def backward(self, grad: Any = None, *, create_graph: bool = False, retain_graph: bool | None = None) -> None:
        """Add to `.grad` of each leaf that this was computed from the gradient of this, or its product with `grad`.

        Parameters
        ----------
        grad : array-like, optional
            The cotangent, of this tensor's shape; needed unless this holds one number.
        create_graph : bool
            Record the gradients, so that they can be differentiated; always so inside a transform, such as `grad`,
            that differentiates in what this was computed from.
        retain_graph : bool, optional
            Keep what the graph saved, so that it can be walked again; as `create_graph` if None.

        Raises
        ------
        GraphError
            If nothing was recorded, the graph is freed, or `grad` is needed.
        ShapeError
            If `grad` has another shape.

        >>> import pullback as pb
        >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
        >>> (w * w).sum().backward()
        >>> w.grad
        Tensor([2., 4.])
        """
        node = self.node
        if node is None:
            raise GraphError(
                "backward: this tensor was not recorded", shape=self.shape, dtype=self.dtype,
                fix="make a tensor with requires_grad=True and compute from it, outside no_grad",
            )  # fmt: skip
        tensor, trace = Primitive.tensor, (mode := current_mode()).trace
        create_graph = create_graph or (mode.exits is not None and is_differentiated(node))
        boxed = create_graph or trace is not None
        retain = create_graph if retain_graph is None else retain_graph
        found = pull([(node, self.seed(grad, boxed))], record=create_graph, retain=retain)
        with ADDING[0]:
            for leaf, gradient in found.items():
                if trace is not None:
                    trace.touch_grad(leaf)
                if leaf.grad is None:
                    leaf.grad = gradient if isinstance(gradient, tensor) else tensor.of(gradient)
                elif boxed:
                    with ModeContext(recording=create_graph):
                        leaf.grad = leaf.grad + gradient
                else:
                    leaf.grad = tensor.of(leaf.grad.array + gradient)

    def seed(self, grad: Any, boxed: bool) -> Any:
        """The cotangent that a walk back from here begins with: `grad`, or 1 for a single number."""
        tensor = Primitive.tensor
        array = self.array
        if grad is None and isinstance(array, floating):
            seed: Any = type(array)(1)
        elif grad is None:
            if array.size != 1:
                raise GraphError(
                    "backward: only a single number has a gradient", shape=self.shape,
                    fix="reduce it, e.g. loss.sum() or loss.mean(), or pass grad=",
                )  # fmt: skip
            if array.dtype.kind == "c":
                raise GraphError(
                    "backward: only a real number has a gradient", dtype=self.dtype,
                    fix="its real part or absolute value, or pass grad=",
                )  # fmt: skip
            seed = array.dtype.type(1) if array.ndim == 0 and isinstance(array, ndarray) else np.full_like(array, 1)
        else:
            if self.dtype.kind != "c" and dtype_of(grad).kind == "c":
                raise DTypeError("backward: grad of a real tensor is real", tensor=self.dtype, grad=dtype_of(grad))
            seed = grad if isinstance(grad, tensor) and boxed else in_dtype(getattr(grad, "array", grad), self.dtype)
            if seed.shape != self.shape:
                raise ShapeError("backward: grad must have the tensor's shape", tensor=self.shape, grad=seed.shape)
        return seed if isinstance(seed, tensor) or not boxed else tensor.of(seed)


def gradients_of(tensors: Iterable[Tensor]) -> list[Tensor | None]:
    """The `.grad` of each tensor, at once."""
    trace = current_mode().trace
    return [_read(tensor.node, trace) for tensor in tensors]


def forget_gradients(tensors: Iterable[Tensor]) -> None:
    """Let the tensors have no gradient."""
    trace = current_mode().trace
    for tensor in tensors:
        _replace(tensor.node, None, trace)


def _read(node: Node | None, trace: Trace | None) -> Any:
    if node is None or node.primitive is not None:
        return None
    if trace is not None:
        trace.touch_grad(node)
    return node.grad


def _replace(node: Node | None, gradient: Any, trace: Trace | None) -> None:
    if node is not None and node.primitive is None:
        if trace is not None:
            trace.replace_grad(node)
        node.grad = gradient


explain_keywords(globals(), without=("forget_gradients", "gradients_of"))
