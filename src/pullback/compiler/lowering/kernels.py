"""What lowering gives: kernels, a lowered program, and the plan of when and where its kernels run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

from pullback.compiler.fusion.fused import Fused
from pullback.compiler.lowering.layout import Layout, Strides
from pullback.compiler.lowering.matrices import Matrices
from pullback.compiler.lowering.nest import Nest
from pullback.compiler.lowering.products import Product
from pullback.compiler.lowering.steps import Access
from pullback.programs.program import Constant, Equation, Operand, Value

WORTH: Final = 30_000  # instructions of a region, about, that are worth waking other threads


@final
@dataclass(frozen=True, slots=True)
class NumPyCall:
    """An equation that NumPy computes, with the reason."""

    equation: Equation
    reason: str


@final
@dataclass(frozen=True, slots=True)
class Feed:
    """Where a value of a loop's body lies: at `places[0]`, moved on by `step` elements at each step.

    With several places, one for each step, it lies at each in turn.
    """

    places: tuple[Access, ...]
    step: int = 0


@final
@dataclass(frozen=True, slots=True)
class Carry:
    """Where what is carried lies at first; which output of the body it is, by number; and where that is written.

    It has two buffers in turn, the second of which has it in the end; or none, where it is an output that is stacked.
    """

    first: Access
    output: int
    buffers: tuple[Access, Access] | None = None


@final
@dataclass(frozen=True, slots=True)
class Repeat:
    """A loop, with the plan of its body.

    Attributes
    ----------
    length : int
        How many steps.
    plan : Plan
        Of the body; its temporaries lie in `workspace`.
    inputs : tuple of Value
        Of the body.
    carries : list of Carry
        For the first of these.
    reads : list of Feed
        For the others.
    outputs : dict
        For the outputs of the body by their number, but for those in buffers of carries.
    constants : list of Access
        Arrays that the body holds.
    workspace : Access
        Memory for the body.
    """

    length: int
    plan: Plan
    inputs: tuple[Value, ...]
    carries: list[Carry]
    reads: list[Feed]
    outputs: dict[int, Feed]
    constants: list[Access]
    workspace: Access

    @property
    def stores(self) -> dict[Value, Access]:
        """What is written, by value."""
        places = [feed.places[0] for feed in self.outputs.values()] + [self.workspace]
        places += [place for carry in self.carries for place in carry.buffers or ()]
        return {place.base: place for place in places if isinstance(place.base, Value)}

    def accesses(self) -> list[Access]:
        """All that is read and written."""
        read = [place for feed in self.reads for place in feed.places]
        return [*read, *(carry.first for carry in self.carries), *self.constants, *self.stores.values()]

    @property
    def pieces(self) -> int:
        """One: the regions of the body are shared among threads, each step."""
        return 1

    @property
    def cost(self) -> int:
        """About how many instructions it is."""
        return self.length * sum(kernel.cost for kernel in self.plan.kernels if not isinstance(kernel, NumPyCall))

    @property
    def scratch_bytes(self) -> int:
        """What a thread needs for the body."""
        return self.plan.scratch


Native: TypeAlias = Nest | Product | Matrices | Repeat
Kernel: TypeAlias = Native | NumPyCall


@final
@dataclass(frozen=True, slots=True)
class Lowered:
    """The kernels of a program in order, and the strides of all that is in memory, in elements."""

    kernels: list[Kernel]
    layouts: dict[Operand, Strides]
    fused: Fused

    def layout(self, value: Operand) -> Layout:
        """How a value that is stored, or a view of one, lies in memory."""
        if isinstance(value, Constant):
            return Layout.of(value.value)
        view = self.fused.view(value)
        _, strides = view.strides(self.layouts[view.base])
        return Layout(value.dtype, value.shape, tuple(s * value.dtype.itemsize for s in strides))


@final
@dataclass(slots=True)
class Region:
    """Kernels that may run at once."""

    kernels: list[Kernel] = field(default_factory=list)
    reads: dict[Operand, None] = field(default_factory=dict)
    writes: dict[Operand, None] = field(default_factory=dict)
    alone: bool = False

    @property
    def parallel(self) -> bool:
        """Whether other threads are asked to help: never in one of several loops that run at once."""
        inside = [kernel for kernel in self.kernels if not isinstance(kernel, NumPyCall)]
        several = sum(kernel.pieces for kernel in inside) > 1 and not self.alone
        return several and sum(kernel.cost for kernel in inside) > WORTH

    @property
    def threaded(self) -> bool:
        """Whether this, or a region of a loop in it, is parallel."""
        repeats = [kernel for kernel in self.kernels if isinstance(kernel, Repeat)]
        return self.parallel or any(region.threaded for repeat in repeats for region in repeat.plan.regions)


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """Regions in order, and where temporaries lie.

    Attributes
    ----------
    places : dict
        Of temporaries: bytes into the arena.
    arena, scratch : int
        Bytes; scratch for each thread.
    in_place : dict
        By number of an output, the input that it may be written over.
    """

    lowered: Lowered
    regions: list[Region]
    places: dict[Operand, int]
    arena: int
    scratch: int
    in_place: dict[int, Value]

    @property
    def kernels(self) -> list[Kernel]:
        """Those of all regions, in order."""
        return [kernel for region in self.regions for kernel in region.kernels]

    @property
    def conditional(self) -> bool:
        """Whether there are conditions, here or in a loop's body."""
        repeats = [kernel for kernel in self.kernels if isinstance(kernel, Repeat)]
        return bool(self.lowered.fused.conditions) or any(repeat.plan.conditional for repeat in repeats)
