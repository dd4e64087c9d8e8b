"""Odd things in a player's page: each is shown, and the page computes with it as the library does, or says why not."""

from __future__ import annotations

import re

import numpy as np
import pytest

import pullback as pb

# What may stand in a graph, and how it is changed to see that the page computes with it as the library does.
ODD = {
    "complex": lambda x: pb.abs(x * np.array([1j, 2.0])).sum(),
    "empty": lambda x: (x * np.zeros((0, 3))).sum() + x,
    "half": lambda x: (x.astype(np.float16) * np.array([0.1, 1e-7], np.float16)).sum(),
    "not finite": lambda x: (x * np.array([1.0, np.nan, np.inf, -np.inf])).sum(),
    "nearly too large": lambda x: (x * np.array([8e307, -8e307, 1.0]) * 1.0)[2:].sum(),
    "small integers": lambda x: (np.array([200, 100], np.uint8) + np.array([100, 7], np.uint8)) @ (x * np.ones(2)),
    "whole quotients": lambda x: (pb.tensor(np.array([7, -7, 5])) // np.array([2, 2, 0]) * x).sum(),
    "large integers": lambda x: x * 10**30,
    "a loop": lambda x: pb.scan(lambda h, t: (np.sin(h) * t, h), x, np.ones(4))[1].sum(),
    "several results": lambda x: pb.unstack(pb.stack([x, x * x]))[1],
    "random numbers": lambda x: (pb.nn.Dropout(0.5, rng=0)(x * np.ones(4)) ** 2).sum(),
    "a place": lambda x: (x * np.arange(6.0).reshape(2, 3))[1, ::-1].sum(),
    "names": lambda x: pb.tensor(3.0, requires_grad=True, name="\u202e</script>模型🎉\n'\"&") * x,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_things_are_shown(show, name):
    def played(value):
        x = pb.tensor(value, requires_grad=True, name="x")
        with np.errstate(all="ignore"):
            return pb.record_player(lambda: ODD[name](x).backward()), x

    page = show(played(2.0)[0])
    said = page.evaluate(
        """() => {
             const said = [];
             for (let t = 0; t <= player.run.length; t++) player.go(t);
             for (const step of [player.run.length, 0]) {
               player.go(step);
               player.run.graph.values.forEach((_, i) => {
                 player.selected = null;
                 player.select(i);
                 said.push(document.body.innerText);
               });
             }
             return said.join(); }"""
    )
    assert not re.search(r"undefined|\[NaN|null|object", said)
    if page.evaluate("player.data.obstacle === null"):
        page.keyboard.press("End")
        page.evaluate("player.selected = null")
        page.locator(".box.variable", has_text="x").first.click()
        page.get_by_label("value of x", exact=True).fill("1.5")
        page.get_by_label("value of x", exact=True).press("Enter")
        found = float(page.evaluate("String(player.run.gradient(player.selected).at())").replace("Infinity", "inf"))
        np.testing.assert_allclose(found, played(1.5)[1].grad.item(), rtol=1e-6)
        page.evaluate("player.run.graph.values.forEach((_, i) => { player.selected = null; player.select(i); })")


def test_a_histogram_of_numbers_that_are_far_apart_counts_them_all(show):
    x = pb.tensor([-1e308, 0.0, 1e308], requires_grad=True)
    page = show(pb.graph(x * 1.0).play())
    counts = page.evaluate("histogram(player.run.values[0]).counts")
    assert sum(counts) == 3


def test_a_name_turns_no_other_text_around(show):
    x = pb.tensor(2.0, requires_grad=True, name="a\u202eb")
    page = show(pb.graph(np.sin(x)).play(title="t\u202eu"))
    page.keyboard.press("End")
    turned = "() => [...document.querySelectorAll('h1, h2, b, .title')].map((e) => getComputedStyle(e).unicodeBidi)"
    assert set(page.evaluate(turned)) == {"isolate"}
