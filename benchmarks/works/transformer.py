"""One training step of the recipe `shakespeare-gpt`: 4 layers, 4 heads, 128 wide, 12 windows of 64, AdamW."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

from works.networks import BATCHES, Array, targets, weights

CHARACTERS, CONTEXT, WIDTH, LAYERS, HEADS, BATCH = 65, 64, 128, 4, 4, 12
LR, BETAS, DECAY, EPS, CLIP = 1e-3, (0.9, 0.99), 0.1, 1e-8, 1.0

work: Final = Work(
    "gpt", "a transformer of 4 layers, 128 wide, batch 12 of 64 characters, gradients clipped, AdamW",
    Target(0.7, against="jax", contestant=COMPILED), *targets(0.7), reference="torch", tolerance=1e-3,
)  # fmt: skip


def windows() -> Iterator[tuple[Array, Array]]:
    """Batch after batch of windows, and each character's next."""
    tokens = np.random.default_rng(1).integers(0, CHARACTERS, (BATCHES, BATCH, CONTEXT + 1))
    return cycle([(batch[:, :-1].copy(), batch[:, 1:].copy()) for batch in tokens])


def pullback_step(prepared: Callable[[Any], Any]) -> Step:
    import pullback as pb
    from pullback import nn, optim
    from pullback.training.recipes.text import GPT

    net = GPT(CHARACTERS, CONTEXT, WIDTH, LAYERS, HEADS, 0)
    net.load_state_dict(weights({name: p.shape for name, p in net.named_parameters()}))
    groups = optim.groups_by_name(net.named_parameters(), {"*norm*": {"weight_decay": 0.0}})
    optimizer = optim.AdamW(groups, lr=LR, betas=BETAS, weight_decay=DECAY)
    criterion, data = nn.CrossEntropyLoss(), windows()

    def train(x: Any, t: Any) -> Any:
        loss = criterion(net(x), t)
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        return loss

    ready = prepared(train)
    return lambda: float(ready(*map(pb.tensor, next(data))).item())


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    return pullback_step(pb.compile)


@work.contestant("pullback")
def pullback() -> Step:
    return pullback_step(lambda train: train)


@work.contestant("torch")
def torch() -> Step:
    import torch
    from torch import nn
    from torch.nn import functional

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_proj_weight = nn.Parameter(torch.empty(3 * WIDTH, WIDTH))
            self.out_proj = nn.Linear(WIDTH, WIDTH, bias=False)

        def forward(self, x: Any) -> Any:
            n, length, _ = x.shape
            parts = functional.linear(x, self.in_proj_weight).view(n, length, 3, HEADS, WIDTH // HEADS)
            q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out_proj(mixed.transpose(1, 2).reshape(n, length, WIDTH))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.self_attn = Attention()
            self.linear1, self.linear2 = (
                nn.Linear(*pair, bias=False) for pair in ((WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))
            )
            self.norm1, self.norm2 = (nn.LayerNorm(WIDTH, bias=False) for _ in range(2))

        def forward(self, x: Any) -> Any:
            x = x + self.self_attn(self.norm1(x))
            return x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.positions = nn.Embedding(CHARACTERS, WIDTH), nn.Embedding(CONTEXT, WIDTH)
            self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
            self.norm = nn.LayerNorm(WIDTH, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.embedding(tokens) + self.positions.weight
            for block in self.blocks:
                x = block(x)
            return functional.linear(self.norm(x), self.embedding.weight)

    net = Network()
    first = weights({name: tuple(p.shape) for name, p in net.named_parameters()})
    net.load_state_dict({name: torch.from_numpy(value) for name, value in first.items()})
    named = [*net.named_parameters()]
    groups = [
        {"params": [p for name, p in named if ("norm" in name) == norms], "weight_decay": 0.0 if norms else DECAY}
        for norms in (True, False)
    ]
    optimizer, data = torch.optim.AdamW(groups, lr=LR, betas=BETAS, eps=EPS), windows()

    def step() -> float:
        x, t = map(torch.from_numpy, next(data))
        loss = functional.cross_entropy(net(x).flatten(0, 1), t.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        return loss.item()

    return step


def shapes() -> dict[str, tuple[int, ...]]:
    """The parameters of the network."""
    found = {"embedding.weight": (CHARACTERS, WIDTH), "positions.weight": (CONTEXT, WIDTH), "norm.weight": (WIDTH,)}
    for n in range(LAYERS):
        found |= {f"blocks.{n}.norm{i}.weight": (WIDTH,) for i in (1, 2)} | {
            f"blocks.{n}.self_attn.in_proj_weight": (3 * WIDTH, WIDTH),
            f"blocks.{n}.self_attn.out_proj.weight": (WIDTH, WIDTH),
            f"blocks.{n}.linear1.weight": (4 * WIDTH, WIDTH), f"blocks.{n}.linear2.weight": (WIDTH, 4 * WIDTH),
        }  # fmt: skip
    return found


@work.contestant("jax")
def jax_jit() -> Step:
    import jax
    import jax.numpy as jnp

    def normed(x: Any, weight: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight

    def loss_of(p: Any, x: Any, t: Any) -> Any:
        h = p["embedding.weight"][x] + p["positions.weight"]
        mask = jnp.tril(jnp.ones((CONTEXT, CONTEXT), bool))
        for n in range(LAYERS):
            own = {name.removeprefix(f"blocks.{n}."): value for name, value in p.items() if f"blocks.{n}." in name}
            parts = normed(h, own["norm1.weight"]) @ own["self_attn.in_proj_weight"].T
            q, k, v = parts.reshape(BATCH, CONTEXT, 3, HEADS, WIDTH // HEADS).transpose(2, 0, 3, 1, 4)
            scores = jnp.where(mask, q @ k.swapaxes(-1, -2) * (WIDTH // HEADS) ** -0.5, -jnp.inf)
            mixed = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(BATCH, CONTEXT, WIDTH)
            h = h + mixed @ own["self_attn.out_proj.weight"].T
            inner = jax.nn.gelu(normed(h, own["norm2.weight"]) @ own["linear1.weight"].T, approximate=False)
            h = h + inner @ own["linear2.weight"].T
        logits = normed(h, p["norm.weight"]) @ p["embedding.weight"].T
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), t[..., None], -1).mean()

    @jax.jit
    def update(p: Any, m: Any, v: Any, count: Any, x: Any, t: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(p, x, t)
        norm = jnp.sqrt(sum((part**2).sum() for part in g.values()))
        g = {name: part * jnp.minimum(1.0, CLIP / (norm + 1e-6)) for name, part in g.items()}
        m = {name: BETAS[0] * m[name] + (1 - BETAS[0]) * g[name] for name in p}
        v = {name: BETAS[1] * v[name] + (1 - BETAS[1]) * g[name] ** 2 for name in p}
        now = {}
        for name, value in p.items():
            kept = value if "norm" in name else value * (1 - LR * DECAY)
            root = jnp.sqrt(v[name] / (1 - BETAS[1] ** count)) + EPS
            now[name] = kept - LR * (m[name] / (1 - BETAS[0] ** count)) / root
        return now, m, v, loss

    first = weights(shapes())
    state: list[Any] = [first, *({name: np.zeros_like(value) for name, value in first.items()} for _ in range(2))]
    data, count = windows(), 0

    def step() -> float:
        nonlocal count
        count += 1
        *state[:], loss = update(*state, float(count), *next(data))
        return float(loss)

    return step
