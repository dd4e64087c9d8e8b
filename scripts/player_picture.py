"""Draw docs/pictures/player.svg: what the player's page shows in the middle of its way back.

It opens the page in the system's Chromium (the group `browser` of pyproject.toml), goes to a step, and takes the stage
as it is; the frame around it is drawn here. `python scripts/player_picture.py`
"""

from __future__ import annotations

import shutil
import tempfile
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from playwright.sync_api import sync_playwright

import pullback as pb
from pullback.visualize.pages import PAGE

PICTURE: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "player.svg"
WIDTH, HEIGHT, TOP, BOTTOM = 900, 470, 40, 62
STEP: Final = 18
_SAID: Final = "s => [...s.childNodes].map((n) => n.textContent.trim()).filter(Boolean).join(' ')"
# What rules are about that is there.
_DRAWN: Final = (".line", ".box", ".slope", ".notes", ".map", ".pulse", ".bar", ".track")


def main() -> None:
    """Draw it."""
    x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((0.5, "x"), (4.0, "y"), (-2.3, "z")))
    title = "sin(x^(y + z)) − 3·log(x²·y³)"
    player = pb.graph(np.sin(x ** (y + z)) - 3 * np.log(x**2 * y**3)).play(title=title)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH + 331, "height": HEIGHT + 110}, reduced_motion="reduce")
        page.goto(player.save(Path(folder) / "page.html").as_uri())
        page.wait_for_selector("html[data-ready]")
        page.evaluate(f"player.go({STEP})")
        stage = page.locator("#stage svg").evaluate("s => s.innerHTML")
        box = page.locator("#stage svg").bounding_box()
        said, length = page.locator("#say").evaluate(_SAID), page.evaluate("player.run.length")
        browser.close()
    light = (PAGE / "palette.css").read_text(encoding="utf-8").partition("[data-theme")[0]
    rules = (PAGE / "style.css").read_text(encoding="utf-8").splitlines()
    kept = light + "\n".join(rule for rule in rules if rule.startswith(_DRAWN))
    place = 24 + (WIDTH - 150) * STEP / length
    height = TOP + int(box["height"]) + BOTTOM
    text = 'font-family="system-ui, sans-serif" fill="#1c2128"'
    size, inner = f'width="{WIDTH}" height="{height}"', f'width="{WIDTH}" height="{box["height"]}"'
    name = "<title>The player in the middle of its way back</title>"
    PICTURE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size} role="img">'
        f"{name}<style>{kept.replace('color-scheme: light;', '')}</style>"
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#fbfbfa" stroke="#dfe3e8"/>'
        f'<text x="18" y="26" font-size="15" font-weight="650" {text}>{escape(title)}</text>'
        f'<svg y="{TOP}" {inner} viewBox="0 0 {box["width"]} {box["height"]}" {text}>{stage}</svg>'
        f'<text x="24" y="{height - 40}" font-size="13.5" {text}>{escape(said)}</text>'
        f'<rect x="24" y="{height - 22}" width="{WIDTH - 150}" height="5" rx="2.5" fill="#dfe3e8"/>'
        f'<rect x="24" y="{height - 22}" width="{place - 24}" height="5" rx="2.5" fill="#006e52"/>'
        f'<circle cx="{place}" cy="{height - 19.5}" r="8" fill="#006e52"/>'
        f'<text x="{WIDTH - 110}" y="{height - 15}" font-size="13" {text}>step {STEP} of {length}</text></svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
