"""Modules: parameters, buffers and other modules under one roof, and the function that they parameterise.

A module's attributes *are* its registry: what is a `Parameter` is learned, what is a `Module` is a part, in
lists, tuples and dicts too. Nothing is kept twice, and a constructor need not call another first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

import numpy as np

from pullback.core.changes import Noticed
from pullback.core.errors import DTypeError, OptionError, ShapeError, TraceError
from pullback.core.habits import declare_foreign
from pullback.core.lints import check_parameter
from pullback.core.modes import ModeContext, current_mode
from pullback.core.observers import Scope
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.nn.hooks import Hooked
from pullback.nn.naming import distinct, flat, join, once, refuse_unlearned
from pullback.nn.outline import Summary, label, outline, summarize, view
from pullback.nn.parameter import Parameter
from pullback.nn.placing import Placed
from pullback.nn.state import Unmatched, load
from pullback.tensors import Tensor
from pullback.tensors.backward import forget_gradients

T = TypeVar("T")


class Module(Noticed, Hooked, Placed, ABC):
    """A function with parameters: subclass it, make the parameters in `__init__`, and write `forward`.

    Attributes
    ----------
    training : bool
        Whether layers behave as in training (Dropout drops). Set it with `train()` and `eval()`.

    Notes
    -----
    Parameters are named after where they stand, "layers.0.weight"; the names show in graphs, gradients and
    errors. A parameter that stands in two places is one parameter: it is counted, learned and named once,
    after the first.

    >>> from pullback.nn import Linear
    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.line = Linear(1, 1, rng=0)
    ...     def forward(self, x):
    ...         return self.line(x)
    >>> model = Line()
    >>> [name for name, parameter in model.named_parameters()]
    ['line.weight', 'line.bias']
    >>> model(np.ones((5, 1), np.float32)).shape
    (5, 1)
    """

    training: bool = True
    _path: str = ""  # from the root to here
    _buffers: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output from the input; called by `module(...)`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if (mode := current_mode()).apply is None:
                if self._hooks is not None:
                    return self._hooked(args, kwargs)
                return self.forward(*args, **kwargs) if kwargs else self.forward(*args)  # the shorter call
            if mode.trace is not None:
                mode.trace.watch(self)
            with ModeContext(scope=Scope(f"{self._path}: {type(self).__name__}".lstrip(": "), mode.scope)):
                return self.forward(*args, **kwargs) if self._hooks is None else self._hooked(args, kwargs)
        except (ShapeError, DTypeError) as error:
            error.note_first("layer", f"{self._path}: {label(self)}".lstrip(": "))
            raise

    def parameters(self) -> list[Parameter]:
        """The parameters of this module and of its parts, each once, frozen ones too."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """The parameters with their names, a module's own before those of its parts."""
        return once(self._every(Module._learned))

    def buffers(self) -> list[Tensor]:
        """The tensors that belong to the state and are not learned, each once."""
        return [buffer for _, buffer in self.named_buffers()]

    def named_buffers(self) -> list[tuple[str, Tensor]]:
        """The buffers with their names."""
        return once(self._every(Module._kept))

    def modules(self) -> list[Module]:
        """All modules of the tree, itself first, each once."""
        return [module for _, module in self.named_modules()]

    def named_modules(self) -> list[tuple[str, Module]]:
        """All modules of the tree with their names, itself first and named "", each once."""
        return once(self._places())

    def children(self) -> list[Module]:
        """The modules that this one is directly made of, each once."""
        return [module for _, module in self.named_children()]

    def named_children(self) -> list[tuple[str, Module]]:
        """The modules that this one is directly made of, with their names."""
        return once(self._parts())

    def named_generators(self) -> list[tuple[str, np.random.Generator]]:
        """The generators that layers draw from: with the state, all that an exact continuation needs."""
        return once(self._every(Module._drawn_from))

    def register_buffer(self, name: str, value: Any) -> None:
        """Keep a tensor that belongs to the state and is not learned, as attribute `name`.

        Change it in place (`self.mean.assign(...)`), so that a compiled step changes it too.

        Raises OptionError if the name is taken, or is no name of an attribute.
        """
        if not name.isidentifier() or (hasattr(self, name) and name not in self._buffers):
            raise OptionError(
                f"{type(self).__name__}.register_buffer: the name cannot be used", name=repr(name),
                fix="the name of an attribute that is not there yet",
            )  # fmt: skip
        self._buffers = tuple(dict.fromkeys((*self._buffers, name)))
        setattr(self, name, value)

    # Its state.

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of the arrays of parameters and buffers by name; a shared one under each of its names."""
        return {name: np.array(tensor.numpy()) for name, tensor in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Unmatched:
        """Set parameters and buffers to arrays by name, in place; each keeps its dtype.

        Parameters
        ----------
        state : mapping of names to arrays
            As `state_dict` gives it. A shared parameter needs one of its names only.
        strict : bool
            Refuse missing and unexpected names; with False they are left alone, and reported.

        Returns
        -------
        Unmatched
            The names that were `missing` and those that were `unexpected`.

        Raises
        ------
        CheckpointError
            If names or shapes do not fit; nothing is changed then.

        >>> from pullback.nn import Linear
        >>> model, other = Linear(2, 3, rng=0), Linear(2, 3, rng=1)
        >>> other.load_state_dict(model.state_dict())
        Unmatched(missing=[], unexpected=[])
        >>> bool((model.weight == other.weight).all())
        True
        """
        return load(type(self).__name__, self._state(), state, strict)

    # What one does with it.

    def train(self, mode: bool = True) -> Self:
        """Put this module and all its parts in training mode."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Put this module and all its parts in evaluation mode."""
        return self.train(mode=False)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        forget_gradients(self.parameters())

    def requires_grad_(self, flag: bool = True) -> Self:
        """Freeze all parameters (False), or let them learn again."""
        for parameter in self.parameters():
            parameter.requires_grad = flag
        return self

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call a function with each part, and last with this module.

        >>> from pullback.nn import MLP
        >>> model = MLP(4, 8, 2).apply(lambda module: print(type(module).__name__))
        Linear
        ReLU
        Linear
        Sequential
        MLP
        """
        for module in reversed(self.modules()):
            function(module)
        return self

    def summary(self, input_shape: Sequence[int], dtype: Any = None) -> Summary:
        """Tabulate the shapes that the parts give for an input of zeros, and how many parameters each holds.

        Parameters
        ----------
        input_shape : sequence of int
            With the axis of the batch.
        dtype : dtype, optional
            Of the input; else that of the parameters.

        >>> from pullback.nn import MLP
        >>> MLP(784, 64, 10).summary((32, 784))
        module                      output    parameters
        MLP                         (32, 10)
        └── layers: Sequential      (32, 10)
            ├── 0: Linear(784, 64)  (32, 64)      50,240
            ├── 1: ReLU()           (32, 64)
            └── 2: Linear(64, 10)   (32, 10)         650
        total                                     50,890
        """
        return summarize(self, input_shape, dtype)

    def extra_repr(self) -> str:
        """What stands between the parentheses in the printed tree."""
        return ""

    def __repr__(self) -> str:
        return "\n".join(line for line, _ in outline(self))

    _repr_html_ = view  # in notebooks

    # How attributes become members.

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if name in self._buffers:
            value = self._buffer(name, held, value)
        elif held is not None and held is not value:
            refuse_unlearned(type(self).__name__, name, held, value, _learns)
        self._adopt(name, value)
        super().__setattr__(name, value)

    def _buffer(self, name: str, held: Any, value: Any) -> Tensor:
        value = asarray(value)
        if held is not None and held is not value and current_mode().trace is not None:
            raise TraceError(
                f"{type(self).__name__}.{name}: a buffer would become another tensor, and a program changes the one "
                "that is there", line=user_line(), fix=f"self.{name}.assign(...)",
            )  # fmt: skip
        if value.name is None:
            value.name = join(self._path, name)
        return value

    def _attributes(self) -> Iterable[tuple[str, Any]]:
        return vars(self).items()

    def _members(self) -> Iterator[tuple[str, Any]]:
        """The attributes with their names, lists, tuples and dicts taken apart."""
        for name, value in self._attributes():
            yield from flat(name, value)

    def _parts(self) -> Iterator[tuple[str, Module]]:
        return ((name, value) for name, value in self._members() if isinstance(value, Module))

    def _learned(self) -> Iterator[tuple[str, Parameter]]:
        return ((name, value) for name, value in self._members() if isinstance(value, Parameter))

    def _kept(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, vars(self)[name]) for name in self._buffers if name in vars(self))

    def _drawn_from(self) -> Iterator[tuple[str, np.random.Generator]]:
        return ((name, value) for name, value in self._members() if isinstance(value, np.random.Generator))

    def _places(self, path: str = "", above: tuple[Module, ...] = ()) -> Iterator[tuple[str, Module]]:
        """Every place of the tree and the module that stands there; a shared module stands in several."""
        yield path, self
        for name, part in self._parts():
            if part is not self and part not in above:  # a part may know its parent
                yield from part._places(join(path, name), (*above, self))

    def _every(self, *kinds: Callable[[Module], Iterable[tuple[str, T]]]) -> Iterable[tuple[str, T]]:
        """What the modules of the tree hold of some kinds, by the names of their places."""
        pairs = ((join(p, n), x) for p, module in self._places() for kind in kinds for n, x in kind(module))
        return distinct(type(self).__name__, pairs).items()

    def _state(self) -> dict[str, Tensor]:
        return dict(self._every(Module._learned, Module._kept))

    def _adopt(self, name: str, value: Any) -> None:
        """Name the parameters of what becomes an attribute; what stands elsewhere too keeps its name."""
        members = list(flat(name, value))
        distinct(type(self).__name__, _tensors(members))
        for key, member in members:
            if isinstance(member, Parameter) and member.name is None:
                member.name = join(self._path, key)
            elif type(member) is Tensor and member.requires_grad and member.is_leaf and current_mode().exits is None:
                check_parameter(f"{type(self).__name__}.{key}")
            elif isinstance(member, Module) and not (member._path and member in self.modules()):
                member._move(join(self._path, key))

    def _move(self, path: str) -> None:
        """Rename, to where the module now stands, the tensors that bear the names that modules gave them."""
        for inner, module in self.named_modules():
            old, new = module._path, join(path, inner)
            for members in (module._learned(), module._kept()):
                for name, tensor in members:
                    if tensor.name in (None, join(old, name)):
                        tensor.name = join(new, name)
            vars(module)["_path"] = new


def _learns(member: Any) -> bool:
    return isinstance(member, Parameter) or (isinstance(member, Module) and bool(member.parameters()))


# What modules have elsewhere: rows of `elsewhere.py`, which says what to write here.
declare_foreign(Module, """cuda cpu half double float bfloat16 register_parameter add_module register_module
    fit compile predict trainable_variables trainable_weights weights get_weights set_weights save save_weights
    share_memory""")  # fmt: skip


def _tensors(members: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Tensor]]:
    """What is saved of some members, by name."""
    for name, member in members:
        if isinstance(member, Module):
            yield from ((join(name, inner), tensor) for inner, tensor in member._state().items())
        elif isinstance(member, Parameter):
            yield name, member
