"""The player's page in a browser: its numbers are the library's, and what the reader does has the effect it should."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.core.modes import ModeContext
from pullback.visualize.tape import Tape


def seeds(x=0.5, y=4.0, z=-2.3):
    """The seeds' function of three variables."""
    x, y, z = (pb.tensor(v, requires_grad=True, name=n) for v, n in ((x, "x"), (y, "y"), (z, "z")))
    return np.sin(x ** (y + z)) - 3 * np.log(x**2 * y**3), {"x": x, "y": y, "z": z}


def gradients(f, variables):
    f.backward()
    return {name: tensor.grad.item() for name, tensor in variables.items()}


def state(page):
    """The exact value and derivative of each value at the time that is shown, by id."""
    return page.evaluate(
        """() => Object.fromEntries(player.run.graph.values.map((v, i) => {
             const s = player.run.stateOf(i, player.time), one = (a) => a ? a.at() : null;
             return [v.id, [one(s.value), one(s.derivative)]]; }))"""
    )


def exactly(page, which):
    """The number in the panel, with all its digits."""
    return float(page.locator(f"#panel output.big.{which}").get_attribute("data-exact"))


def choose(page, name):
    page.evaluate("player.selected = null")
    page.locator(".box.variable", has_text=name).first.click()


def test_stepping_forward_and_backward(show):
    f, variables = seeds()
    page = show(pb.graph(f).play())
    length = page.evaluate("player.run.length")
    assert state(page)["x"] == [0.5, None]
    assert state(page)["%8"] == [None, None]
    states = [state(page)]
    for _ in range(length):
        page.keyboard.press("ArrowRight")
        states.append(state(page))
    assert states[9]["%8"] == [f.item(), None]
    wanted = gradients(f, variables)
    assert {name: states[-1][name][1] for name in wanted} == wanted
    for before in reversed(states[:-1]):
        page.keyboard.press("ArrowLeft")
        assert state(page) == before
    page.locator("#slider").fill(str(length))  # all at once is the same
    assert state(page) == states[-1]
    assert page.locator("#count").inner_text() == f"{length} / {length}"
    choose(page, "x")
    assert exactly(page, "value") == 0.5
    assert exactly(page, "derivative") == wanted["x"]


def test_a_sum_is_written_out(show):
    f, variables = seeds()
    page = show(pb.graph(f).play())
    page.keyboard.press("End")
    choose(page, "y")
    terms = [
        float(t) for t in page.locator(".sum output[data-exact]").evaluate_all("all => all.map(o => o.dataset.exact)")
    ]
    assert len(terms) == 2
    assert terms[0] + terms[1] == gradients(f, variables)["y"]
    assert "the sum of 2 contributions" in page.locator("#panel").inner_text()


def test_edges_show_the_local_derivative(show):
    x = pb.tensor(0.5, requires_grad=True, name="x")
    with pb.detect_anomaly():  # it notes lines
        y = np.sin(x)
    page = show(pb.graph(y).play())
    page.keyboard.press("End")
    slope = f"∂/∂x = cos(x) = {np.cos(0.5):.5g}"
    assert page.locator(".slope text").text_content() == slope
    assert slope in page.locator("#say").inner_text()
    page.locator(".box.operation").hover()
    said = page.locator("#panel").inner_text()
    assert "∂y/∂x = cos(x)" in said
    assert "test_page.py" in said
    assert "y = np.sin(x)" in said


def test_a_graph_shows_no_line_where_it_knows_none(show):
    x = pb.tensor(0.5, requires_grad=True, name="x")
    page = show(pb.graph(np.sin(x)).play())
    page.keyboard.press("End")
    page.locator(".box.operation").hover()
    said = page.locator("#panel").inner_text()
    assert "sin(x)" in said
    assert "test_page.py" not in said  # the line of play() is not that of the sine


def notes(page):
    """The numbers that stand at the edges."""
    return [text for text in page.locator(".notes text").all_text_contents() if text]


