"""Draw the pictures of docs/how-to/science.md: docs/pictures/science-*.svg, by the programs of that page.

`python scripts/science_pictures.py`
"""

from __future__ import annotations

import doctest
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

import pullback as pb

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
PAGE: Final = DOCS / "how-to" / "science.md"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 46, 16, 36, 30
INK, BLUE, GREEN, PURPLE, GREY = "#1c2128", "#2f86cb", "#006e52", "#6334b5", "#b3bac4"
TICKS: Final = 5


class Line(NamedTuple):
    """Points joined by a line, or dots, in a colour; of a band the lower edge too."""

    x: Any
    y: Any
    colour: str
    dots: bool = False
    below: Any = None


def ran() -> dict[str, Any]:
    """Run the page's examples, and give all that they made."""
    test = doctest.DocTestParser().get_doctest(PAGE.read_text(encoding="utf-8"), {}, PAGE.name, str(PAGE), 0)
    made: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for example in test.examples:  # later parts use names again, so the first of each is kept
        if example.exc_msg is None:
            exec(compile(example.source, PAGE.name, "single"), made)  # noqa: S102 -- the page is our own
            for name, value in made.items():
                kept.setdefault(name, value)
    return kept


def drawn(title: str, lines: list[Line], path: Path) -> None:
    """Write a picture of lines over one pair of axes."""
    xs = np.concatenate([np.ravel(line.x) for line in lines])
    ys = np.concatenate([np.ravel(y) for line in lines for y in (line.y, line.below) if y is not None])
    (x0, x1), (y0, y1) = (xs.min(), xs.max()), (ys.min(), ys.max())
    y0, y1 = y0 - 0.05 * (y1 - y0), y1 + 0.05 * (y1 - y0)

    def at(x: Any, y: Any) -> str:
        across = LEFT + (np.asarray(x) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (np.asarray(y) - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(np.ravel(across), np.ravel(down), strict=True))

    parts = [f'<text x="{LEFT}" y="22" font-weight="650">{escape(title)}</text>']
    for t in np.linspace(x0, x1, TICKS):
        a, _, b = at(t, y0).partition(",")
        parts.append(f'<text x="{a}" y="{float(b) + 18:.0f}" text-anchor="middle" font-size="12">{t:.3g}</text>')
    for t in np.linspace(y0, y1, TICKS):
        b = float(at(x0, t).split(",")[1])
        parts.append(f'<path d="M{LEFT} {b:.1f}H{WIDTH - RIGHT}" stroke="#dfe3e8"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{b + 4:.1f}" text-anchor="end" font-size="12">{t:.2g}</text>')
    for line in lines:
        if line.below is not None:
            edge = at(np.r_[line.x, line.x[::-1]], np.r_[line.y, line.below[::-1]])
            parts.append(f'<polygon points="{edge}" fill="{line.colour}" fill-opacity=".2"/>')
        elif line.dots:
            for point in at(line.x, line.y).split():
                a, b = point.split(",")
                parts.append(f'<circle cx="{a}" cy="{b}" r="3" fill="{line.colour}" fill-opacity=".7"/>')
        else:
            parts.append(
                f'<polyline points="{at(line.x, line.y)}" fill="none" stroke="{line.colour}" stroke-width="2"/>'
            )
    text = f'font-family="system-ui, sans-serif" font-size="14" fill="{INK}"'
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" {text}><title>{escape(title)}</title>'
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10" fill="#fbfbfa" stroke="#dfe3e8"/>'
        f"{''.join(parts)}</svg>\n",
        encoding="utf-8",
    )


