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
# # Numbers
#
# How does a computer differentiate a program? This lesson needs nothing but school calculus: the derivative of a
# sum, of a product, and the chain rule. At its end stands a class of thirty lines that differentiates any formula.
#
# ## A slope, the slow way
#
# The derivative of a function at a point is a slope. It can be measured: move the input a little, and see how far
# the output moves.

# %%
def slope(f, values, place, h=1e-6):
    """How fast f changes with the value at `place`: the slope of a chord through two points beside it."""
    up, down = list(values), list(values)
    up[place] += h
    down[place] -= h
    return (f(*up) - f(*down)) / (2 * h)


def product_with_a_sum(x, y, z):
    return (x + y) * z


[slope(product_with_a_sum, (3.0, 5.0, 2.0), place) for place in range(3)]

# %% [markdown]
# Three inputs took six runs of the function. A network has millions of inputs. And the numbers are not exact: `h` is
# too large for the slope and too small for floating-point numbers, always.
#
# ## A slope, by hand
#
# Take the formula apart into steps with names, `s = x + y` and `f = s · z`. Each step alone is easy:
#
# - ∂f/∂s = z and ∂f/∂z = s, for f is a product,
# - ∂s/∂x = 1 and ∂s/∂y = 1, for s is a sum.
#
# The chain rule multiplies along the way: ∂f/∂x = ∂f/∂s · ∂s/∂x = z · 1 = 2. If a value is used in two places, each
# use moves the result, and the two movements add up. That is all there is to it:
#
# > multiply along each way, and add over all ways.
#
# ## Thirty lines
#
# So let each number remember which numbers it was made of, and the local derivative by each of them.

# %%
import math


class Number:
    """A number that remembers what it was made of, and how fast it changes with each part."""

    def __init__(self, value, parts=()):
        self.value = value
        self.parts = parts  # pairs: a number, and the derivative of this one by it
        self.slope = 0.0

    def __add__(self, other):
        return Number(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return Number(self.value * other.value, [(self, other.value), (other, self.value)])

    def __pow__(self, n):
        return Number(self.value**n, [(self, n * self.value ** (n - 1))])

    def back(self):
        """Give each number that this one was made of its slope: newest first, so that all uses have been added."""
        order, seen = [], set()

        def visit(number):
            if id(number) not in seen:
                seen.add(id(number))
                for part, _ in number.parts:
                    visit(part)
                order.append(number)

        visit(self)
        self.slope = 1.0
        for number in reversed(order):
            for part, local in number.parts:
                part.slope += local * number.slope


# %%
x, y, z = Number(3.0), Number(5.0), Number(2.0)
f = product_with_a_sum(x, y, z)
f.back()
assert (f.value, x.slope, y.slope, z.slope) == (16.0, 2.0, 2.0, 8.0)
x.slope, y.slope, z.slope

# %% [markdown]
# One run, three exact derivatives. The line with `+=` is "add over all ways", and its product is "multiply along each
# way". The order matters: a number may pass its slope on only when all its uses have added to it.
#
# ## The same in Pullback

# %%
import pullback as pb

x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((3.0, "x"), (5.0, "y"), (2.0, "z")))
f = product_with_a_sum(x, y, z)
f.backward()
assert (x.grad.item(), y.grad.item(), z.grad.item()) == (2.0, 2.0, 8.0)
pb.graph(f)

# %% [markdown]
# What `parts` is in our class is `inputs` of a *node* in `core/graph.py`, and `back` is `pull` in `core/walks.py`. Two
# things differ. Nodes are numbered as they are made, and a part is always older than what is made of it, so no search
# is needed to put them in order. And the walk is a loop and no recursion: try `back` on a chain of ten thousand.
#
# In the player the same computation runs. Press play; drag a number; look at the sum where a value is used twice.

# %%
x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((3.0, "x"), (5.0, "y"), (2.0, "z")))
pb.graph((x + y) * z + y**2).play(title="(x + y) · z + y²")

# %% [markdown]
# ## Three layers and a step downhill
#
# A model is a chain of such steps with numbers to be chosen, its *weights*. A loss says how bad it is; its slope by
# each weight says where to move that weight. This one has four weights, and even divides by one of its layers.


# %%
def loss(w, x):
    first = w[0] * x + w[1] * x**2
    second = w[2] / first
    return (w[3] + second) ** 2


w = [pb.tensor(v, requires_grad=True, name=f"w{i}") for i, v in enumerate([-1.2, 3.1, 4.0, 10.0])]
before = loss(w, 2.5)
before.backward()
slopes = [weight.grad.item() for weight in w]
slopes

# %%
with pb.no_grad():
    for weight in w:
        weight -= 0.001 * weight.grad  # a little against the slope
after = loss(w, 2.5)
assert after.item() < before.item()
before.item(), after.item()

# %% [markdown]
# ## Exercises
#
# **1.** Give `Number` a division. With *y = a / b*, what are ∂y/∂a and ∂y/∂b? Write `divide(a, b)`.


# %% tags=["hide-cell"]
def divide(a, b):
    return Number(a.value / b.value, [(a, 1 / b.value), (b, -a.value / b.value**2)])


# %%
a, b = Number(3.0), Number(-4.0)
divide(a, b).back()
assert (a.slope, b.slope) == (-1 / 4, -3 / 16)

# %% [markdown]
# **2.** Give it the sine. Write `sine(a)`, and check it against a chord.


# %% tags=["hide-cell"]
def sine(a):
    return Number(math.sin(a.value), [(a, math.cos(a.value))])


# %%
a = Number(0.7)
(sine(a) * a).back()
assert abs(a.slope - slope(lambda v: math.sin(v) * v, (0.7,), 0)) < 1e-8

# %% [markdown]
# **3.** In the walk, replace `reversed(order)` by breadth-first order from the result. Find a formula for which the
# slopes are then wrong. Write it as `trap(x)`: a function of one number that uses some number near the result *and* far
# from it.


# %% tags=["hide-cell"]
def trap(x):
    near = x * x
    return near + near * x * x  # `near` is met at once, before its other use has added to it


# %%
def breadth_first(result):
    """Slopes by a walk in the wrong order."""
    slopes, queue, seen = {id(result): 1.0}, [result], set()
    for number in queue:
        if id(number) in seen:
            continue
        seen.add(id(number))
        for part, local in number.parts:
            slopes[id(part)] = slopes.get(id(part), 0.0) + local * slopes[id(number)]
            queue.append(part)
    return slopes


x = Number(2.0)
result = trap(x)
result.back()
assert abs(x.slope - slope(lambda v: trap(Number(v)).value, (2.0,), 0)) < 1e-5
assert breadth_first(result)[id(x)] != x.slope

# %% [markdown]
# Next: [one list of all that happened](global_graph.py).