def test_the_local_derivatives_stay_at_their_edges(show):
    x = pb.tensor(0.5, requires_grad=True, name="x")
    page = show(pb.graph(np.sin(x) * x).play())
    assert notes(page) == []
    page.evaluate("player.go(3)")
    assert notes(page) == []
    page.keyboard.press("End")
    assert sorted(notes(page)) == ["0.479", "0.5", "0.878"]
    page.locator(".box.operation", has_text="multiply").hover()
    texts = page.locator(".slope text >> visible=true").all_text_contents()
    assert texts[-2:] == ["∂/∂a = b = 0.5", "∂/∂b = a = 0.47943"]
    assert "∂y/∂a = b = 0.5" in page.locator("#panel").inner_text()
    page.keyboard.press("Home")
    assert notes(page) == []


def test_each_number_at_each_step_is_the_librarys(show):
    f, _ = seeds()
    tape = Tape()
    with ModeContext(observer=tape):
        seeds()[0].backward()
    values, known, slopes, wanted = tape.values, {}, {}, []
    for index, value in enumerate(values):
        if value.kind != "operation":
            known[index] = float(value.array)
    for event in tape.events:
        if event.kind == "made":
            known[event.value] = float(values[event.value].array)
        elif event.kind in ("seed", "pull"):
            at = event.value if event.kind == "seed" else values[event.value].operands[event.operand]
            slopes[at] = slopes.get(at, 0.0) + float(event.number)
        if event.kind != "walk":
            wanted.append([[known.get(i), slopes.get(i)] for i in range(len(values))])
    page = show(pb.graph(f).play())
    found = page.evaluate(
        """(length) => Array.from({length}, (_, t) => {
             player.go(t + 1);
             const states = player.run.graph.values.map((v, i) => player.run.stateOf(i, player.time));
             return states.map((s) => [s.value?.at() ?? null, s.derivative?.at() ?? null]); })""",
        len(wanted),
    )
    assert found == wanted


def test_a_number_that_is_typed_and_one_that_is_dragged(show):
    page = show(pb.graph(seeds()[0]).play())
    page.keyboard.press("End")
    choose(page, "x")
    page.get_by_label("value of x").fill("0.75")
    page.get_by_label("value of x").press("Enter")
    f, variables = seeds(0.75)
    assert state(page)["%8"][0] == pytest.approx(f.item(), rel=1e-14)
    wanted = gradients(f, variables)
    assert {n: state(page)[n][1] for n in wanted} == pytest.approx(wanted, rel=1e-13)
    assert "computed in this page" in page.locator("#notice").inner_text()
    page.get_by_label("drag x").fill("1")
    f, variables = seeds(1.0)
    assert state(page)["%8"][0] == pytest.approx(f.item(), rel=1e-14)
    page.get_by_label("value of x").fill("nonsense")
    page.get_by_label("value of x").press("Enter")
    assert state(page)["x"][0] == 1.0
    page.locator("#reset").click()
    assert state(page)["x"][0] == 0.5
    assert page.locator("#notice").inner_text() == ""


def test_gradient_descent(show):
    page = show(pb.graph(seeds()[0]).play())
    page.locator("#rate").fill("0.01")
    now = {"x": 0.5, "y": 4.0, "z": -2.3}
    for _ in range(3):
        page.locator("#descend").click()
        slopes = gradients(*seeds(**now))
        now = {name: value - 0.01 * slopes[name] for name, value in now.items()}
        assert {name: state(page)[name][0] for name in now} == pytest.approx(now, rel=1e-12)
    assert page.locator("#runs button").count() == 4
    assert page.locator("#panel .overtime").count() == 1


