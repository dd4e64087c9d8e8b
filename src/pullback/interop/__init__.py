"""Exchange with other formats and libraries; files are written whole or not at all."""

from pullback.interop import safetensors as safetensors
from pullback.interop.atomic import write_atomically as write_atomically
from pullback.interop.onnx import from_onnx as from_onnx
from pullback.interop.onnx import to_onnx as to_onnx
from pullback.interop.pytorch import load_torch as load_torch
