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
# # A framework
#
# With gradients at hand, a framework for deep learning is a few habits: parameters that know where they belong, layers
# that are called like functions, losses, and an optimizer that moves all parameters. Here they are in thirty lines, and
# then in Pullback, where the step becomes native code.
#
# ## First, by hand
#
# Four points, two matrices, ten steps of gradient descent. Nothing but NumPy and two applications of the chain rule:

# %%
import numpy as np

inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
wanted = np.array([[0.0], [1.0], [0.0], [1.0]])

rng = np.random.default_rng(42)
w1, w2 = rng.random((2, 3)), rng.random((3, 1))
by_hand = []
for _ in range(10):
    hidden = inputs @ w1
    error = hidden @ w2 - wanted
    by_hand.append((error**2).sum())
    slope2, slope1 = hidden.T @ (2 * error), inputs.T @ (2 * error @ w2.T)
    w1, w2 = w1 - 0.1 * slope1, w2 - 0.1 * slope2
by_hand[0], by_hand[-1]

# %% [markdown]
# The two lines with slopes are what everybody gets wrong sooner or later. With a tape they go:

# %%
import pullback as pb

rng = np.random.default_rng(42)
weights = [pb.tensor(rng.random(shape), requires_grad=True) for shape in ((2, 3), (3, 1))]
taped = []
for _ in range(10):
    loss = ((inputs @ weights[0] @ weights[1] - wanted) ** 2).sum()
    loss.backward()
    with pb.no_grad():
        for w in weights:
            w -= 0.1 * w.grad
            w.grad = None
    taped.append(loss.item())
assert np.allclose(taped, by_hand)

# %% [markdown]
# ## Thirty lines
#
# What repeats? Weights are made and kept together, an input goes through one thing after the other, and all weights are
# moved alike. Three small classes say so:


# %%
class Linear:
    def __init__(self, rows, columns, rng):
        start = rng.normal(size=(rows, columns)) * np.sqrt(2 / rows)
        self.weight = pb.tensor(start, requires_grad=True)
        self.bias = pb.tensor(np.zeros(columns), requires_grad=True)
        self.parameters = [self.weight, self.bias]

    def __call__(self, x):
        return x @ self.weight + self.bias


class Chain:
    def __init__(self, *layers):
        self.layers = layers
        self.parameters = [p for layer in layers for p in getattr(layer, "parameters", [])]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Descent:
    def __init__(self, parameters, rate):
        self.parameters, self.rate = parameters, rate

    def step(self):
        with pb.no_grad():
            for p in self.parameters:
                p -= self.rate * p.grad
                p.grad = None


# %%
rng = np.random.default_rng(0)
model = Chain(Linear(2, 3, rng), np.tanh, Linear(3, 1, rng))
optimizer = Descent(model.parameters, rate=0.1)
losses = []
for _ in range(200):
    loss = ((model(inputs) - wanted) ** 2).sum()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < 0.1
losses[0], losses[-1]

# %% [markdown]
# That is a framework. A layer is anything that can be called; `np.tanh` is one.
#
# ## What Pullback adds
#
# | Our thirty lines | Pullback | And |
# | --- | --- | --- |
# | `Linear`, `Chain` | `pb.nn.Linear`, `pb.nn.Sequential` in `nn/` | finds its parameters by itself, and names them |
# | a square and a sum | `pb.nn.MSELoss` and others | warns where shapes would repeat what is predicted |
# | `Descent` | `pb.optim.SGD`, `Adam`, … in `optim/` | groups, schedules, a state that can be saved |
# | the loop | `pb.training.Trainer` | checkpoints, resuming to the bit, reports |

# %%
model = pb.nn.Sequential(pb.nn.Linear(2, 3, rng=1, dtype=float), pb.nn.Tanh(), pb.nn.Linear(3, 1, rng=1, dtype=float))
model

# %%
criterion = pb.nn.MSELoss(reduction="sum")
optimizer = pb.optim.SGD(model.parameters(), lr=0.1)


def step(x, y):
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


losses = [step(inputs, wanted).item() for _ in range(200)]
assert losses[-1] < 0.1
[name for name, _ in model.named_parameters()]

