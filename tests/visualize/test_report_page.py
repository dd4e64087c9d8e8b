"""The page of a run in a browser: it draws what it is given, smooths, reads off, and works on a phone."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.training import Measurement
from pullback.training.evaluation import Evaluation
from pullback.training.looking import QUANTILES, Sample
from pullback.training.report_page import Pictures, Shown, run_page, runs_page


class Page:
    """What can be saved, as a player can."""

    def __init__(self, text):
        self.text = text

    def save(self, path):
        path.write_text(self.text, encoding="utf-8")
        return path


def rows():
    for step in range(1, 41):
        yield Measurement(step, "train", "loss", 2.0 / step, step / 10)
        if step % 10 == 0:
            yield Measurement(step, "test", "loss", 2.5 / step, step / 10)
            yield Measurement(step, "test", "accuracy", 1 - 1 / step, step / 10)
            yield Measurement(step, "rate", "lr", 0.1 / step, step / 10)
            yield Measurement(step, "dead", "1", 0.25, step / 10)
            for percent in QUANTILES:
                yield Measurement(step, "weight", f"1.weight {percent}%", percent / 100 * step, step / 10)
                yield Measurement(step, "gradient", f"1.weight {percent}%", percent / 1000 * step, step / 10)


def whole():
    rng = np.random.default_rng(0)
    labels = np.arange(12) % 3
    chances = rng.dirichlet(np.ones(3), 12)
    pictures = Pictures(rng.random((12, 8, 8)), Evaluation(labels, chances, -np.log(chances[range(12), labels])), "abc")
    return run_page("digits <1>", list(rows()), "seed = 0", [Sample(10, "ha"), Sample(20, "<b>ho</b>")], pictures)


def test_everything_is_drawn(show):
    page = show(Page(whole()))
    assert page.locator("h1").inner_text() == "digits <1>"
    titles = page.locator("h2").all_inner_texts()
    assert titles == [
        "curves", "learning rate", "confusion", "worst mistakes", "examples", "samples", "dead units",
        "weights", "gradients", "settings",
    ]  # fmt: skip
    assert page.locator("#curves h3").all_inner_texts() == ["loss", "accuracy"]
    assert page.locator("#curves .curve").count() == 3
    assert page.locator("#weights .band").count() == page.locator("#gradients .band").count() == 3
    assert page.locator(".confusion td").count() == 9
    assert page.locator("canvas").count() == 12
    assert page.locator(".samples pre").inner_text() == "<b>ho</b>"
    page.get_by_label("which sample").fill("0")
    assert page.locator(".samples pre").inner_text() == "ha"


def test_a_canvas_shows_its_image(show):
    page = show(Page(whole()))
    ink = page.evaluate("() => [...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 8, 8).data]")
    assert len(set(ink[::4])) > 5
    assert set(ink[3::4]) == {255}


def test_smoothing_and_reading_off(show):
    page = show(Page(whole()))
    chart = page.locator("#curves .chart").first
    curves, raw = ([one.get_attribute("d") for one in chart.locator(kind).all()] for kind in (".curve", ".raw"))
    assert curves[1] == raw[1]  # few points need no smoothing
    before = chart.locator(".curve").first.get_attribute("d")
    page.get_by_label("smoothing").fill("0")
    assert chart.locator(".curve").first.get_attribute("d") == chart.locator(".raw").first.get_attribute("d") != before
    page.get_by_label("logarithmic").check()
    assert chart.locator(".curve").first.get_attribute("d") != before
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 40)
    assert "0.05 at 40" in page.locator("#curves .keys").first.inner_text()


def test_the_mean_starts_without_a_bias(show):
    page = show(Page(whole()))
    assert page.evaluate("smooth([3, 3, null, 3], 0.9)") == [pytest.approx(3)] * 2 + [None, pytest.approx(3)]


def test_numbers_that_are_not_finite_are_marked(show):
    measured = [Measurement(1, "train", "loss", 1.0, 0.1), Measurement(2, "train", "loss", float("nan"), 0.2)]
    page = show(Page(run_page("r", measured)))
    assert page.locator(".gone title").all_text_contents() == ["not finite at step 2"]


def test_runs_beside_each_other(show):
    page = show(Page(runs_page([Shown("a", "40", list(rows())), Shown("b", "40", list(rows())), Shown("c", "-", [])])))
    assert page.locator(".runs tr").count() == 4
    assert page.locator("#curves .card").first.locator(".curve").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(show, scheme):
    page = show(Page(whole()), width=390, height=800, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme


def test_a_page_that_refreshes_looks_again(show, tmp_path):
    page = show(Page(run_page("r", list(rows())[:1], refresh=0.2)))
    assert page.locator("#summary").inner_text().startswith("1 steps")
    (tmp_path / "page0.html").write_text(run_page("r", list(rows())), encoding="utf-8")
    page.get_by_text("40 steps").wait_for()


def test_nothing_was_measured(show):
    page = show(Page(run_page("r", [])))
    assert page.locator("#summary").inner_text() == "nothing was measured"
