"""Kernels for a card, compiled as C and run thread by thread: the same numbers as NumPy's."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest
from tests.compiler.test_portable import CC, close, needs_cc

import pullback as pb
from pullback.compiler.instructions.cuda import HEAD
from pullback.compiler.portable.card import card_kernels
from pullback.compiler.portable.source import plan_of, source_of

BLOCKS, THREADS = 3, 5
CXX = shutil.which("c++") or shutil.which("g++")
SHIM = """
#define __global__
#define __device__
static struct { int x; } blockIdx, threadIdx;
static const struct { int x; } gridDim = {%d}, blockDim = {%d};
static inline int32_t __float_as_int(float x) { int32_t y; memcpy(&y, &x, 4); return y; }
static inline float __int_as_float(int32_t x) { float y; memcpy(&y, &x, 4); return y; }
static inline int64_t __double_as_longlong(double x) { int64_t y; memcpy(&y, &x, 8); return y; }
static inline double __longlong_as_double(int64_t x) { double y; memcpy(&y, &x, 8); return y; }
""" % (BLOCKS, THREADS)  # noqa: UP031 - C has braces
# As a compiler for cards has it: no file is included, and the mathematical functions are there.
BARE = """
#define __global__
#define __device__
static struct { unsigned x; } blockIdx, threadIdx, gridDim, blockDim;
template <class... T> int __float_as_int(T...); template <class... T> float __int_as_float(T...);
template <class... T> long long __double_as_longlong(T...); template <class... T> double __longlong_as_double(T...);
"""
RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 5)).astype(np.float32)
Y = RNG.normal(size=5).astype(np.float32)
WHOLE = RNG.integers(-99, 99, (7, 3)).astype(np.int32)


def plan_and_code(f, arguments):
    """What the kernels of a card are made from, and the same as C."""
    step = pb.compile(f)
    step.prepare(*map(pb.tensor, arguments))
    made = step._most_used("to_c").made
    return plan_of(made), source_of(made, "step")


def emulated(code, kernels):
    """The C of a function whose kernels are those of the card, called for each thread; and how many are."""
    here = [kernel for kernel in kernels if f"static void {kernel.name}(" in code]  # others do what one of these does
    texts = [SHIM]
    for kernel in here:
        code = code.replace(f"static void {kernel.name}(", f"static void cpu_{kernel.name}(")
        own = kernel.source.removeprefix(HEAD).replace('extern "C" ', "static ")
        texts.append(re.sub(rf"\b({kernel.name}|pullback_\w+)\(", rf"card_{kernel.name}_\1(", own))
        given = ", ".join(f"((char **)table)[{place}]" for place in range(len(kernel.buffers)))
        texts.append(
            f"static void {kernel.name}(char *table, char *scratch, int64_t piece)\n{{\n"
            "    (void)scratch; (void)piece;\n"
            f"    for (blockIdx.x = 0; blockIdx.x < {BLOCKS}; blockIdx.x++)\n"
            f"        for (threadIdx.x = 0; threadIdx.x < {THREADS}; threadIdx.x++)\n"
            f"            card_{kernel.name}_{kernel.name}({given});\n}}\n"
        )
    return code.replace("#include <string.h>\n", "\n".join(["#include <string.h>", *texts]), 1), len(here)


FUNCTIONS = {
    "chain": (lambda x, y: pb.tanh(x) * y + pb.exp(-x * x), (X, Y), 1),
    "activations": (lambda x: [f(x) for f in (pb.sigmoid, pb.softplus, pb.relu, pb.gelu, pb.silu)], (X,), 4),
    "selected": (lambda x, y: (pb.where(x > y, x, -y), pb.maximum(x, 0.25), pb.abs(x)), (X, Y), 4),
    "turned": (lambda x: x.T * 2.0 + 1.0, (X,), 1),
    "integers": (lambda n: (n * n, n + 3, n.astype(float) / 2), (WHOLE,), 3),
    "gradient": (lambda x, y: pb.grad(lambda x: (pb.sin(x) * y).sum())(pb.tensor(x)), (X, Y), 1),
    "extremes": (lambda x: (pb.where(x > 0, np.inf, x), pb.where(x > 0, np.nan, x), pb.sign(x), x % 0.7), (X,), 3),
    "taken": (lambda x, y: pb.take(x, np.arange(30) * 7 % 37, axis=0) * y, (X, Y), 1),
    "sum": (lambda x: (x * 2.0).sum(), (X,), 0),
    "running": (lambda x: x.cumsum(axis=0), (X,), 0),
}


@needs_cc
@pytest.mark.parametrize("name", FUNCTIONS)
def test_threads_compute_what_numpy_does(name, tmp_path):
    f, arguments, wanted = FUNCTIONS[name]
    plan, source = plan_and_code(f, arguments)
    kernels = card_kernels(plan)
    code, count = emulated(source.code, kernels)
    assert count == wanted
    (tmp_path / "step.h").write_text(source.header)
    path = tmp_path / "step.c"
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


@pytest.mark.skipif(CXX is None, reason="there is no compiler of C++")
def test_it_is_cplusplus_that_includes_nothing():
    sources = [
        k.source.removeprefix(HEAD)
        for f, given, _ in FUNCTIONS.values()
        for k in card_kernels(plan_and_code(f, given)[0])
    ]
    library = {
        name
        for text in sources
        for name in re.findall(r"\b([a-z]\w*)\(", text)
        if not name.startswith(("kernel", "pullback_", "for"))
    }
    declared = [f"template <class... T> double {name}(T...);" for name in sorted(library - {"for"})]
    spaces = [f"namespace n{number} {{ {text} }}" for number, text in enumerate(sources)]
    text = "\n".join([BARE, HEAD, *declared, *spaces])
    strict = [CXX, "-xc++", "-std=c++17", "-fno-builtin", "-fsyntax-only", "-w", "-"]
    done = subprocess.run(strict, input=text.replace('extern "C" ', ""), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_written_for_a_card():
    plan, _ = plan_and_code(lambda x: pb.exp(x) * 2.0, [np.ones(1000)])
    (kernel,) = card_kernels(plan)
    assert kernel.size == 1000
    assert 'extern "C" __global__ void kernel0(char *buffer0, char *buffer1)' in kernel.source
    assert "blockIdx.x * blockDim.x + threadIdx.x; i0 < 1000;" in kernel.source
    assert len(kernel.buffers) == 2