def test_the_check_by_finite_differences(show):
    f, variables = seeds()
    page = show(pb.graph(f).play())
    page.keyboard.press("End")
    choose(page, "z")
    page.get_by_text("check by finite differences").click()
    check = page.locator(".check.good")
    slope = float(check.get_attribute("data-slope"))
    assert slope == pytest.approx(gradients(f, variables)["z"], rel=1e-6)
    assert "they agree" in check.inner_text()


def mlp():
    model, rng = pb.nn.MLP(4, 6, 3, rng=0), np.random.default_rng(0)
    optimizer = pb.optim.SGD(model.parameters(), lr=0.5)
    x, labels = rng.normal(size=(8, 4)).astype(np.float32), np.arange(8) % 3

    def step():
        loss = pb.nn.CrossEntropyLoss()(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append((loss.item(), {p.name: (p.grad.numpy(), p.numpy().copy()) for p in model.parameters()}))

    seen = []
    return step, seen


ARRAYS = """() => Object.fromEntries(player.run.graph.values.map((v, i) => {
  const s = player.run.stateOf(i, player.time);
  return [v.id, [[...s.value.data], s.derivative && [...s.derivative.data]]]; }))"""


def test_training_steps_one_after_the_other(show):
    step, seen = mlp()
    page = show(pb.record_player(step, times=3))
    for number, (loss, parameters) in enumerate(seen):
        page.locator("#runs button").nth(number).click()
        page.keyboard.press("End")
        arrays = page.evaluate(ARRAYS)
        assert arrays["%2"][0] + arrays["%3"][0] != []
        assert loss in [value[0] for value, _ in arrays.values() if len(value) == 1]
        for name, (gradient, after) in parameters.items():
            np.testing.assert_array_equal(np.float32(arrays[name][0]), after.ravel())
            np.testing.assert_array_equal(np.float32(arrays[name][1]), gradient.ravel())
    assert page.locator("#phases span").evaluate_all("all => all.map(s => s.className)") == [
        "forward", "backward", "update",
    ]  # fmt: skip


def test_an_element_of_an_array_is_changed(show):
    step, _ = mlp()
    page = show(pb.record_player(step))
    page.keyboard.press("End")
    choose(page, "layers.0.weight")
    page.locator("#panel img.heat").first.click(position={"x": 3, "y": 3})
    before = page.evaluate(ARRAYS)
    page.get_by_label("value of layers.0.weight[0, 0]").fill("2")
    page.get_by_label("value of layers.0.weight[0, 0]").press("Enter")
    model = pb.nn.MLP(4, 6, 3, rng=0)
    with pb.no_grad():
        model.layers[0].weight[0, 0] = 2.0
    x, labels = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32), np.arange(8) % 3
    pb.nn.CrossEntropyLoss()(model(x), labels).backward()
    arrays = page.evaluate(ARRAYS)
    assert arrays != before
    for parameter in model.parameters():
        np.testing.assert_allclose(arrays[parameter.name][1], parameter.grad.numpy().ravel(), rtol=1e-4, atol=1e-7)


def test_forward_mode(show):
    f, variables = seeds()
    page = show(pb.graph(f).play(mode="forward"))
    page.keyboard.press("End")
    assert state(page)["%8"][1] == pytest.approx(sum(gradients(f, variables).values()), rel=1e-13)
    assert "forward mode" in page.locator("#say").inner_text().lower()
    assert page.locator(".slope text").all_text_contents() == ["∂/∂a = 1", "∂/∂b = −1"]
    choose(page, "x")
    page.get_by_label("value of x").fill("0.75")
    page.get_by_label("value of x").press("Enter")
    assert state(page)["%8"][1] == pytest.approx(sum(gradients(*seeds(0.75)).values()), rel=1e-12)
    powers = [i for i, value in enumerate(page.evaluate("player.run.graph.values")) if value["label"] == "power"]
    slope = page.evaluate("(i) => player.run.slopeOf(i, 0, player.time).at()", powers[1])
    assert slope == 2 * 0.75  # of x², computed anew


