"""Draw docs/pictures/profile.svg: the events of one training step in time, as written and as a compiled program.

`python scripts/profile_picture.py`
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

import numpy as np

import pullback as pb
from pullback.profiling import Event, Profile

PICTURE: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "profile.svg"
WIDTH, LEFT, ROW = 900, 20, 22
COLOURS: Final = {
    "operation": "#2f86cb",
    "backward": "#006e52",
    "kernel": "#6334b5",
    "module": "#b3bac4",
    "step": "#a0368a",
}
LIGHT: Final = "#e6dcfb"
TRIES: Final = 50


def main() -> None:
    """Draw it."""
    model = pb.nn.MLP(784, 64, 10, rng=0)
    criterion, optimizer = pb.nn.CrossEntropyLoss(), pb.optim.SGD(model.parameters(), lr=0.1)

    def step(images: pb.Tensor, labels: pb.Tensor) -> pb.Tensor:
        loss: pb.Tensor = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    images, labels = np.ones((32, 784), np.float32), np.zeros(32, int)
    compiled = pb.compile(step)
    parts: list[str] = []
    top = 34
    for title, function in (("as it is written", step), ("compiled", compiled)):
        for _ in range(5):
            function(images, labels)
        profiles = []
        with pb.profile():
            function(images, labels)  # the program with stamps is built here
        for _ in range(TRIES):
            with pb.profile() as p:
                function(images, labels)
            profiles.append(p)
        quickest = min(profiles, key=lambda p: p.seconds)
        parts.append(
            f'<text x="{LEFT}" y="{top}" font-weight="650">One step {title}: {quickest.seconds * 1e6:.0f} µs</text>'
        )
        top = _drawn(quickest, parts, top + 10) + 30
    text = 'font-family="system-ui, sans-serif" font-size="14" fill="#1c2128"'
    PICTURE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        f'role="img" {text}>'
        f"<title>Events of a training step in time</title>"
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{top - 1}" rx="10" fill="#fbfbfa" stroke="#dfe3e8"/>'
        f"{''.join(parts)}</svg>\n",
        encoding="utf-8",
    )


def _drawn(profile: Profile, parts: list[str], top: int) -> int:
    """Draw events below each other, as they lie within each other; gives where that ends."""
    events, deepest = profile.events, 0
    begin = min(event.begin for event in events)
    scale = (WIDTH - 2 * LEFT) / (max(event.end for event in events) - begin)
    around: list[Event] = []
    for event in events:
        while around and around[-1].end <= event.begin:
            around.pop()
        x, width = LEFT + (event.begin - begin) * scale, (event.end - event.begin) * scale
        y = top + len(around) * ROW
        deepest = max(deepest, len(around) + 1)
        around.append(event)
        colour = COLOURS.get(event.kind, LIGHT)
        name = f"{event.name}: {(event.end - event.begin) / 1000:.1f} µs"
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.6, 0.6):.1f}" height="{ROW - 3}" rx="2" fill="{colour}">'
            f"<title>{escape(name)}</title></rect>"
        )
        room = int(width / 7.2)
        if room >= 4:
            ink = "#1c2128" if colour in (LIGHT, COLOURS["module"]) else "#fff"
            shown = event.name if len(event.name) <= room else f"{event.name[: room - 1]}…"
            parts.append(f'<text x="{x + 4:.1f}" y="{y + 14}" font-size="12" fill="{ink}">{escape(shown)}</text>')
    return top + deepest * ROW


if __name__ == "__main__":
    main()
