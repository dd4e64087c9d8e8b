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
# # Derivatives of derivatives
#
# The gradient is itself the result of a computation. If that computation leaves a graph too, it can be differentiated
# again, and again. It takes one change to the thirty lines.
#
# ## What travels
#
# For a function from many numbers to many, the derivative is a matrix, the Jacobian J. Nobody forms it. The walk back
# carries a row vector ȳ and needs only the product ȳ J at each step; that is called a *vector-Jacobian product*. For
# Y = A B it is a product with a transpose, and a matrix of Jacobians would have had four axes.
#
# ## Thirty lines
#
# In the lesson before, rules were written with arrays: `lambda g: g * b.value`. Write them with variables instead, and
# `g` as one too. Then the rule is a computation like any other, and records itself.

# %%
import numpy as np


class Variable:
    def __init__(self, value, parts=()):
        self.value, self.parts = np.asarray(value, float), parts

    def __add__(self, b):
        return Variable(self.value + b.value, [(self, lambda g: g), (b, lambda g: g)])

    def __sub__(self, b):
        return Variable(self.value - b.value, [(self, lambda g: g), (b, lambda g: -g)])

    def __neg__(self):
        return Variable(-self.value, [(self, lambda g: -g)])

    def __mul__(self, b):
        return Variable(self.value * b.value, [(self, lambda g: g * b), (b, lambda g: g * self)])

    def __truediv__(self, b):
        return Variable(self.value / b.value, [(self, lambda g: g / b), (b, lambda g: -g * self / (b * b))])


def sin(a):
    return Variable(np.sin(a.value), [(a, lambda g: g * cos(a))])


def cos(a):
    return Variable(np.cos(a.value), [(a, lambda g: -g * sin(a))])


def gradient(result, by):
    order, seen = [], set()

    def visit(v):
        if id(v) not in seen:
            seen.add(id(v))
            for part, _ in v.parts:
                visit(part)
            order.append(v)

    visit(result)
    found = {id(result): Variable(np.ones_like(result.value))}
    for v in reversed(order):
        for part, carry in v.parts:
            given = carry(found[id(v)])
            found[id(part)] = found[id(part)] + given if id(part) in found else given
    return found[id(by)]


# %%
x = Variable(0.5)
f = sin(x)
for _ in range(4):  # cos, −sin, −cos, and sin again
    f = gradient(f, x)
assert np.isclose(f.value, np.sin(0.5))
f.value

# %% [markdown]
# Look at what happened: `gradient` gave a variable with parts, for the rules are made of `*`, `/`, `sin` and `cos`.
#
# It has a price. Each derivative of a product has two products, so graphs grow with the order; and a gradient that
# nobody will differentiate again is recorded all the same.
#
# ## What Pullback does
#
# Its rules are written so too, once, with NumPy's names. Given tensors they record; given plain arrays they run at
# NumPy's speed. An ordinary `backward()` hands them arrays, and `create_graph=True`, or a `grad` within a `grad`, hands
# them tensors.

# %%
import pullback as pb

g = np.sin
for _ in range(4):
    g = pb.grad(g)
assert np.isclose(g(0.5).item(), np.sin(0.5))

x = pb.tensor(3.0, requires_grad=True, name="x")
first = pb.gradients(x**3, create_graph=True)["x"]
second = pb.gradients(first)["x"]
first.item(), second.item()

# %% [markdown]
# The row of the sine, in `ops/elementwise.py`, states cos x, and nothing says what the second derivative is. How it is
# used for all directions and orders stands in `core/kinds.py`:

# %%
import inspect

from pullback.core.kinds import Elementwise

print(inspect.getsource(Elementwise.jvp))

# %% [markdown]
# ## Forward
#
# There is a second way to multiply Jacobians: from the inputs on. Give each input a direction, its *tangent*, and carry
# along how each value moves. It needs no walk back, and gives one directional derivative for one run; the walk back
# gives all derivatives of one result. For a second derivative along a direction one takes both:


# %%
def bowl(x):
    return np.sum(x**4) + x[0] * x[1]