def loop(turns=60):
    w, b = pb.tensor(0.9, requires_grad=True, name="w"), pb.tensor(0.1, requires_grad=True, name="b")
    h = w * 0.5
    for _ in range(turns):
        h = np.sin(h * w + b)
    return h, w


def test_folding(show):
    h, w = loop()
    page = show(pb.graph(h).play())
    assert page.locator(".box.group .title").all_text_contents() == ["loop × 60"]
    assert page.locator(".box").count() < 8
    page.locator(".box.group").click()
    assert "turn 1" in page.locator(".box.group .title").all_text_contents()
    page.locator(".box.group", has_text="turn 2").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".box.operation .title").all_text_contents() == ["multiply", "add", "sin"]
    assert page.locator("#trail button").all_inner_texts() == ["graph", "loop × 60", "turn 2"]
    page.locator("#trail button").first.click()
    page.locator("#follow").click()
    page.evaluate("player.go(20)")
    assert page.locator("#trail button").last.inner_text().startswith("turn")
    page.locator("#whole").click()
    page.keyboard.press("End")
    assert page.evaluate("player.stage.boxes.length") == len(pb.graph(h).nodes)
    h.backward()
    assert state(page)["w"][1] == w.grad.item()


def test_numbers_that_are_not_finite(show):
    x = pb.tensor(-1.0, requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        page = show(pb.graph(np.exp(x) * np.log(x)).play())
    page.get_by_text("a number is not finite: first at step 2").click()
    assert page.locator("#count").inner_text().startswith("2 /")
    assert page.locator(".box.bad .title").all_text_contents() == ["log"]


def test_names_are_text(show):
    name = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    x = pb.tensor(2.0, requires_grad=True, name=name)
    page = show(pb.graph(x * x).play(title=name))
    assert page.locator("h1").inner_text() == name
    page.keyboard.press("End")
    choose(page, "<img")
    assert page.locator("#panel h2").inner_text() == name
    assert page.locator("img[src=x]").count() == 0


def test_playing(show):
    x = pb.tensor(2.0, requires_grad=True, name="x")
    page = show(pb.graph(np.sin(x) * x).play(), motion="no-preference")
    page.locator("#speed").select_option("100")
    page.locator("#play").click()
    page.locator("#play[aria-label=play]").wait_for()
    assert page.evaluate("player.time === player.run.length")
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    page.keyboard.press("ArrowRight")  # a pulse travels
    assert page.evaluate("player.time") == 1
    assert page.locator(".pulse").count() == 1


def test_motion_can_be_reduced(show):
    x = pb.tensor(2.0, requires_grad=True, name="x")
    page = show(pb.graph(np.sin(x) * x).play(), motion="reduce")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("player.time") == 1
    assert page.locator(".pulse").count() == 0


def test_too_many_values_for_one_picture(show):
    h, _ = loop(900)
    page = show(pb.graph(h).play())
    assert "values, too many for one picture: folded" in page.locator("#notice").inner_text()
    assert page.locator("#whole").is_disabled()
    page.locator(".box.group").click()
    assert page.locator(".box.group .title").first.text_content() == "turn 1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(show, scheme):
    page = show(pb.graph(seeds()[0]).play(), width=390, height=844, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    for part in ("#stage", "#panel", "#play", "#slider", "#say"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 391
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") != scheme


def test_everything_has_a_name_and_a_role(show):
    page = show(pb.graph(seeds()[0]).play())
    page.keyboard.press("End")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, [role=button], [role=img]')].filter((e) =>
             e.checkVisibility() && !(e.getAttribute('aria-label') || e.innerText || e.labels?.length))
             .map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    label = page.locator(".box.variable").first.get_attribute("aria-label")
    assert label.startswith("variable y, value 4, gradient ")
    assert page.locator("#slider").get_attribute("aria-valuetext") == "step 23 of 23"
    page.locator(".box.variable").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".box.chosen").count() == 1
