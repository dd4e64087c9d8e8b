"""What the page computes is what the library computes: each operation, its derivatives, and their values elsewhere."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from tests.ops.cases import CASES

import pullback as pb
from pullback.core.modes import ModeContext
from pullback.core.tree import leaves
from pullback.tensors import Tensor
from pullback.visualize.document import KERNELS, document
from pullback.visualize.tape import Tape

# Computes the recorded run anew in the page, with the numbers of another one, and gives all numbers of the result.
ANEW = """([data, blob, other, otherBlob]) => {
  const plain = (x) => x instanceof Arr ? [x.shape, [...x.data].map(String)] : null;
  const read = (d, b) => { completed(d); return [d, decoded(d, b)]; };
  const [now, arrays] = read(data, blob), [there, elsewhere] = read(other, otherBlob);
  const run = recordedRun(now, arrays, 0), wanted = recordedRun(there, elsewhere, 0), graph = run.graph;
  const given = graph.values.map((v, i) => [i, wanted.values[i]]).filter(([i]) => graph.values[i].kind !== "o");
  const inputs = new Map(given);
  const values = computeValues(graph, run.values, inputs);
  const made = new Run(graph, values, computeEvents(graph, values, run.events, now.rules, (at) => arrays[at]), true);
  const numbers = (r) => [...r.values.map(plain), ...r.steps.flatMap((s) => [plain(s.number), plain(s.total)])];
  return [numbers(made), numbers(wanted)];
}"""


# A part of several outputs, and algorithms of NumPy's.
NO_KERNEL = ("pick_", "unstack", "argsort", "nonzero")


def recorded(case, sample, seed):
    """The tape of an operation and its derivatives, at numbers drawn from its domain."""
    drawn = case.draw(sample, seed=seed)
    operands = [pb.tensor(x, requires_grad=True) if x.dtype.kind == "f" else x for x in drawn]
    tape = Tape()
    with ModeContext(observer=tape), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", pb.BroadcastWarning)
        results = leaves(case.f(*operands, **sample.params))
        for y in (y for y in results if isinstance(y, Tensor) and y.node is not None):
            y.backward(np.linspace(0.5, 1.5, y.size).reshape(y.shape), retain_graph=True)
    return tape.finish()


@pytest.fixture(scope="module")
def blank(browser, tmp_path_factory):
    path = pb.record_player(lambda: pb.grad(np.sin)(1.0)).save(tmp_path_factory.mktemp("blank") / "page.html")
    page = browser.new_page()
    page.goto(path.as_uri())
    yield page
    page.close()


def numbers(entry):
    shape, texts = entry
    return np.array([float(text.replace("Infinity", "inf")) for text in texts]).reshape(shape)


def pairs(blank, case, sample):
    """All numbers as the page computes them, and as the library does."""
    tapes = [recorded(case, sample, seed) for seed in (0, 1)]
    (here, blob), (there, other) = (document([tape], case.name) for tape in tapes)
    if here["obstacle"]:
        assert case.name in NO_KERNEL, here["obstacle"]
        return []
    made, wanted = blank.evaluate(ANEW, [here, blob, there, other])
    assert len(made) == len(wanted)
    return zip(made, wanted, strict=True)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operation_elsewhere(blank, case):
    for sample in case.samples:
        for ours, theirs in pairs(blank, case, sample):
            assert (ours is None) == (theirs is None)
            if ours is not None:
                np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=2e-11, atol=1e-13)


def test_the_page_knows_each_operation(blank):
    known = set(blank.evaluate("() => Object.keys(K)"))
    assert {name for name in KERNELS.values() if name not in known} == set()