point, direction = np.array([1.0, 2.0]), np.array([1.0, 0.0])
along = pb.hvp(bowl, (point,), (direction,))  # the Hessian times a direction, without the Hessian
assert np.allclose(along.numpy(), pb.hessian(bowl)(point).numpy() @ direction)
pb.hessian(bowl)(point)

# %% [markdown]
# Forward mode, playing: tangents go along with the values.

# %%
a = pb.tensor(0.8, requires_grad=True, name="a")
pb.graph(np.sin(a) * a / (1.0 + a)).play(mode="forward", title="forward mode")

# %% [markdown]
# ## Seeing what is there
#
# A gradient of a gradient is a graph like any other, and the quickest way to find out what it does is to draw it. The
# derivative of x³, with its graph:

# %%
pb.graph(first).draw(values=True, direction="LR")

# %% [markdown]
# A network, its names, and its shapes:

# %%
rng = np.random.default_rng(0)
model = pb.nn.Sequential(pb.nn.Linear(5, 6, rng=0), pb.nn.ReLU(), pb.nn.Linear(6, 1, rng=0), pb.nn.Sigmoid())
points = pb.tensor(rng.random((10, 5)).astype(np.float32), name="points")
pb.graph(model(points)).draw(shapes=True)

# %% [markdown]
# ## A network that knows its slope
#
# What are second derivatives good for? A loss may itself contain a gradient. Here a network learns a curve from
# values *and* slopes, which takes far fewer points. The update differentiates through the inner gradient.

# %%
steps = 400  # short: 60
known = np.linspace(-3, 3, 7)[:, None]
net = pb.nn.MLP(1, 32, 1, activation=pb.nn.Tanh, rng=0, dtype=float)
optimizer = pb.optim.Adam(net.parameters(), lr=0.02)


def values_and_slopes(x):
    x = pb.tensor(x, requires_grad=True)
    y = net(x)
    return y, pb.gradients(y.sum(), wrt=[x], create_graph=True)[x]


for _ in range(steps):
    y, slope = values_and_slopes(known)
    loss = ((y - np.sin(known)) ** 2).mean() + ((slope - np.cos(known)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

between = np.linspace(-3, 3, 50)[:, None]
error = np.abs(net(between).numpy() - np.sin(between)).max()
print(f"seven points, largest error between them {error:.3f}")
assert error < 0.35

# %% [markdown]
# ## Exercises
#
# **1.** Add `exp(a)` to the thirty lines, so that all its derivatives are right.


# %% tags=["hide-cell"]
def exp(a):
    return Variable(np.exp(a.value), [(a, lambda g: g * exp(a))])


# %%
x = Variable(0.3)
f = exp(x * x)
assert np.isclose(gradient(gradient(f, x), x).value, (2 + 4 * 0.09) * np.exp(0.09))

# %% [markdown]
# **2.** With Pullback, write `newton(f, x)`: one step of Newton's method for the minimum of a function of a vector,
# x − H⁻¹ g.


# %% tags=["hide-cell"]
def newton(f, x):
    return x - np.linalg.solve(pb.hessian(f)(x).numpy(), pb.grad(f)(x).numpy())


# %%
quadratic = lambda x: (x[0] - 1) ** 2 + 3 * (x[1] + 2) ** 2 + x[0] * x[1]
found = newton(quadratic, np.array([5.0, 5.0]))
assert np.allclose(pb.grad(quadratic)(found).numpy(), 0)

# %% [markdown]
# **3.** The curvature of y = f(x) is f″ / (1 + f′²)^(3/2). Write `curvature(f)`, a function of x. A circle of radius 2
# must have the curvature −½ along its upper half.


# %% tags=["hide-cell"]
def curvature(f):
    first = pb.grad(f)
    second = pb.grad(first)
    return lambda x: second(x) / (1 + first(x) ** 2) ** 1.5


# %%
assert np.isclose(curvature(lambda x: np.sqrt(4 - x**2))(0.7).item(), -0.5)

# %% [markdown]
# Next: [a framework](framework.py).
