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
# # Arrays and a network
#
# A network multiplies matrices, adds vectors to them, and sums. This lesson finds the gradients of these three, in
# thirty lines, checks them against chords, and teaches a network to read handwritten digits.
#
# ## From the end
#
# Take *f = sin(x^(y+z)) − 3·log(x²·y³)*. Whatever a program computes, it does it in steps, and each step is a node:

# %%
import numpy as np

import pullback as pb

x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((0.5, "x"), (4.0, "y"), (-2.3, "z")))
f = np.sin(x ** (y + z)) - 3 * np.log(x**2 * y**3)
assert abs(f.item() + 8.014816644264268) < 1e-14
pb.graph(f).draw(values=True)

# %% [markdown]
# The walk back starts at the result with 1. At each step it multiplies by the local derivative, and where a value is
# used twice, as x and y are, it adds. The table that it fills is the gradient:

# %%
gradients = pb.gradients(f)
{name: gradients[name].item() for name in "xyz"}

# %% [markdown]
# ## Thirty lines for arrays
#
# Three things are new with arrays.
#
# *Sums.* If s is the sum of a row, each element of the row moves s as much as the others: the gradient of s is handed
# to each of them.
#
# *Products of matrices.* With Y = A B and the gradient G of Y, that of A is G Bᵀ and that of B is Aᵀ G. Check the
# shapes: nothing else fits.
#
# *Broadcasting.* NumPy repeats a vector to add it to each row of a matrix. A value that is repeated is used many times,
# so its gradient is the sum over the repetitions.


