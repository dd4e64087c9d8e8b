"""Arrays in a player's page: heat maps with a shape, a range and a histogram; and the keys that move through it."""

from __future__ import annotations

import numpy as np

import pullback as pb

PIXELS = """(image) => new Promise((done) => {
  const read = new Image();
  read.onload = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [read.width, read.height];
    canvas.getContext("2d").drawImage(read, 0, 0);
    done([read.width, read.height, [...canvas.getContext("2d").getImageData(0, 0, read.width, read.height).data]]);
  };
  read.src = image.src ?? image.getAttribute("href");
})"""


def pixels(image):
    width, height, data = image.evaluate(PIXELS)
    return np.array(data).reshape(height, width, 4)[..., :3]


def test_a_heat_map_has_a_colour_for_each_element(show):
    x = pb.tensor([[1.0, -1.0, 0.0], [0.5, np.nan, 0.25]], requires_grad=True, name="x")
    page = show(pb.graph(x * 2.0).play())
    page.keyboard.press("End")
    page.locator(".box.variable").click()
    for image in (page.locator(".box.variable image.value"), page.locator("#panel img.heat").first):
        red, _, blue = np.moveaxis(pixels(image).astype(int), -1, 0)
        warmth = red - blue  # orange above 0, blue below, the ground at 0
        assert warmth[0, 0] > warmth[1, 0] > warmth[1, 2] > 10 > abs(warmth[0, 2])
        assert warmth[0, 1] < -10
        assert pixels(image)[1, 1].tolist() == [217, 28, 52]  # what is no number
    said = page.locator("#panel").inner_text()
    assert "2 × 3" in said
    assert "−1 … 1" in said
    assert not page.locator(".histogram").first.is_visible()
    page.get_by_text("histogram").first.click()
    assert page.locator(".histogram").first.is_visible()
    counts = page.evaluate("histogram(player.run.values[player.selected]).counts")
    assert sum(counts) == 5
    assert [counts[0], counts[-1]] == [1, 1]


def test_keys(show):
    x = pb.tensor(0.5, requires_grad=True, name="x")
    h = x
    for _ in range(8):
        h = np.sin(h) * x
    page = show(pb.graph(h).play())
    keys = ["ArrowRight", "ArrowRight", "ArrowLeft", "PageDown", "PageUp", "End", "Home"]
    length = page.evaluate("player.run.length")
    times = []
    for key in keys:
        page.keyboard.press(key)
        times.append(page.evaluate("player.time"))
    assert times == [1, 2, 1, 11, 1, length, 0]
    scale = page.evaluate("player.stage.scale")
    page.keyboard.press("+")
    assert page.evaluate("player.stage.scale") > scale
    page.keyboard.press("-")
    page.locator(".box.operation").first.click()
    assert page.locator(".box.chosen").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".box.chosen").count() == 0
    page.locator("#stage").focus()
    page.keyboard.press("Space")
    assert page.locator("#play").get_attribute("aria-label") == "pause"
    page.keyboard.press("Space")
    assert page.locator("#play").get_attribute("aria-label") == "play"


def test_a_long_sum_is_written_when_it_is_asked_for(show):
    x = pb.tensor(0.5, requires_grad=True, name="x")
    h = x * 1.0
    for _ in range(40):
        h = h * x
    page = show(pb.graph(h).play())
    page.locator("#whole").click()
    page.keyboard.press("End")
    page.evaluate("player.select(player.run.graph.values.findIndex((v) => v.id === 'x'))")
    terms = page.locator(".sum output[data-exact]")
    assert terms.count() == 20
    page.get_by_text("and 21 more").click()
    assert terms.count() == 41
    h.backward()
    assert sum(float(t) for t in terms.evaluate_all("all => all.map(o => o.dataset.exact)")) == x.grad.item()
