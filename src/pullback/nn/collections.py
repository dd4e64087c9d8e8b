"""Modules in a list or by name, for models that call them in their own way."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, final, overload

from pullback.core.changes import changed
from pullback.core.errors import OptionError
from pullback.nn.module import Module


class InOrder(Module, ABC):
    """Modules one after the other, known by their numbers."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._modules: list[Module] = []
        self.extend(modules)

    def append(self, module: Module) -> Self:
        """Put a module at the end."""
        self._adopt(str(len(self._modules)), self._checked(module))
        self._modules.append(module)
        changed()
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Put modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before another."""
        self._modules.insert(index, self._checked(module))
        return self._renamed()

    def _checked(self, module: Any) -> Module:
        return _module(type(self).__name__, module)

    def _renamed(self) -> Self:
        for i, module in enumerate(self._modules):
            self._adopt(str(i), module)
        changed()
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module:
        if not isinstance(index, slice):
            return self._modules[index]
        part = type(self)()
        part._modules += self._modules[index]  # not adopted: they keep the names of where they stand
        return part

    def __setitem__(self, index: int, module: Module) -> None:
        self._modules[index] = self._checked(module)
        self._renamed()

    def __delitem__(self, index: int) -> None:
        del self._modules[index]
        self._renamed()

    def _attributes(self) -> Iterable[tuple[str, Any]]:
        yield from ((name, value) for name, value in vars(self).items() if name != "_modules")
        yield from ((str(i), module) for i, module in enumerate(self._modules))


@final
class ModuleList(InOrder):
    """Modules in a list.

    A plain list as an attribute does as well; this one also checks what it is given. Indexing gives a module, slicing
    a shorter list of the same modules.

    Raises OptionError if something is not a module.

    >>> from pullback.nn import Linear
    >>> layers = ModuleList([Linear(2, 3), Linear(3, 4)])
    >>> len(layers), layers[-1], [name for name, _ in layers.named_parameters()]
    (2, Linear(3, 4), ['0.weight', '0.bias', '1.weight', '1.bias'])
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raise OptionError: a list of modules is no function."""
        raise OptionError("ModuleList: it cannot be called", fix="call the modules in it, or use Sequential")


@final
class ModuleDict(Module):
    """Modules by name.

    Raises OptionError if something is not a module.

    >>> from pullback.nn import Linear
    >>> heads = ModuleDict({"age": Linear(2, 1), "name": Linear(2, 5)})
    >>> list(heads), heads["age"], "size" in heads
    (['age', 'name'], Linear(2, 1), False)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self._modules: dict[str, Module] = {}
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module]) -> Self:
        """Take in modules by their names."""
        for name, module in modules.items():
            self[name] = module
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raise OptionError: modules by name are no function."""
        raise OptionError("ModuleDict: it cannot be called", fix="call the modules in it")

    def keys(self) -> Iterator[str]:
        """The names."""
        return iter(self._modules)

    def values(self) -> Iterator[Module]:
        """The modules."""
        return iter(self._modules.values())

    def items(self) -> Iterator[tuple[str, Module]]:
        """Names and modules."""
        return iter(self._modules.items())

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise OptionError("ModuleDict: not a name", got=repr(name), fix="a string without dots")
        self._modules[name] = _module("ModuleDict", module)
        self._adopt(name, module)
        changed()

    def __delitem__(self, name: str) -> None:
        del self._modules[name]
        changed()

    def _attributes(self) -> Iterable[tuple[str, Any]]:
        yield from ((name, value) for name, value in vars(self).items() if name != "_modules")
        yield from self._modules.items()


def _module(owner: str, given: Any) -> Module:
    if not isinstance(given, Module):
        raise OptionError(f"{owner}: not a module", got=repr(given), fix="a module, as Linear(2, 3)")
    return given
