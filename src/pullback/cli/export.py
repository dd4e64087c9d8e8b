"""`pullback export`: the model of a run as a file that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from pullback.cli.evaluate import Run, trained
from pullback.core.errors import OptionError
from pullback.core.tree import leaves
from pullback.interop import to_onnx
from pullback.tensors import Tensor
from pullback.training.run_folder import RunFolder
from pullback.training.task import Task

_Onnx = Annotated[
    Path, typer.Option("--onnx", help="Write a file of ONNX.", metavar="FILE.onnx", show_default=False)
]  # fmt: skip
_Opset = Annotated[int, typer.Option("--opset", help="Which operators of ONNX: 18 to 25.", metavar="N")]
_Best = Annotated[bool, typer.Option("--best", help="Use the best state, where a callback kept it.")]


def export(run: Run, onnx: _Onnx, opset: _Opset = 18, best: _Best = False) -> None:
    """Write the model of a run as a file of ONNX, for batches of any size.

    Its input is named as the model names it, and its output "output".
    """
    task, _ = trained(RunFolder.open(run), best=best)
    model, example = task.trainer.model, _example(task)
    axes = dict(enumerate(task.open_axes))
    name = next(iter(_inputs(model)))
    written = to_onnx(model, example, path=onnx, opset=opset, dynamic={name: axes})
    opened = ", ".join(axes.values())
    print(f"{written}: {written.stat().st_size:,} bytes, opset {opset}, input {name} with open axes {opened}")


def _inputs(model: Any) -> list[str]:
    code = model.forward.__code__
    return list(code.co_varnames[1 : code.co_argcount])


def _example(task: Task) -> Any:
    if task.example is not None:
        return task.example()
    for batch in task.train:
        first = leaves(batch)[0]
        return first.numpy() if isinstance(first, Tensor) else np.asarray(first)
    raise OptionError("export: there is no batch to take an example from", fix="example= of the task")
