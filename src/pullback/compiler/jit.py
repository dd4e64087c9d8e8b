"""From LLVM IR to functions in memory, through llvmlite's LLJIT, with the features of this machine's CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any, final

from pullback.compiler.llvm import Module


@cache
def _target() -> tuple[Any, Any, Any]:
    """Llvmlite's binding, a target machine for this CPU, and the compiler."""
    import llvmlite.binding as llvm  # an extra: only what compiles needs it

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    return llvm, machine, llvm.create_lljit_compiler(machine)


@final
class Library:
    """Compiled functions; they live as long as this does.

    Parameters
    ----------
    module : Module or str
        What to compile.
    exported : sequence of str
        The functions that are asked for.
    symbols : dict, optional
        Addresses of functions that the module declares and that are not part of the process's own symbols.
    """

    def __init__(
        self, module: Module | str, exported: Sequence[str], symbols: dict[str, int] | None = None,
        name: str = "pullback",
    ) -> None:  # fmt: skip
        llvm, machine, compiler = _target()
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        tuning = llvm.create_pipeline_tuning_options(speed_level=3)
        tuning.loop_vectorization = True
        builder = llvm.create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(parsed, builder)
        self.ir = str(parsed)
        self._object = machine.emit_object(parsed)
        self._library = self._link(llvm, compiler, name, self._object, exported, symbols or {})

    @staticmethod
    def _link(
        llvm: Any, compiler: Any, name: str, code: bytes, exported: Sequence[str], symbols: dict[str, int]
    ) -> Any:  # fmt: skip
        made = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        for symbol, address in symbols.items():
            made = made.import_symbol(symbol, address)
        for symbol in exported:
            made = made.export_symbol(symbol)
        Library._count += 1
        return made.link(compiler, f"{name}.{Library._count}")

    _count = 0

    def address(self, name: str) -> int:
        """Where a function is."""
        return int(self._library[name])

    def function(self, name: str, *arguments: Any, result: Any = None) -> Any:
        """A function that Python can call, with ctypes' argument types."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.address(name))
