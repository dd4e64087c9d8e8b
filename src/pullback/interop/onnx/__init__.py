"""Models as files of ONNX, which other programs run: written from a recorded program, and read as a module."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pullback.core.errors import OptionError


def to_onnx(
    model_or_function: Callable[..., Any], *examples: Any, path: str | os.PathLike[str], opset: int = 18,
    dynamic: str | Mapping[str, Mapping[int, str]] | None = None,
) -> Path:  # fmt: skip
    """Write what a model or function computes as a file of ONNX, which other programs run.

    It is recorded as it computes the examples, a module in evaluation mode. What it does becomes nodes, what it
    captures initializers: parameters under their names. It is recorded more than once, and what differs is refused.

    Parameters
    ----------
    model_or_function : Module or callable
        Takes and gives trees of arrays; what else it is given is part of the file.
    *examples : trees of arrays
        Its arguments. Inputs are named after its parameters; outputs are "output", or "output.0" and so on.
    path : path
        Where to write. Numbers beyond 2 GB go into a second file, `path` with ".data" behind it.
    opset : int
        Which operators are used: 18 to 25. A runtime knows those up to some number.
    dynamic : str or mapping, optional
        Axes whose length is open: a name for the first axis of all inputs, as "N", or by input the names of axes, as
        {"tokens": {0: "N", 1: "T"}}. The function is then recorded for several lengths, and each number and array that
        differs is proved to follow from the lengths, or is refused with the line.

    Returns
    -------
    Path
        Of the file, which onnx.checker has checked.

    Raises
    ------
    TraceError
        If there is no operator for something, a number depends on what the file cannot compute, the function changes
        a tensor, looks at a number or does something else each time; with the line and the fix.
    OptionError
        If the opset or an axis is not known, or onnx is not installed.

    >>> import numpy as np
    >>> import pullback as pb
    >>> model = pb.nn.Linear(3, 2)
    >>> x = np.ones((5, 3), np.float32)
    >>> import tempfile, onnxruntime                                             # doctest: +SKIP
    >>> with tempfile.TemporaryDirectory() as folder:                            # doctest: +SKIP
    ...     path = pb.interop.to_onnx(model, x, path=f"{folder}/line.onnx", dynamic="N")
    ...     session = onnxruntime.InferenceSession(path)
    ...     [output] = session.run(None, {"x": np.ones((7, 3), np.float32)})
    >>> output.shape                                                             # doctest: +SKIP
    (7, 2)

    References
    ----------
    The operators: https://onnx.ai/onnx/operators.
    """
    _require("to_onnx")
    from pullback.interop.onnx.exporting import export  # onnx is an extra, and heavy

    return export(model_or_function, examples, path, opset, dynamic)


def from_onnx(path: str | os.PathLike[str]) -> Any:
    """Read a file of ONNX as a module, which runs, differentiates and trains on.

    Floating-point initializers are parameters, under their names in the file, and with `load_state_dict` may be set; of
    a batch normalization the statistics stay as they are. Operators are those of inference: nothing is dropped.

    Parameters
    ----------
    path : path
        Of a model in opset 6 to 28, as PyTorch and others export them. No code of it is run. Numbers beside it are
        read from its own folder.

    Returns
    -------
    Module
        Takes the inputs of the file in their order, or by name; gives its output, or a tuple of them.

    Raises
    ------
    CheckpointError
        If there is no such file, it is damaged, too large, or none of ONNX.
    OptionError
        If no function is known for an operator, or for what it is asked to do; with its name and that of the node.
    ShapeError
        When called, if the inputs do not fit, or the file asks for arrays that are too large.

    >>> import tempfile
    >>> import numpy as np
    >>> import pullback as pb
    >>> line = pb.nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:                            # doctest: +SKIP
    ...     pb.interop.to_onnx(line, np.ones((1, 3), np.float32), path=f"{folder}/line.onnx")
    ...     model = pb.interop.from_onnx(f"{folder}/line.onnx")
    >>> [name for name, _ in model.named_parameters()]                           # doctest: +SKIP
    ['weights.weight', 'weights.bias']
    """
    _require("from_onnx")
    from pullback.interop.onnx.importing import load  # onnx is an extra, and heavy

    return load(path)


def _require(name: str) -> None:
    if find_spec("onnx") is None:
        raise OptionError(f"{name}: onnx is not installed", fix="pip install 'pullback[onnx]'")