# %% [markdown]
# A module finds its parameters when an attribute is set: whatever is a parameter, a module, or a list of these. This is
# how a module of one's own looks; nothing has to be registered:


# %%
class Twice(pb.nn.Module):
    """The same layer two times: its parameters are used twice, and their gradients are added."""

    def __init__(self, width):
        self.layer = pb.nn.Linear(width, width, rng=0)

    def forward(self, x):
        return self.layer(np.tanh(self.layer(x)))


twice = Twice(4)
[name for name, _ in twice.named_parameters()]

# %% [markdown]
# ## Walking twice
#
# A tensor that is used several times gets the sum of what comes back. Each use must come back once. So Pullback lets
# the values of a graph go as it walks, and says so if it is asked to walk a second time:

# %%
w = pb.tensor([1.0, 2.0], requires_grad=True)
loss = (w * w).sum()
loss.backward()
try:
    loss.backward()
except pb.GraphError as error:
    print(error)

# %% [markdown]
# ## The step as one native call
#
# `pb.compile` looks on while a step runs, and then runs the record: forward, backward and update as machine code. The
# answers stay the same.

# %%
same = pb.nn.Sequential(pb.nn.Linear(2, 3, rng=1, dtype=float), pb.nn.Tanh(), pb.nn.Linear(3, 1, rng=1, dtype=float))
again = pb.optim.SGD(same.parameters(), lr=0.1)


@pb.compile
def fast(x, y):
    loss = criterion(same(x), y)
    again.zero_grad()
    loss.backward()
    again.step()
    return loss


compiled = [fast(inputs, wanted).item() for _ in range(200)]
assert np.allclose(compiled, losses, rtol=1e-6)
fast.explain()

# %% [markdown]
# Three steps, playing, with the update as the last act of each:

# %%
pb.record_player(step, inputs, wanted, times=3, title="A chain of layers learns")

# %% [markdown]
# ## Exercises
#
# **1.** Write `Momentum(parameters, rate, inertia)` like `Descent`: a velocity v ← inertia · v + g for each parameter,
# and p ← p − rate · v.


# %% tags=["hide-cell"]
class Momentum:
    def __init__(self, parameters, rate, inertia):
        self.parameters, self.rate, self.inertia = parameters, rate, inertia
        self.velocity = [np.zeros(p.shape) for p in parameters]

    def step(self):
        with pb.no_grad():
            for i, p in enumerate(self.parameters):
                self.velocity[i] = self.inertia * self.velocity[i] + p.grad.numpy()
                p -= self.rate * self.velocity[i]
                p.grad = None


# %%
mine, theirs = (pb.tensor([1.0, -2.0], requires_grad=True) for _ in range(2))
rules = Momentum([mine], 0.1, 0.9), pb.optim.SGD([theirs], lr=0.1, momentum=0.9)
for _ in range(5):
    for w, rule in zip((mine, theirs), rules, strict=True):
        w.grad = None
        (w**4).sum().backward()
        rule.step()
assert np.allclose(mine.numpy(), theirs.numpy())

# %% [markdown]
# **2.** Write a module `Residual(inner)` that gives x + inner(x), and see that its parameters are found.


# %% tags=["hide-cell"]
class Residual(pb.nn.Module):
    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


# %%
residual = Residual(pb.nn.Linear(4, 4, rng=0))
assert [name for name, _ in residual.named_parameters()] == ["inner.weight", "inner.bias"]
x = np.ones((2, 4), np.float32)
assert np.allclose(residual(x).numpy(), x + residual.inner(x).numpy())

# %% [markdown]
# **3.** Write `huber(predicted, target)`: half the square of the error where that is below 1 in size, and |error| − ½
# elsewhere; the mean over all. Its gradient must be finite everywhere.


# %% tags=["hide-cell"]
def huber(predicted, target):
    error = predicted - target
    return np.mean(np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5))


# %%
errors = np.array([-3.0, -0.5, 0.0, 0.2, 4.0])
slopes = pb.grad(lambda p: huber(p, np.zeros(5)))(errors)
assert np.allclose(slopes.numpy() * 5, np.clip(errors, -1, 1))

# %% [markdown]
# From here: [how to](../how-to/index.md), the [gallery](../gallery/index.md), and the
# [architecture](../explanations/index.md).
