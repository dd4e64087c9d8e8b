"""Reading a file of ONNX into plain values: nodes, attributes and arrays, each checked, and no code run.

A file may come from anywhere. It is read through one door, up to a size; numbers beside it are found only in its own
folder, by a name without a path; names are made before they are used; what is too large or too deep is refused.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, final

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from pullback.core.errors import CheckpointError, OptionError
from pullback.core.files import opened, read_file, size_of

MOST: Final = 1 << 31  # bytes of a file: protobuf writes no larger ones
DEEP: Final = 16  # graphs within graphs
OPSETS: Final = (6, 28)  # the oldest and the newest that are read
STANDARD: Final = ("", "ai.onnx")

Array = npt.NDArray[Any]


@final
@dataclass(slots=True, eq=False)
class Call:
    """A node: which operator, with which attributes, on which values."""

    kind: str
    name: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or what it is where the file does not say."""
        return self.attributes.get(name, default)

    def refuse(self, why: str, fix: str | None = None) -> NoReturn:
        """Say that what the node asks for is not known."""
        raise OptionError(f"from_onnx: {self.kind}: {why}", node=self.name or self.outputs[0], fix=fix)


@final
@dataclass(slots=True, eq=False)
class Graph:
    """What a file holds: names of inputs and outputs, arrays by name, and nodes in order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    arrays: dict[str, Array]
    calls: tuple[Call, ...]


def read(path: str | os.PathLike[str]) -> Graph:
    """The graph of a file.

    Raises
    ------
    CheckpointError
        If there is no such file, it is too large, damaged, or none of ONNX.
    OptionError
        If it needs an opset or a kind of value that is not known.
    """
    try:
        content = read_file(path, MOST)
        model = onnx.ModelProto.FromString(content)
    except OSError as error:
        raise CheckpointError("from_onnx: the file cannot be read", file=path, got=error.strerror or error) from error
    except (DecodeError, RuntimeError, ValueError) as error:
        raise CheckpointError("from_onnx: the file is damaged, or is none of ONNX", file=path, got=error) from error
    if not model.HasField("graph") or not model.opset_import:
        raise CheckpointError("from_onnx: the file is damaged, or is none of ONNX", file=path, got="no graph")
    if model.functions:
        raise OptionError(
            "from_onnx: the file has functions of its own", file=path, got=model.functions[0].name,
            fix="write them out first: onnx.inliner.inline_local_functions(model)",
        )  # fmt: skip
    versions = {opset.domain: opset.version for opset in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", 0))
    if not OPSETS[0] <= version <= OPSETS[1]:
        raise OptionError(
            "from_onnx: the opset is not known", file=path, got=version,
            fix=f"{OPSETS[0]} to {OPSETS[1]}: onnx.version_converter.convert_version(model, 18)",
        )  # fmt: skip
    return _Reader(Path(path), version).graph(model.graph, frozenset(), 0)


@final
class _Reader:
    def __init__(self, path: Path, opset: int) -> None:
        self.path, self.opset = path, opset

    def damaged(self, what: str, **facts: object) -> NoReturn:
        raise CheckpointError(f"from_onnx: {what}", file=self.path, **facts)

    def graph(self, graph: Any, outside: frozenset[str], depth: int) -> Graph:
        """A graph, which may read what is outside of it."""
        if depth > DEEP:
            self.damaged("graphs stand too deep within each other", expected=DEEP)
        if graph.sparse_initializer:
            self.damaged("sparse arrays are not read", got=graph.sparse_initializer[0].values.name)
        arrays = {tensor.name: self.array(tensor) for tensor in graph.initializer}
        inputs = tuple(value.name for value in graph.input if value.name not in arrays)
        made = {*outside, *inputs, *arrays}
        calls = []
        for node in graph.node:
            call = self.call(node, frozenset(made), depth)
            for name in call.inputs:
                if name and name not in made:
                    self.damaged(
                        "a node reads what nothing before it has made", node=call.name or call.kind, reads=name
                    )
            taken = [name for name in call.outputs if name and name in made]
            if taken:
                self.damaged("a value is made twice", node=call.name or call.kind, makes=taken[0])
            made.update(filter(None, call.outputs))
            calls.append(call)
        outputs = tuple(value.name for value in graph.output)
        for name in outputs:
            if name not in made:
                self.damaged("an output is never made", output=name)
        return Graph(inputs, outputs, arrays, tuple(calls))

    def call(self, node: Any, made: frozenset[str], depth: int) -> Call:
        kind = node.op_type if node.domain in STANDARD else f"{node.domain}.{node.op_type}"
        call = Call(kind, node.name, self.opset, tuple(node.input), tuple(node.output))
        for attribute in node.attribute:
            call.attributes[attribute.name] = self.attribute(attribute, made, depth)
        return call

    def attribute(self, attribute: Any, made: frozenset[str], depth: int) -> Any:
        kinds = AttributeProto.AttributeType
        if attribute.ref_attr_name:
            self.damaged("an attribute refers to a function's", attribute=attribute.name)
        if attribute.type == kinds.GRAPH:
            return self.graph(attribute.g, made, depth + 1)
        if attribute.type == kinds.TENSOR:
            return self.array(attribute.t)
        if attribute.type in (kinds.FLOAT, kinds.INT, kinds.STRING, kinds.FLOATS, kinds.INTS, kinds.STRINGS):
            value = helper.get_attribute_value(attribute)
            if isinstance(value, bytes):
                return value.decode("utf-8", "replace")
            if isinstance(value, (list, tuple)) or not isinstance(value, (int, float)):
                return [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value]
            return value
        return self.damaged("an attribute of a kind that is not read", attribute=attribute.name, got=attribute.type)

    def array(self, tensor: Any) -> Array:
        """The numbers of a tensor: as many as its shape says, and no more than the file holds."""
        name = tensor.name or "a constant"
        if tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
            self.damaged("an array holds no numbers", name=name)
        if any(n < 0 for n in tensor.dims) or tensor.HasField("segment"):
            self.damaged("the shape of an array is wrong", name=name, shape=list(tensor.dims))
        if tensor.data_location == TensorProto.EXTERNAL:
            return self.beside(tensor, name)
        try:
            array = numpy_helper.to_array(tensor)
            return np.array(self.plain(array, name))
        except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
            return self.damaged("an array is not as long as its shape says", name=name, got=error)

    def plain(self, array: Array, name: str) -> Array:
        """An array in a dtype of NumPy's own: bfloat16 as float32."""
        if array.dtype.kind in "biufc" and array.dtype.type.__module__ == "numpy":
            return array
        if array.dtype.name == "bfloat16":
            return array.astype(np.float32)
        return self.damaged("NumPy has no such type", name=name, got=array.dtype)

    def beside(self, tensor: Any, name: str) -> Array:
        """An array whose numbers lie in a file beside: in the same folder, and whole."""
        facts: Mapping[str, str] = {entry.key: entry.value for entry in tensor.external_data}
        location = facts.get("location", "")
        if location in ("", ".", "..") or Path(location).name != location or "\\" in location or ":" in location:
            self.damaged("numbers outside of the file's own folder are not read", name=name, location=location)
        try:
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
            offset = int(facts.get("offset", 0))
            count = math.prod(tensor.dims)
            length = int(facts.get("length", count * dtype.itemsize))
        except (KeyError, ValueError) as error:
            self.damaged("numbers beside the file are described wrongly", name=name, got=error)
        if offset < 0 or length != count * dtype.itemsize:
            self.damaged("an array is not as long as its shape says", name=name, got=length)
        try:
            with opened(self.path.with_name(location)) as file:
                if offset + length > size_of(file):
                    self.damaged("the file beside is too short", name=name, location=location)
                file.seek(offset)
                content = file.read(length)
        except OSError as error:
            self.damaged("the file beside cannot be read", location=location, got=error.strerror or error)
        array = np.frombuffer(content, dtype.newbyteorder("<") if dtype.isbuiltin == 1 else dtype).reshape(tensor.dims)
        return np.array(self.plain(array.astype(dtype), name))
