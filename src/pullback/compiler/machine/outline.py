"""Outlines: what a call has to know of a program that became code, and nothing of how it came about."""

from __future__ import annotations

from typing import Any, NamedTuple, final

from pullback.compiler.lowering.layout import Layout


@final
class Piece(NamedTuple):
    """A native part of a program.

    Attributes
    ----------
    layouts : tuple of Layout
        How each object that it is given must lie.
    long : bool
        Whether Python's other threads may run meanwhile.
    calls_blas : bool
        Whether a product is left to BLAS.
    """

    layouts: tuple[Layout, ...]
    long: bool
    calls_blas: bool


@final
class Outline(NamedTuple):
    """A program for inputs that lie in given ways.

    Attributes
    ----------
    inputs, outputs : tuple of Layout
        How they lie.
    pieces : tuple of Piece
        The native parts; what NumPy does runs in between.
    whole : bool
        Whether there is one native part, and nothing for NumPy.
    unseen : bool
        Whether NumPy comes first, so that inputs have to be looked at before.
    constants : tuple of arrays
        What that part is given after the inputs and the outputs.
    threaded : bool
        Whether other threads are asked to help.
    replaces : tuple of (int, int)
        Numbers of outputs that may be written over inputs, and the numbers of these.
    arena, scratch : int
        Bytes; scratch for each thread.
    """

    inputs: tuple[Layout, ...]
    outputs: tuple[Layout, ...]
    pieces: tuple[Piece, ...]
    whole: bool
    unseen: bool
    constants: tuple[Any, ...]
    threaded: bool
    replaces: tuple[tuple[int, int], ...]
    arena: int
    scratch: int
