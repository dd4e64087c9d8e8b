"""The promises of the layout, on random graphs: no overlaps, lines lead down, operands in order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import GraphError
from pullback.visualize import layering, ordering
from pullback.visualize.layering import layered
from pullback.visualize.layout import GAP, LANE, RISE, layout
from pullback.visualize.ordering import crossings, ordered
from pullback.visualize.placement import settle

SLACK = 1e-6


@st.composite
def dags(draw, most=25):
    """Sizes of boxes, and edges into each from some before it, twice the same among them."""
    count = draw(st.integers(1, most))
    sizes = draw(st.lists(st.tuples(st.floats(10, 200), st.floats(10, 80)), min_size=count, max_size=count))
    numbers = draw(st.permutations(range(count)))  # the edges' direction must not lean on the numbering
    edges = [
        (numbers[tail], numbers[head])
        for head in range(1, count)
        for tail in draw(st.lists(st.integers(0, head - 1), max_size=3))
    ]
    return sizes, edges


@given(dags())
def test_no_boxes_overlap(dag):
    sizes, edges = dag
    drawn = layout(sizes, edges)
    boxes = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (x, y), (w, h) in zip(drawn.centres, sizes, strict=True)]
    for index, (left, top, right, bottom) in enumerate(boxes):
        assert left >= -SLACK
        assert right <= drawn.width + SLACK
        assert top >= -SLACK
        assert bottom <= drawn.height + SLACK
        for other in boxes[:index]:
            beside = left >= other[2] + GAP - SLACK or right <= other[0] - GAP + SLACK
            above = top >= other[3] + RISE - SLACK or bottom <= other[1] - RISE + SLACK
            assert beside or above


@given(dags())
def test_lines_lead_down_from_tail_to_head(dag):
    sizes, edges = dag
    drawn = layout(sizes, edges)
    touched = {}
    for (tail, _), route in zip(edges, drawn.routes, strict=True):
        touched.setdefault(tail, set()).update(route)
    for (tail, head), route in zip(edges, drawn.routes, strict=True):
        assert drawn.rows[tail] < drawn.rows[head]
        assert all(here[1] < there[1] for here, there in pairwise(route))
        (x, y), (width, height) = drawn.centres[head], sizes[head]
        end_x, end_y = route[-1]
        assert end_y == pytest.approx(y - height / 2)
        assert abs(end_x - x) <= width / 2
        start = drawn.centres[tail][0], drawn.centres[tail][1] + sizes[tail][1] / 2
        if route[0] != pytest.approx(start):
            others = [r for (t, _), r in zip(edges, drawn.routes, strict=True) if t == tail and r is not route]
            assert any(route[0] in other[1:] for other in others), "a line begins where there is none"


@given(dags())
def test_lines_pass_no_box(dag):
    sizes, edges = dag
    drawn = layout(sizes, edges)
    for edge, route in zip(edges, drawn.routes, strict=True):
        for (x, top), (to_x, bottom) in pairwise(route):
            for box, ((cx, cy), (width, height)) in enumerate(zip(drawn.centres, sizes, strict=True)):
                if box not in edge and top < cy + height / 2 - SLACK and cy - height / 2 + SLACK < bottom:
                    assert x == to_x, "a curve runs through a row"
                    assert abs(x - cx) >= width / 2 + LANE - SLACK


@given(dags())
def test_operands_enter_from_left_to_right(dag):
    sizes, edges = dag
    drawn = layout(sizes, edges)
    for head in range(len(sizes)):
        ports = [route[-1][0] for (_, to), route in zip(edges, drawn.routes, strict=True) if to == head]
        assert all(left < right for left, right in pairwise(ports))


@given(dags())
def test_the_same_graph_gives_the_same_picture_and_turned_the_turned_one(dag):
    sizes, edges = dag
    down = layout(sizes, edges)
    assert layout(list(sizes), list(edges)) == down
    right = layout([(height, width) for width, height in sizes], edges, "LR")
    assert (right.width, right.height) == (down.height, down.width)
    assert right.centres == [(y, x) for x, y in down.centres]
    assert right.routes == [[(y, x) for x, y in route] for route in down.routes]


@given(dags())
def test_the_order_never_crosses_more_lines_than_it_began_with(dag):
    sizes, edges = dag
    layers = layered(len(sizes), edges)
    rows = ordered(layers)
    assert sorted(v for row in rows for v in row) == list(range(len(layers.row)))
    assert all(layers.row[v] == index for index, row in enumerate(rows) for v in row)
    place = {v: at for row in rows for at, v in enumerate(row)}
    ends = [(layers.row[u], place[u], place[v] + port) for u, below in enumerate(layers.below) for v, port in below]
    pairs = sum(a[0] == b[0] and a[1] < b[1] and a[2] > b[2] for a in ends for b in ends)
    assert crossings(layers, rows) == pairs


@given(st.lists(st.integers(0, 10**6), max_size=40))
def test_a_tree_is_drawn_without_a_crossing(choices):
    # Vertex i + 1 is an operand of one of the vertices before it; numbers say which.
    edges = [(child + 1, choice % (child + 1)) for child, choice in enumerate(choices)]
    layers = layered(len(choices) + 1, edges)
    assert crossings(layers, ordering._first(layers)) == 0
    assert crossings(layers, ordered(layers)) == 0


def test_a_chain_is_a_straight_line_with_its_constants_beside_it():
    # Operation 2 i takes the one before it and, past the first, a constant of its own, 2 i - 1.
    edges = [(0, 2), *((tail, 2 * i) for i in range(2, 9) for tail in (2 * i - 2, 2 * i - 1))]
    sizes = [(40.0 if v % 4 else 200.0, 20.0) for v in range(17)]
    x = [centre for centre, _ in layout(sizes, edges).centres]
    main = x[2::2]
    assert max(main) - min(main) < 0.1
    for operation in range(2, 16, 2):
        constant = operation + 1  # in the same row, for the next operation
        assert x[constant] - x[operation] == pytest.approx((sizes[operation][0] + 40) / 2 + GAP, abs=0.1)


def test_a_constant_stands_over_its_use_however_far_out_that_is():
    # 0 feeds 1 to 5, which feed 6; 7 is the first operand of 1.
    edges = [(7, 1), *((0, i) for i in range(1, 6)), *((i, 6) for i in range(1, 6))]
    x = [centre for centre, _ in layout([(40.0, 20.0)] * 8, edges).centres]
    assert x[7] == pytest.approx(x[1], abs=0.1)
    assert x[0] == pytest.approx(x[3], abs=0.1)


def test_a_branch_comes_to_the_path_that_it_joins():
    # Five wide sources, 9 to 13, push the path 0 to 5 to the left; 6, made of 7 and 8, joins it in 5.
    path = [(i, i + 1) for i in range(5)]
    edges = [*path, (6, 5), (7, 6), (8, 6), *((i, 3) for i in range(9, 14))]
    x = [centre for centre, _ in layout([(40.0, 20.0)] * 9 + [(200.0, 20.0)] * 5, edges).centres]
    assert x[11] - x[2] > 400
    assert 0 < x[6] - x[4] < 110


def test_what_is_used_once_stands_just_above_its_use():
    edges = [(0, 1), (1, 2), (2, 3), (4, 3), (5, 1)]
    rows = layered(6, edges).row
    assert [rows[4], rows[5]] == [rows[3] - 1, rows[1] - 1]


def test_a_side_result_stands_near_what_it_is_made_of():
    chain = [(i, i + 1) for i in range(8)]
    assert layered(11, [*chain, (1, 9), (9, 10), (1, 9)]).row[9:] == [2, 3]


def test_a_value_of_many_uses_is_one_line_with_branches():
    uses = 50
    chain = [(i, i + 1) for i in range(1, uses)]
    layers = layered(uses + 1, [*chain, *((0, i) for i in range(1, uses + 1))])
    assert len(layers.row) == uses + 1 + uses - 1
    assert sum(len(path) for path in layers.paths) < 6 * uses


def test_of_two_equally_long_lines_one_is_drawn_whole():
    chain = [(i, i + 1) for i in range(4)]
    assert layered(5, [*chain, (0, 4), (0, 4)]).paths[4:] == [(0, 5, 6, 7, 4), (7, 4)]


def test_no_depth_is_too_deep():
    count = 30_000
    drawn = layout([(40.0, 20.0)] * count, [(i, i + 1) for i in range(count - 1)])
    assert drawn.rows == list(range(count))


def test_nothing_and_one_box_have_a_layout():
    assert layout([], []).centres == []
    assert layout([(40.0, 20.0)], []).centres == [(20.0, 10.0)]


@pytest.mark.parametrize("edges", [[(0, 0)], [(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 1)]])
def test_a_cycle_is_refused(edges):
    with pytest.raises(GraphError, match="cycle"):
        layout([(10.0, 10.0)] * 3, edges)


def test_a_knot_that_no_one_could_read_is_refused(monkeypatch):
    monkeypatch.setattr(layering, "MOST_DUMMIES", 5)
    chain = [(i, i + 1) for i in range(7)]
    assert layered(8, [*chain, (0, 6)]).trunks == [[8, 9, 10, 11, 12]]
    with pytest.raises(GraphError, match="too many rows"):
        layered(8, [*chain, (0, 7)])


@st.composite
def rows_of_wishes(draw):
    count = draw(st.integers(1, 12))
    wishes = draw(st.lists(st.floats(-1000, 1000), min_size=count, max_size=count))
    weights = draw(st.lists(st.floats(0.1, 1000), min_size=count, max_size=count))
    gaps = draw(st.lists(st.floats(0, 100), min_size=count - 1, max_size=count - 1))
    steps = draw(st.lists(st.floats(0, 100), min_size=count - 1, max_size=count - 1))
    return wishes, weights, gaps, draw(st.floats(-1000, 1000)), steps


@given(rows_of_wishes())
def test_wishes_are_met_as_well_as_gaps_allow(row):
    wishes, weights, gaps, start, steps = row
    places = settle(wishes, weights, gaps)
    assert all(b - a >= gap - SLACK for (a, b), gap in zip(pairwise(places), gaps, strict=True))
    # The nearest point of a convex set: no way to another point of the set leads nearer to the wishes.
    other = [start]
    for gap, step in zip(gaps, steps, strict=True):
        other.append(other[-1] + gap + step)
    slope = sum(
        weight * (place - wish) * (there - place)
        for weight, place, wish, there in zip(weights, places, wishes, other, strict=True)
    )
    assert slope >= -1e-3
