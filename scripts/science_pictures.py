"""Draw the pictures of the pages that docs/how-to/science.md lists: docs/pictures/science-*.svg, by their programs.

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
PAGES: Final = (
    "gaussian-process", "levenberg-marquardt", "maximum-likelihood", "neural-ode", "hamiltonian-monte-carlo",
    "steady-state", "optimal-control", "filter-design",
)  # fmt: skip
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 46, 16, 36, 30
INK, BLUE, GREEN, PURPLE, GREY = "#1c2128", "#2f86cb", "#006e52", "#6334b5", "#b3bac4"
TICKS: Final = 6  # at most, about


class Line(NamedTuple):
    """Points joined by a line, or dots, in a colour; of a band the lower edge too."""

    x: Any
    y: Any
    colour: str
    dots: bool = False
    below: Any = None


def ran(name: str) -> dict[str, Any]:
    """Run a page's examples, and give all that they made."""
    page = DOCS / "how-to" / f"{name}.md"
    test = doctest.DocTestParser().get_doctest(page.read_text(encoding="utf-8"), {}, page.name, str(page), 0)
    made: dict[str, Any] = {}
    for example in test.examples:
        exec(compile(example.source, page.name, "single"), made)  # noqa: S102 -- the page is our own
    return made


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two others."""
    rough = (high - low) / TICKS
    size = 10 ** np.floor(np.log10(rough))
    step = next(size * n for n in (1, 2, 5, 10) if size * n >= rough)
    return [round(n * step, 9) for n in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


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
    for t in ticks(x0, x1):
        a, _, b = at(t, y0).partition(",")
        parts.append(f'<text x="{a}" y="{float(b) + 18:.0f}" text-anchor="middle" font-size="12">{t:g}</text>')
    for t in ticks(y0, y1):
        b = float(at(x0, t).split(",")[1])
        parts.append(f'<path d="M{LEFT} {b:.1f}H{WIDTH - RIGHT}" stroke="#dfe3e8"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{b + 4:.1f}" text-anchor="end" font-size="12">{t:g}</text>')
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


def pictures(
    process: Any, fit: Any, likelihood: Any, equation: Any, draws: Any, rest: Any, control: Any, design: Any
) -> dict[str, tuple[str, list[Line]]]:  # fmt: skip
    """The title and the lines of each picture, from what the pages' examples made."""
    middle, spread = process["middle"].numpy(), 2 * process["spread"].numpy()
    places = process["places"]

    t, data, p = fit["t"], fit["data"], fit["p"].numpy()
    fine = np.linspace(0, 3, 100)

    def fitted(p: Any) -> Any:
        return p[0] * np.exp(-p[1] * fine)

    along = np.stack([fitted(p) / p[0], -fine * fitted(p)], axis=1)
    error = 2 * np.sqrt(np.einsum("ti,ij,tj->t", along, fit["covariance"].numpy(), along))

    found, waiting = np.exp(likelihood["found"].numpy()), np.sort(likelihood["waiting"])
    steps, ends = np.arange(1, len(waiting) + 1) / len(waiting), np.linspace(0.01, waiting[-1], 200)

    rates = np.linspace(0.3, 3, 60)
    rests = [rest["resting"](np.array([1.0, rate, 0.5])).numpy() for rate in rates]

    first, last = (equation["paths"][i].numpy() for i in (0, -1))
    circle = equation["circle"]
    thrust, moments = control["thrust"].numpy(), np.linspace(0, 2, 80)
    cart = pb.integrate.solve_ivp(control["field"], (0, 2), [0.0, 0.0], args=(thrust,), t_eval=moments, rtol=1e-6)
    drawn = np.array(draws["drawn"])
    waves = np.fft.rfftfreq(256)
    return {
        "process": (
            "What the process knows: its middle, and two standard deviations",
            [
                Line(places, middle + spread, BLUE, below=middle - spread),
                Line(places, middle, BLUE),
                Line(process["x"], process["y"], INK, dots=True),
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
            [Line(waves, design["wanted"] * 1.0, GREY), Line(waves, design["gain"], BLUE)],
        ),
    }


def main() -> None:
    """Draw all."""
    for name, (title, lines) in pictures(*map(ran, PAGES)).items():
        drawn(title, lines, DOCS / "pictures" / f"science-{name}.svg")


if __name__ == "__main__":
    main()
