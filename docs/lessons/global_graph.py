# ---
# jupytext:
#   text_representation:
#     extension: .py
#     format_name: percent
# kernelspec:
#   display_name: Python 3
#   language: python
#   name: python3
# ---

# %% [markdown]
# # One list of all that happened
#
# The simplest way to differentiate a program is to write down what it does. This lesson builds such a list for arrays,
# trains with it, finds out what is wrong with a list that everybody shares, and sees what Pullback does instead.
#
# ## Words
#
# A *graph* is a set of nodes and the edges between them. It is *directed* where edges have a direction, and *acyclic*
# where no way along them comes back to where it began. A computation is a directed acyclic graph: its nodes are values,
# an edge leads from a value to each value that was computed from it, and no value is computed from itself.
#
# A *dynamic* graph is made while the program runs. Loops and conditions are then the language's own, and each run may
# leave another graph.
#
# ## Thirty lines
#
# A list, two functions that write into it, and a walk from its end to its beginning. An operation stands in the list
# after everything that it used, so the list in reverse is an order in which all uses of a value come first.

# %%
import numpy as np

TAPE = []


class Array:
    def __init__(self, value):
        self.value = np.asarray(value, float)
        self.grad = np.zeros_like(self.value)


def record(value, parts):
    """A new array, and what carries its gradient back to each of its parts."""
    made = Array(value)
    TAPE.append((made, parts))
    return made


def add(a, b):
    return record(a.value + b.value, [(a, lambda g: g), (b, lambda g: g)])


def mean(a):
    return record(a.value.mean(), [(a, lambda g: np.full(a.value.shape, g / a.value.size))])


def back():
    """From the end of the list to its beginning; then it is empty."""
    TAPE[-1][0].grad = np.ones_like(TAPE[-1][0].value)
    while TAPE:
        made, parts = TAPE.pop()
        for part, carry in parts:
            part.grad = part.grad + carry(made.grad)


# %%
rng = np.random.default_rng(0)
x1, x2 = Array(rng.normal(size=(10, 5))), Array(rng.normal(size=(10, 5)))
mean(add(x1, x2))
back()
assert np.allclose(x1.grad, 0.02)
assert np.allclose(x2.grad, 0.02)
x1.grad[:2]

# %% [markdown]
# The mean of fifty sums changes by 1/50 = 0.02 with each of its parts. `carry` takes the gradient of the value and
# gives that of a part. Pullback calls what travels a *cotangent*, and such a function a *vjp*.
#
# ## Learning with it
#
# A line through points, by gradient descent. All gradients are reset before each step, for they add up.


# %%
def multiply(a, b):
    return record(a.value * b.value, [(a, lambda g: g * b.value), (b, lambda g: g * a.value)])


inputs = Array(np.linspace(-1, 1, 20))
wanted = 3 * inputs.value + 0.1 * rng.normal(size=20)
weight = Array(np.zeros(20))  # one number, twenty times: broadcasting comes in the next lesson
for _ in range(200):
    weight.grad = np.zeros(20)
    error = add(multiply(weight, inputs), Array(-wanted))
    mean(multiply(error, error))
    back()
    weight.value = weight.value - 2.0 * weight.grad.mean()
assert abs(weight.value[0] - 3) < 0.2
weight.value[0]

# %% [markdown]
# ## What is wrong with a list that everybody shares
#
# It works, and two hundred lines like these are a framework. But look at what the list does.
#
# **It keeps everything.** A value whose gradient nobody asks for stays in it, with all that it was made of.

# %%
for _ in range(1000):
    add(x1, x2)  # an evaluation, say: nobody will call back()
kept = sum(made.value.nbytes for made, _ in TAPE)
print(f"{len(TAPE)} arrays are kept, {kept:,} bytes")
TAPE.clear()

# %% [markdown]
# **It cannot tell computations apart.** `back` starts at the last entry, whosever that is. Two losses, two threads, or
# a computation inside of another all write into it.

# %%
first = mean(add(x1, x1))
second = mean(x2)
x1.grad, x2.grad = np.zeros((10, 5)), np.zeros((10, 5))
back()  # of which of the two?
assert not x1.grad.any()
assert x2.grad.any()

# %% [markdown]
# **A switch for it can stay off.** A framework with one list has a switch, "do not record", as one variable. If an
# exception leaves the block that has switched it off, nothing is recorded ever after.
#
# ## What Pullback does
#
# There is no list. A *node* points at the nodes that it was made of, and nothing points back:

# %%
import pullback as pb

x1 = pb.tensor(rng.normal(size=(10, 5)), requires_grad=True, name="x1")
x2 = pb.tensor(rng.normal(size=(10, 5)), requires_grad=True, name="x2")
loss = np.mean(np.add(x1, x2))
print(loss.node, loss.node.inputs)

# %% [markdown]
# So a graph lives exactly as long as a tensor that was computed by it. When the last one goes, Python's reference
# counts free the graph at once: there is no cycle, and nothing global.

# %%
import weakref

node = weakref.ref(loss.node)
loss.backward()
assert np.allclose(x1.grad.numpy(), 0.02)
del loss
assert node() is None

# %% [markdown]
# The order that the list gave for free comes from a number. Each node gets the next one when it is made, and its inputs
# exist before it does. This is the whole of a node, from `core/graph.py`:

# %%
import inspect

from pullback.core import graph

print(inspect.getsource(graph.source))

# %% [markdown]
# Two computations cannot meet, because a walk starts at a given node. And the switch is a context variable, which
# leaves as it was found, whatever happens (`core/modes.py`):

# %%
try:
    with pb.no_grad():
        raise RuntimeError("something went wrong in here")
except RuntimeError:
    pass
assert (x1 * 2).requires_grad

# %% [markdown]
# The graph of one computation, playing:

# %%
a = pb.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True, name="a")
b = pb.tensor([[0.5, 1.0], [2.0, -1.0]], requires_grad=True, name="b")
pb.graph(np.mean(a * b + a)).play(title="a mean: the value a is used twice")

# %% [markdown]
# ## Exercises
#
# **1.** Write `subtract(a, b)` for the list.


# %% tags=["hide-cell"]
def subtract(a, b):
    return record(a.value - b.value, [(a, lambda g: g), (b, lambda g: -g)])


# %%
a, b = Array([1.0, 2.0]), Array([5.0, 5.0])
mean(subtract(a, b))
back()
assert a.grad.tolist() == [0.5, 0.5]
assert b.grad.tolist() == [-0.5, -0.5]

# %% [markdown]
# **2.** Write `mean_of_rows(a)`, the mean of each row of a matrix. By what must its gradient be divided?


# %% tags=["hide-cell"]
def mean_of_rows(a):
    columns = a.value.shape[1]  # by the number of those that each mean is of, not of all
    return record(a.value.mean(axis=1), [(a, lambda g: np.repeat(g[:, None] / columns, columns, axis=1))])


# %%
a = Array(rng.normal(size=(3, 4)))
mean_of_rows(a)
back()
assert np.allclose(a.grad, 1 / 4)

# %% [markdown]
# **3.** In Pullback: write `sources(tensor)`, which gives the names of all variables that a tensor was computed from,
# in alphabetical order. `pb.graph` knows.


# %% tags=["hide-cell"]
def sources(tensor):
    return sorted(vertex.name for vertex in pb.graph(tensor).nodes if vertex.kind == "variable")


# %%
assert sources(np.mean(x2 * x1)) == ["x1", "x2"]
assert sources(x1 + 1.0) == ["x1"]

# %% [markdown]
# Next: [arrays and a network](network.py).
