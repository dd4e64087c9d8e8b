"""From LLVM IR to functions in memory, through llvmlite's LLJIT, with the features of this machine's CPU.

What Pullback emits is vectors, unrolled and in order already. So of LLVM's passes there are few: they put functions in
place of their calls, turn loops so that they test at their end, and tidy up. All that `-O3` does took five times as
long, for code that was at most a few hundredths faster.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import os
import sys
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import numpy as np

from pullback.compiler.machine.cache import ObjectCache
from pullback.compiler.machine.merging import merged
from pullback.compiler.machine.sparing import spared
from pullback.core.version import __version__

if TYPE_CHECKING:
    from pullback.compiler.instructions.llvm import Module

SOURCES: Final[tuple[str, ...]] = (*sys.modules["pullback"].__path__,)
_numbers: Final = itertools.count()  # names of libraries must differ, of unloaded ones too


class Target(NamedTuple):
    """Llvmlite's binding, a target machine for this CPU, the compiler, and what code depends on besides its IR."""

    llvm: Any
    machine: Any
    compiler: Any
    versions: str

    def optimised(self, module: Module | str, exported: Collection[str]) -> Any:
        """A module, parsed and tidied up."""
        parsed = self.llvm.parse_assembly(spared(merged(str(module), exported)))
        parsed.verify()
        passes = self.llvm.create_new_module_pass_manager()
        passes.add_always_inliner_pass()
        passes.add_sroa_pass()
        passes.add_loop_rotate_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.run(parsed, self.llvm.create_pass_builder(self.machine, self.llvm.create_pipeline_tuning_options()))
        return parsed

    def link(self, code: bytes, exported: Sequence[str], symbols: dict[str, int], name: str) -> Any:
        """Object code in memory, which llvmlite unloads when the result is dropped."""
        made = self.llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        for symbol, address in symbols.items():
            made = made.import_symbol(symbol, address)
        for symbol in exported:
            made = made.export_symbol(symbol)
        return made.link(self.compiler, f"{name}.{next(_numbers)}")


@cache
def _target() -> Target:
    import llvmlite  # an extra: only what compiles needs it
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    machine = target.create_target_machine(cpu=cpu, features=features, opt=3)
    own = (__version__, np.__version__, sys.version, _source())
    versions = (*own, llvmlite.__version__, llvm.llvm_version_info, target.triple, cpu, features)
    return Target(llvm, machine, llvm.create_lljit_compiler(machine), "\n".join(map(str, versions)))


def entry_of(*key: str) -> str:
    """The name of an entry of the cache: of all that its code follows from, with the versions, and this processor."""
    return hashlib.sha256("\0".join((*key, _target().versions)).encode()).hexdigest()


def _source() -> list[tuple[str, int, int]]:
    """The sizes and times of Pullback's own files: who works on it must not get what it compiled before."""
    found, folders = list[tuple[str, int, int]](), [*SOURCES]
    while folders:
        with os.scandir(folders.pop()) as entries:  # `pathlib` takes three times as long
            for entry in entries:
                if entry.name.endswith(".py"):
                    known = entry.stat()
                    found.append((entry.path, known.st_size, known.st_mtime_ns))
                elif entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return sorted(found)


@final
class Library:
    r"""Compiled functions; they live as long as this does.

    Parameters
    ----------
    module : Module or str, or a function that gives one
        What to compile.
    exported : sequence of str
        The functions that are asked for.
    symbols : dict, optional
        Addresses of functions that the module declares and that are not part of the process's own symbols.
    name : str
        What LLVM calls the library when something is wrong with it.
    key : str, optional
        All that the module follows from. With a key, object code is looked for in the user's cache, and kept there;
        where it is found, a `module` that is a function is not called. Versions of Pullback and of LLVM, and the CPU,
        need not be part of it.

    Attributes
    ----------
    cache : ObjectCache or None
        Where object code is kept, or why it is not; None without a key.
    entry : str
        What it is called there.
    found : bool
        Whether the object code came from there.

    Raises
    ------
    RuntimeError
        From LLVM, if the module is not valid, or a function is missing.

    Examples
    --------
    >>> library = Library("define i64 @next(i64 %x) {\n %y = add i64 %x, 1\n ret i64 %y\n}", ["next"])
    >>> library.function("next", ctypes.c_int64, result=ctypes.c_int64)(41)
    42
    """

    def __init__(
        self, module: Module | str | Callable[[], Module | str], exported: Sequence[str],
        symbols: dict[str, int] | None = None, name: str = "pullback", key: str | None = None,
    ) -> None:  # fmt: skip
        self._module, self._exported = module, exported
        self._target = _target()  # which unloads its libraries when it is dropped
        self.cache = None if key is None else ObjectCache.of_user()
        self.entry = "" if key is None else entry_of(key, *exported)
        self.found = self._find(exported, symbols or {}, name)
        if not self.found:
            code = self._target.machine.emit_object(self._optimised())
            self._linked = self._target.link(code, exported, symbols or {}, name)
            if self.cache:
                self.cache.store(self.entry, code)

    @classmethod
    def kept(
        cls, entry: str, module: Callable[[], Module | str], exported: Sequence[str], symbols: dict[str, int], name: str
    ) -> Library | None:
        """The library whose code was kept as an entry; None if it is not there any more."""
        made = object.__new__(cls)
        made._module, made._exported = module, exported
        made._target, made.cache, made.entry = _target(), ObjectCache.of_user(), entry
        made.found = made._find(exported, symbols, name)
        return made if made.found else None

    def _find(self, exported: Sequence[str], symbols: dict[str, int], name: str) -> bool:
        """Link the code that is kept, if there is any."""
        code = self.cache.load(self.entry) if self.cache else None
        if code is None:
            return False
        try:
            self._linked = self._target.link(code, exported, symbols, name)
        except RuntimeError:
            return False  # of another LLVM after all, it seems
        return True

    def _optimised(self) -> Any:
        return self._target.optimised(self._module() if callable(self._module) else self._module, self._exported)

    def address(self, name: str) -> int:
        """Where a function is."""
        return int(self._linked[name])

    def function(self, name: str, *arguments: Any, result: Any = None) -> Any:
        """A function that Python can call, with ctypes' argument types."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.address(name))

    def ir(self) -> str:
        """The optimised IR, made anew."""
        return str(self._optimised())

    def asm(self) -> str:
        """The instructions of this CPU, made anew."""
        return str(self._target.machine.emit_assembly(self._optimised()))