def pictures(kept: dict[str, Any]) -> dict[str, tuple[str, list[Line]]]:
    """The title and the lines of each picture, from what the page's examples made."""
    x, y = kept["x"], kept["y"]
    length, noise = np.exp(kept["best"].x.numpy())
    places = np.linspace(-0.5, 5, 200)

    def near(a: Any, b: Any) -> Any:
        return np.exp(-((a[:, None] - b) ** 2) / (2 * length**2))

    k, across = near(x, x) + noise**2 * np.eye(len(x)), near(places, x)
    middle = across @ np.linalg.solve(k, y)
    spread = 2 * np.sqrt(1 + noise**2 - (across * np.linalg.solve(k, across.T).T).sum(axis=1))

    t, data, p = kept["t"], kept["data"], kept["p"].numpy()
    fine = np.linspace(0, 3, 100)

    def fitted(p: Any) -> Any:
        return p[0] * np.exp(-p[1] * fine)

    along = np.stack([fitted(p) / p[0], -fine * fitted(p)], axis=1)
    error = 2 * np.sqrt(np.einsum("ti,ij,tj->t", along, kept["covariance"].numpy(), along))

    found, waiting = np.exp(kept["found"].numpy()), np.sort(kept["waiting"])
    steps, ends = np.arange(1, len(waiting) + 1) / len(waiting), np.linspace(0.01, waiting[-1], 200)

    rates = np.linspace(0.3, 3, 60)
    rests = [kept["resting"](np.array([1.0, rate, 0.5])).numpy() for rate in rates]

    first, last = (kept["paths"][i].numpy() for i in (0, -1))
    circle = kept["circle"]
    thrust = kept["thrust"].numpy()

    def field(t: Any, y: Any) -> Any:
        return np.stack([y[1], thrust[0] + thrust[1] * t + thrust[2] * t**2 - 0.2 * y[1]])

    cart = pb.integrate.solve_ivp(field, (0, 2), [0.0, 0.0], t_eval=np.linspace(0, 2, 80), rtol=1e-6)
    drawn = np.array(kept["drawn"])
    waves = np.fft.rfftfreq(256)
    return {
        "process": (
            "What the process knows: its middle, and two standard deviations",
            [
                Line(places, middle + spread, BLUE, below=middle - spread),
                Line(places, middle, BLUE),
                Line(x, y, INK, dots=True),
            ],
        ),
        "fit": (
            "Data, the curve that fits, and twice its standard error ten times enlarged",
            [
                Line(fine, fitted(p) + 10 * error, GREEN, below=fitted(p) - 10 * error),
                Line(fine, fitted(p), GREEN),
                Line(t, data, INK, dots=True),
            ],
        ),
        "likelihood": (
            "How many waited no longer: counted, and by the likeliest distribution",
            [
                Line(waiting, steps, GREY),
                Line(ends, pb.stats.gamma.cdf(ends, found[0], scale=found[1]).numpy(), PURPLE),
            ],
        ),
        "rest": (
            "Where the reaction rests, by the rate of its second step (blue and green)",
            [Line(rates, [c[0] for c in rests], BLUE), Line(rates, [c[1] for c in rests], GREEN)],
        ),
        "equation": (
            "Points of a circle, and the path before (grey) and after learning",
            [
                Line(first[:, 0], first[:, 1], GREY),
                Line(last[:, 0], last[:, 1], PURPLE),
                Line(circle[:, 0], circle[:, 1], INK, dots=True),
            ],
        ),
        "control": (
            "Place (blue) and speed (green) of the cart under the thrust found",
            [Line(cart.t, cart.y[0].numpy(), BLUE), Line(cart.t, cart.y[1].numpy(), GREEN)],
        ),
        "draws": ("Two hundred draws", [Line(drawn[:, 0], drawn[:, 1], BLUE, dots=True)]),
        "filter": (
            "The gain that is wanted, and that of the filter found",
            [Line(waves, kept["wanted"] * 1.0, GREY), Line(waves, kept["gain"], BLUE)],
        ),
    }


def main() -> None:
    """Draw all."""
    for name, (title, lines) in pictures(ran()).items():
        drawn(title, lines, DOCS / "pictures" / f"science-{name}.svg")


if __name__ == "__main__":
    main()
