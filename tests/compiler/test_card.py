"""Kernels for a card, compiled as C and run thread by thread: the same numbers as NumPy's."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest
from tests.compiler.test_portable import CC, close, needs_cc

import pullback as pb
from pullback.compiler.portable.card import card_kernels

BLOCKS, THREADS = 3, 5
SHIM = """
#define __global__
static struct { int x; } blockIdx, threadIdx;
static const struct { int x; } gridDim = {%d}, blockDim = {%d};
""" % (BLOCKS, THREADS)  # noqa: UP031 - C has braces
RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 5)).astype(np.float32)
Y = RNG.normal(size=5).astype(np.float32)
WHOLE = RNG.integers(-99, 99, (7, 3)).astype(np.int32)


def emulated(code):
    """The C of a function whose kernels are those of the card, called for each thread; and how many are."""
    made = card_kernels(code)
    for kernel in made:
        text = kernel.source.replace('extern "C" __global__ void ' + kernel.name, f"static void card_{kernel.name}")
        given = ", ".join(f"((char **)table)[{place}]" for place in kernel.places)
        caller = (
            f"static void {kernel.name}(char *table, char *scratch, int64_t piece)\n{{\n"
            "    (void)scratch; (void)piece;\n"
            f"    for (blockIdx.x = 0; blockIdx.x < {BLOCKS}; blockIdx.x++)\n"
            f"        for (threadIdx.x = 0; threadIdx.x < {THREADS}; threadIdx.x++)\n"
            f"            card_{kernel.name}({given});\n}}\n"
        )
        whole = re.compile(rf"static void {kernel.name}\(char \*table.*?\n}}\n", re.DOTALL)
        code = whole.sub(lambda _, both=text + caller: both, code, count=1)
    head, _, rest = code.partition("#include <string.h>\n")
    return f"{head}#include <string.h>\n{SHIM}{rest}", len(made)


FUNCTIONS = {
    "chain": (lambda x, y: pb.tanh(x) * y + pb.exp(-x * x), (X, Y), 1),
    "activations": (lambda x: [f(x) for f in (pb.sigmoid, pb.softplus, pb.relu, pb.gelu, pb.silu)], (X,), 1),
    "selected": (lambda x, y: (pb.where(x > y, x, -y), pb.maximum(x, 0.25), pb.abs(x)), (X, Y), 4),
    "turned": (lambda x: x.T * 2.0 + 1.0, (X,), 1),
    "integers": (lambda n: (n * n, n + 3, n.astype(float) / 2), (WHOLE,), 3),
    "gradient": (lambda x, y: pb.grad(lambda x: (pb.sin(x) * y).sum())(pb.tensor(x)), (X, Y), 1),
    "sum": (lambda x: (x * 2.0).sum(), (X,), 0),
    "running": (lambda x: x.cumsum(axis=0), (X,), 0),
}


@needs_cc
@pytest.mark.parametrize("name", FUNCTIONS)
def test_threads_compute_what_numpy_does(name, tmp_path):
    f, arguments, wanted = FUNCTIONS[name]
    step = pb.compile(f)
    step.prepare(*map(pb.tensor, arguments))
    path = step.to_c(tmp_path / "step.c")
    code, count = emulated(path.read_text())
    assert count == wanted
    path.write_text(code)
    program = tmp_path / "step"
    flags = ["-std=c99", "-Wall", "-Werror", "-Wno-unused", "-O1", "-DSTEP_MAIN"]
    done = subprocess.run([CC, *flags, path, "-lm", "-o", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    out = subprocess.run([program], input=b"".join(a.tobytes() for a in arguments), capture_output=True, check=True)
    place = 0
    expected = f(*map(pb.tensor, arguments))
    for tensor in expected if isinstance(expected, (tuple, list)) else [expected]:
        array = tensor.numpy()
        found = np.frombuffer(out.stdout, array.dtype, max(array.size, 1), place).reshape(array.shape)
        close(found, array)
        place += array.nbytes
    assert place == len(out.stdout)


def test_what_is_written_for_a_card():
    step = pb.compile(lambda x: pb.exp(x) * 2.0)
    step.prepare(pb.ones(1000))
    from pullback.compiler.portable.source import source_of

    (kernel,) = card_kernels(source_of(step._most_used("to_c").made, "step").code)
    assert kernel.size == 1000
    assert 'extern "C" __global__ void kernel0(' in kernel.source
    assert "blockIdx.x * blockDim.x + threadIdx.x" in kernel.source
    assert kernel.places == (0, 1)