# %%
def unbroadcast(gradient, shape):
    """Sum over the axes along which a value of a shape was repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    stretched = tuple(i for i, length in enumerate(shape) if length == 1 != gradient.shape[i])
    return gradient.sum(axis=stretched, keepdims=True)


class Variable:
    """An array that remembers its parts, and what carries its gradient to each of them."""

    def __init__(self, value, parts=()):
        self.value, self.parts, self.grad = np.asarray(value, float), parts, 0.0

    def __add__(self, b):
        return Variable(self.value + b.value, [(self, lambda g: g), (b, lambda g: g)])

    def __mul__(self, b):
        return Variable(self.value * b.value, [(self, lambda g: g * b.value), (b, lambda g: g * self.value)])

    def __matmul__(self, b):
        return Variable(self.value @ b.value, [(self, lambda g: g @ b.value.T), (b, lambda g: self.value.T @ g)])

    def relu(self):
        return Variable(np.maximum(self.value, 0), [(self, lambda g: g * (self.value > 0))])

    def sum(self, axis=None):
        grown = lambda g: g if axis is None else np.expand_dims(g, axis)
        return Variable(self.value.sum(axis), [(self, lambda g: np.broadcast_to(grown(g), self.value.shape))])


def back(result):
    order, seen = [], set()

    def visit(v):
        if id(v) not in seen:
            seen.add(id(v))
            for part, _ in v.parts:
                visit(part)
            order.append(v)

    visit(result)
    result.grad = np.ones_like(result.value)
    for v in reversed(order):
        for part, carry in v.parts:
            part.grad = part.grad + unbroadcast(carry(v.grad), part.value.shape)


# %% [markdown]
# ## Trust, but check
#
# A rule with a wrong sign gives a network that learns a little worse. So compare each with chords, on arrays of odd
# shapes:


# %%
def chords(f, values, which, h=1e-6):
    found = np.zeros_like(values[which])
    for place in np.ndindex(found.shape):
        moved = [v.copy() for v in values]
        moved[which][place] += h
        up = f(*map(Variable, moved)).value
        moved[which][place] -= 2 * h
        found[place] = (up - f(*map(Variable, moved)).value) / (2 * h)
    return found


def layer(a, w, b):
    return ((a @ w + b).relu() * b).sum(axis=1).sum()


rng = np.random.default_rng(0)
values = [rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(1, 2))]
variables = [Variable(v) for v in values]
back(layer(*variables))
for which, variable in enumerate(variables):
    assert np.allclose(variable.grad, chords(layer, values, which), atol=1e-6)

# %% [markdown]
# Pullback has this check too, in both directions and to any order: `pb.testing.check_grads`. Its own rules are all
# tested with it.

# %%
pb.testing.check_grads(lambda a, w, b: np.sum(np.maximum(a @ w + b, 0) * b), *values)

# %% [markdown]
# ## Where it lives in Pullback
#
# `unbroadcast` stands in one place for all operations: `conform` in `core/walks.py` brings each contribution to the
# shape and the dtype of its value. The rules stand in `ops/`, a row for each operation. A row says the least that one
# must know; the *kind* of the operation derives the rest. This is the whole of ReLU:

# %%
from pullback.ops import elementwise

elementwise.relu, elementwise.relu.rules[0].needs  # the places of what its derivative needs

# %% [markdown]
# Where operands of a maximum tie, Pullback shares the gradient, and such conventions stand in a
# [table](../kinks.md):

# %%
pb.grad(lambda a: np.max(a, axis=0).sum())(np.array([[0.0, 1.0, 4.0], [0.0, 7.0, 1.0]]))

# %% [markdown]
# ## A network that reads digits
#
# 64 hidden numbers, ten answers, steps of 32 images each, plain gradient descent. MNIST is used where it lies on this
# machine, in the folder that `$PULLBACK_DATA` names; otherwise the digits that come with Pullback.

# %%
import os

steps = 20_000  # short: 150
folder = os.environ.get("PULLBACK_DATA")
data = pb.data.mnist(folder) if folder and steps > 1000 else pb.data.digits()
images, labels = data.train.arrays
pixels = images[0].size
images = images.reshape(len(images), pixels)

weights = {
    "w1": rng.normal(size=(pixels, 64)) * np.sqrt(2 / pixels), "b1": np.zeros(64),
    "w2": rng.normal(size=(64, 10)) * np.sqrt(2 / 64), "b2": np.zeros(10),
}  # fmt: skip
weights = {name: pb.tensor(w, requires_grad=True, name=name) for name, w in weights.items()}


def answers(x, w1, b1, w2, b2):
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2


@pb.compile
def step(x, y):
    loss = pb.softmax_cross_entropy(answers(x, **weights), y)
    loss.backward()
    with pb.no_grad():
        for w in weights.values():
            w -= 0.05 * w.grad
            w.grad = None
    return loss


losses = []
for _ in range(steps):
    chosen = rng.integers(0, len(images), 32)
    losses.append(step(images[chosen].astype(float), labels[chosen]).item())

test_images, test_labels = data.test.arrays
predicted = answers(test_images.reshape(len(test_images), pixels), **weights).numpy().argmax(axis=1)
accuracy = (predicted == test_labels).mean()
print(f"{data.name}: {accuracy:.1%} of {len(test_labels):,} test images are read")
assert accuracy > 0.8

# %% [markdown]
# `softmax_cross_entropy` is one operation and not a softmax and a logarithm one after the other, because those lose
# numbers: the softmax of (0, 1000) is (0, 1), and the logarithm of 0 is −∞. Together they are finite.

# %%
logits = pb.tensor([[0.0, 1000.0]])
pb.softmax_cross_entropy(logits, np.array([0]))

# %% [markdown]
# One step of it, playing. Arrays are heat maps; a click on an element lets you change it.

# %%
small = pb.nn.MLP(6, 5, 3, rng=0)
descent = pb.optim.SGD(small.parameters(), lr=0.5)
batch, classes = rng.normal(size=(8, 6)).astype(np.float32), np.arange(8) % 3


def small_step():
    loss = pb.nn.CrossEntropyLoss()(small(batch), classes)
    descent.zero_grad()
    loss.backward()
    descent.step()


pb.record_player(small_step, times=3, title="Three steps of learning")

# %% [markdown]
# ## Exercises
#
# **1.** Write `exp(a)` for `Variable`. What does its gradient need: the operand, or the value?


# %% tags=["hide-cell"]
def exp(a):
    made = Variable(np.exp(a.value), [])
    made.parts = [(a, lambda g: g * made.value)]  # the value is the derivative
    return made


# %%
a = Variable(values[0])
back(exp(a).sum())
assert np.allclose(a.grad, np.exp(values[0]))

# %% [markdown]
# **2.** Write `mean(a, axis)` for `Variable`. By which number is the gradient divided?


# %% tags=["hide-cell"]
def mean(a, axis):
    return a.sum(axis) * Variable(1 / a.value.shape[axis])


# %%
for axis in (0, 1):
    a = Variable(values[0])
    back(mean(a, axis).sum())
    assert np.allclose(a.grad, 1 / values[0].shape[axis])

# %% [markdown]
# **3.** Write `maximum(a)`, the largest element of an array, whose gradient is shared where several are largest.


# %% tags=["hide-cell"]
def maximum(a):
    ties = a.value == a.value.max()
    return Variable(a.value.max(), [(a, lambda g: g * ties / ties.sum())])


# %%
a = Variable([1.0, 4.0, 4.0])
back(maximum(a))
assert a.grad.tolist() == [0.0, 0.5, 0.5]
assert pb.grad(np.max)(np.array([1.0, 4.0, 4.0])).tolist() == a.grad.tolist()

# %% [markdown]
# Next: [derivatives of derivatives](higher_order.py).
