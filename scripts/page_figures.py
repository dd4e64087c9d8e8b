"""Measure the player's pages in the system's Chromium, as painted: how soon they stand there, and how they scrub.

Times are counted from the beginning of the navigation to the end of the frame that shows the result; the least of
several openings is printed, and of a scrub the frames that the browser painted. Beside them stands what the page's own
thread took of the processor, which other work on the machine changes little. `python scripts/page_figures.py`
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import sync_playwright

import pullback as pb
from pullback.visualize.player import Player

OPENINGS: Final = 9
FRAMES: Final = 300

# In the page, from before its first script: note when the player was first painted, and when its end was.
WATCH: Final = """
window.painted = (f) => requestAnimationFrame(() => {
  const after = new MessageChannel();
  after.port1.onmessage = () => f(performance.now());
  after.port2.postMessage(0);
});
const look = () => {
  if (!document.documentElement?.dataset.ready) return requestAnimationFrame(look);
  painted((opened) => {
    window.opened = opened;
    player.go(player.run.length);
    painted((ran) => { window.ran = ran; });
  });
};
requestAnimationFrame(look);
"""

# Move the slider by one place a frame, and note how long each frame took.
SCRUB: Final = """(most) => new Promise((done) => {
  const slider = document.getElementById("slider"), times = [];
  let at = 0;
  const turn = (now) => {
    times.push(now);
    if (at >= Math.min(most, player.run.length)) return done(times.slice(1).map((t, i) => t - times[i]));
    slider.value = at++;
    slider.dispatchEvent(new Event("input"));
    requestAnimationFrame(turn);
  };
  player.go(0);
  requestAnimationFrame(turn);
})"""

UNFOLD: Final = """() => new Promise((done) => {
  const begun = performance.now();
  document.getElementById("whole").click();
  painted((end) => done(end - begun));
})"""


def seeds() -> Player:
    """The seeds' function of three variables."""
    x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((0.5, "x"), (4.0, "y"), (-2.3, "z")))
    return pb.graph(np.sin(x ** (y + z)) - 3 * np.log(x**2 * y**3)).play()


def mnist() -> Player:
    """A training step of a network for MNIST, with a batch of 32."""
    model = pb.nn.MLP(784, 64, 10, rng=0)
    optimizer, rng = pb.optim.SGD(model.parameters(), lr=0.1), np.random.default_rng(0)
    images, labels = rng.random((32, 784), np.float32), np.arange(32) % 10

    def step() -> None:
        loss = pb.nn.CrossEntropyLoss()(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return pb.record_player(step)


def chain(values: int) -> Player:
    """A loop written in Python, of about so many values."""
    w, b = pb.tensor(0.9, requires_grad=True, name="w"), pb.tensor(0.1, requires_grad=True, name="b")

    def run() -> None:
        h = w * 0.5
        for _ in range(values // 5):
            h = np.sin(h * w + b) * 1.1
        h.backward()

    return pb.record_player(run, title=f"{values:,} values")


def main() -> None:
    """Print a line for each page."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, player in (("seeds", seeds()), ("mnist", mnist()), ("100", chain(100)), ("2,000", chain(2_000))):
            path = player.save(Path(folder) / "page.html")
            found = [opened(browser, path) for _ in range(OPENINGS)]
            opening, running, busy = (min(one[i] for one in found) for i in range(3))
            parts = [
                f"{path.stat().st_size / 1000:,.0f} kB",
                f"opens in {opening:.0f} ms",
                f"has run after {running:.0f} ms",
            ]
            parts.append(f"{busy:.0f} ms of the processor")
            print(f"{name:>6}: {', '.join(parts)}")
            if name == "2,000":
                print(*(f"        {line}" for line in scrubbed(browser, path)), sep="\n")
        browser.close()
    print(drawn())


def opened(browser: Any, path: Path) -> tuple[float, float, float]:
    """Milliseconds until a page is painted, until its last step is, and what its thread took of the processor."""
    page, busy = shown(browser, path)
    times = page.evaluate("[opened, ran]")
    taken = busy()
    page.close()
    return times[0], times[1], taken


def shown(browser: Any, path: Path) -> tuple[Any, Callable[[], float]]:
    """An open page, and what tells how many milliseconds its thread has worked."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(float(entry["value"]) for entry in metrics if entry["name"] == "TaskDuration")

    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    page.wait_for_function("() => window.ran !== undefined")
    return page, busy


def scrubbed(browser: Any, path: Path) -> Iterator[str]:
    """How long unfolding takes, and how many frames a second are painted while the slider moves."""
    page, busy = shown(browser, path)
    boxes = page.locator(".box")

    def rate(word: str) -> str:
        before = busy()
        frames = page.evaluate(SCRUB, FRAMES)
        late = statistics.quantiles(frames, n=20)[-1]
        return (
            f"{word}, {boxes.count()} boxes in sight: {1000 / statistics.mean(frames):.0f} frames a second, "
            f"one in 20 takes {late:.0f} ms or more; {(busy() - before) / len(frames):.1f} ms of the processor each"
        )

    yield rate("folded")
    yield f"unfolded in {page.evaluate(UNFOLD):.0f} ms"
    yield rate("unfolded")
    page.evaluate("player.stage.zoom(0.12, 0, 0)")
    yield rate("from afar")
    page.close()


def drawn() -> str:
    """How long the library's own picture of so many values takes."""
    w = pb.tensor(0.9, requires_grad=True, name="w")
    h = w * 0.5
    for _ in range(400):
        h = np.sin(h * w + w) * 1.1
    graph, times = pb.graph(h), []
    for _ in range(3):
        begun = time.process_time()
        graph.draw()
        times.append(time.process_time() - begun)
    return f"{len(graph.nodes):,} nodes drawn by draw() in {1000 * min(times):.0f} ms of the processor"


if __name__ == "__main__":
    main()
