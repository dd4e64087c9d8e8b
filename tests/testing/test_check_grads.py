"""`check_grads` passes what is right and finds what is wrong: each fault here slips through some known checker."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pullback as pb
from pullback.core.custom_kinds import CustomJVP
from pullback.core.kinds import BilinearMap, Elementwise, LinearMap, Reduction
from pullback.testing import check_grads, contract

RNG = np.random.default_rng(7)
X = RNG.uniform(0.3, 1.5, 2000)
ONE_OF_MANY = np.where(np.arange(2000) == 1234, 1.01, 1.0)


def cube(partial):
    """x³ with a derivative that may be wrong."""
    return Elementwise("cube", lambda x: x * x * x, partial)


def faulty(pattern, f, *args, **options):
    """The complaint of a check that must fail."""
    with pytest.raises(pb.GradientCheckError, match=pattern) as caught:
        check_grads(f, *args, **options)
    return str(caught.value)


# What is right passes.


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_right_rule_passes_in_all_nestings(order):
    report = check_grads(cube(lambda x: 3 * x * x), RNG.normal(size=(2, 3)), order=order)
    assert not report.sampled
    assert not report.kinks
    nestings = [finding.mode for finding in report.findings if "against" not in finding.mode]
    assert len(nestings) == len(set(nestings)) == sum(2**k for k in range(1, order + 1))


def test_trees_of_any_structure_and_dtype():
    arguments = {"w": RNG.normal(size=(3, 2)), "b": [np.float32(0.5), (np.ones(2, np.float16),)]}

    def f(p, labels, scale):
        hidden = pb.tanh(p["w"] @ p["b"][1][0] * p["b"][0])
        return {"picked": hidden[labels], "sum": (hidden * scale).sum(), "count": labels.sum()}

    assert len(check_grads(f, arguments, np.array([0, 2, 2]), 1.5, order=2).findings) == 9


def test_tensors_and_parameters_are_arguments_too():
    check_grads(lambda a, b: a * b, pb.tensor([1.0, 2.0], requires_grad=True), pb.tensor(3.0), order=2)


def test_functions_of_numpy_and_gradients_of_gradients():
    check_grads(lambda x: np.sin(x) * pb.grad(lambda y: (y * y * x).sum())(x), np.array([0.3, 0.7]), order=2)


def test_nothing_is_forgiven_for_size_and_nothing_right_is_blamed_for_it():
    report = check_grads(lambda x: pb.logsumexp(x) * x.sum(), RNG.normal(size=500))
    assert report.findings[0].entries > 500
    assert report.findings[0].largest_difference < 1e-7


@pytest.mark.parametrize("scale", [1e-100, 1e-12, 1.0, 1e12, 1e150])
def test_any_scale(scale):
    check_grads(lambda x: pb.sin(x / scale) * scale, np.array([0.2, 1.1]) * scale, order=2)


def test_empty_and_0d_arguments():
    check_grads(lambda x, y: pb.sin(x) * y, np.zeros((0, 3)), 2.0, order=2)
    check_grads(pb.sin, 0.5, order=3)


def test_a_function_may_refuse_points_outside_of_its_domain():
    def picky(x):
        if not (x.numpy() > 0).all():
            raise pb.DataError("only positive numbers")
        return pb.log(x)

    check_grads(picky, np.array([1e-3, 1.0]))
    with pytest.raises(pb.DataError):
        check_grads(picky, np.array([-1.0, 1.0]))


# One entry of 2,000 that is off by one percent.


@pytest.mark.parametrize(
    ("modes", "dtype"), [(("forward",), np.float32), (("reverse",), np.float64), (("reverse", "forward"), np.float32)]
)
def test_one_entry_of_two_thousand_in_a_sum(modes, dtype):
    wrong = cube(lambda x: 3 * x * x * ONE_OF_MANY)
    said = faulty("wrong derivative", lambda x: pb.sum(wrong(x)), X.astype(dtype), modes=modes)
    assert "argument 0[1234]" in said


def test_a_ten_millionth_in_one_entry_of_two_thousand():
    barely = np.where(ONE_OF_MANY > 1, 1 + 1e-7, 1.0)  # a tolerance that grows with the size would let it pass
    wrong = cube(lambda x: 3 * x * x * barely)
    assert "[1234]" in faulty("wrong derivative", lambda x: wrong(x).sum(), X, modes=["reverse"])


def test_one_entry_of_four_million():
    said = faulty("reverse mode gives a wrong", cube(lambda x: 3 * x * x * ONE_OF_MANY), X, modes=["reverse"])
    assert "argument 0[1234]" in said
    assert "output[1234]" in said
    assert "of 4,00" in said


def test_the_complaint_tells_the_worst_entry_with_both_values():
    said = faulty("reverse mode gives a wrong", cube(lambda x: x * x * (3, 2.9)[x.size == 1]), 2.0, modes=["reverse"])
    lines = said.splitlines()
    assert "11.6" in said
    assert " 12 " in said
    assert lines[1].split() == ["function", "cube"]
    assert next(line for line in lines if "analytic" in line).split() == [
        "entries", "argument", "output", "analytic", "numeric", "difference", "tolerance",
    ]  # fmt: skip
    starts = {line.index(word) for line, word in zip(lines[4:6], ("analytic", "11.6"), strict=True)}
    assert len(starts) == 1  # columns are aligned


def test_too_many_entries_are_sampled_and_the_report_says_so():
    x = RNG.uniform(0.3, 1.5, 30_000)
    report = check_grads(lambda x: cube(lambda x: 3 * x * x)(x).sum(), x)
    assert report.sampled
    assert "sampled: 64 directions" in repr(report)


def test_a_limit_smaller_than_what_is_sampled():
    assert check_grads(lambda x: pb.sin(x), X[:30], limit=10).sampled


@pytest.mark.parametrize("size", [3_000, 30_000])
@pytest.mark.parametrize("modes", [("forward",), ("reverse",)])
def test_one_entry_of_too_many(size, modes):
    factor = np.where(np.arange(size) == size // 3, 1.01, 1.0)
    wrong = cube(lambda x: 3 * x * x * factor)
    faulty("wrong derivative", lambda x: wrong(x).sum(), RNG.uniform(0.3, 1.5, size), modes=modes)


# Other faults of the first order.


@pytest.mark.parametrize("factor", [-1.0, 1.01, 1 + 1e-7, 0.0, 2.0])
def test_factors_and_signs(factor):
    faulty("forward mode gives a wrong", cube(lambda x: 3 * x * x * factor), X[:3])
    faulty("reverse mode gives a wrong", cube(lambda x: 3 * x * x * factor), X[:3], modes=["reverse"])


def test_a_rule_that_rounds_to_single_precision():
    rounded = cube(lambda x: (3 * x * x).astype(np.float32))
    faulty("wrong derivative", rounded, X[:20])


def test_a_function_that_rounds_to_single_precision_is_no_fault():
    check_grads(lambda x: pb.sin(x).astype(np.float32) if x.dtype == np.float32 else pb.sin(x), np.float32([0.3, 0.5]))


@pytest.mark.parametrize(("half", "other"), [("jvp", "reverse"), ("vjp", "forward")])
def test_a_fault_of_one_mode_only(half, other, monkeypatch):
    op = cube(lambda x: 3 * x * x)
    right = getattr(op, half)

    def wrong(*args):
        found = right(*args)
        return [c * 1.01 for c in found] if isinstance(found, list) else found * 1.01

    monkeypatch.setattr(op, half, wrong)
    check_grads(op, X[:3], modes=[other])
    said = faulty("wrong derivative", op, X[:3])
    assert ("forward" if half == "jvp" else "reverse") in said.splitlines()[0]


def test_modes_that_differ_by_less_than_the_numbers_can_tell(monkeypatch):
    op = Elementwise("sin", lambda x: np.sin(x).astype(np.float32).astype(x.dtype), lambda x: np.cos(x))
    check_grads(op, X[:3])
    right = op.vjp
    monkeypatch.setattr(op, "vjp", lambda *args: [c * (1 + 1e-7) for c in right(*args)])
    assert "forward against reverse" in faulty("wrong derivative", op, X[:3])


def test_a_missing_term_of_the_product_rule():
    for partials in ((lambda b: b, lambda a: 0 * a), (lambda b: b, None), (0, lambda a: a)):
        faulty("wrong derivative", Elementwise("times", np.multiply, *partials), X[:3], X[3:6])
    lost = BilinearMap("times", lambda a, b: a @ b, lambda ct, b, a: 0 * (ct @ b.T), lambda ct, a, b: a.T @ ct)
    said = faulty("wrong derivative", lost, RNG.normal(size=(2, 3)), RNG.normal(size=(3, 2)), modes=["reverse"])
    assert "argument 0[" in said


def test_a_wrong_transpose():
    running = LinearMap("running", np.cumsum, lambda ct, x: np.cumsum(ct))
    check_grads(running, X[:4], modes=["forward"])
    faulty("reverse mode gives a wrong", running, X[:4])


def test_a_reduction_that_forgets_its_count():
    halved = Reduction(
        "mean", lambda x, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims), lambda x, axis: x * 0 + 1.0
    )
    faulty("wrong derivative", lambda x: halved(x, axis=(0,), keepdims=False), X[:6].reshape(2, 3))


def test_a_rule_that_is_right_along_each_axis_and_not_linear():
    snap = LinearMap("snap", lambda x: x * 2.0, lambda ct, x: np.sign(ct) * 2.0)
    check_grads(lambda x: snap(x).sum() * 1.0, X[:3], modes=["forward"])
    faulty("reverse mode gives a wrong", snap, X[:3])


def test_a_fault_that_only_a_jvp_of_several_arguments_shows():
    doubled = CustomJVP(
        "sum",
        lambda a, b: a + b,
        lambda primals, tangents, y: tangents[0] + tangents[1] * np.where(tangents[0] == 0, 1.0, 1.5),
    )
    faulty("wrong derivative", doubled, 1.0, 2.0, modes=["forward"])


# Higher orders.


def frozen(x):
    """The number itself, without its derivative."""
    return pb.stop_gradient(x) if isinstance(x, pb.Tensor) else x


def test_a_fault_of_the_second_order():
    wrong = cube(lambda x: 3 * frozen(x) * x)
    check_grads(wrong, X[:3])
    said = faulty("over .* mode gives a wrong", wrong, X[:3], order=2)
    assert "order     2" in said


def test_a_fault_of_the_third_order():
    def tangent_line(x):
        return 3 * frozen(x) ** 2 + 6 * frozen(x) * (x - frozen(x))

    check_grads(cube(tangent_line), X[:3], order=2)
    said = faulty("over .* over .* mode gives a wrong", cube(tangent_line), X[:3], order=3)
    assert "order     3" in said


def test_a_fault_of_the_second_order_in_one_entry():
    factor = np.where(np.arange(50) == 17, 1.01, 1.0)

    def partial(x):
        return 3 * frozen(x) * frozen(x) + 6 * frozen(x) * (x - frozen(x)) * factor

    said = faulty("wrong derivative", lambda x: cube(partial)(x).sum(), X[:50], order=2)
    assert "[17]" in said


@pytest.mark.parametrize(("inner", "half"), [("forward", "jvp"), ("reverse", "vjp")])
def test_a_fault_of_the_second_order_over_one_mode_only(inner, half, monkeypatch):
    op = cube(lambda x: 3 * x * x)
    right = getattr(op, half)

    def without_second_order(*args):
        found = right(*args)
        return [frozen(c) for c in found] if isinstance(found, list) else frozen(found)

    monkeypatch.setattr(op, half, without_second_order)
    check_grads(op, X[:3])
    said = faulty("wrong derivative", op, X[:3], order=2)
    assert said.splitlines()[0].endswith(f"over {inner} mode gives a wrong derivative")


# Kinks.


def test_a_derivative_between_the_slopes_of_a_kink_passes_and_is_reported():
    report = check_grads(pb.relu, np.array([-1.0, 0.0, 2.0]))
    assert report.kinks == ("output[1] of argument 0[1]",)
    assert [finding.kinks for finding in report.findings[:2]] == [1, 1]
    assert check_grads(abs, 0.0).kinks


@pytest.mark.parametrize("slope", [-0.5, 1.5, math.inf, math.nan])
def test_a_derivative_outside_of_the_slopes_of_a_kink_fails(slope):
    wrong = Elementwise("relu", lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, slope, (x > 0) * 1.0))
    said = faulty("wrong derivative", wrong, np.array([-1.0, 0.0, 2.0]))
    assert "a kink" in said
    assert "0 to 1" in said


def test_kinks_can_be_forbidden():
    said = faulty("cannot be checked at this point", pb.relu, np.array([-1.0, 0.0]), kinks="raise")
    assert "the one-sided slopes differ" in said
    check_grads(pb.relu, np.array([-1.0, 1e-9]), kinks="raise")


@pytest.mark.parametrize(("f", "x"), [(pb.floor, 1.0), (pb.sqrt, 0.0), (pb.cbrt, 0.0), (pb.sign, 0.0)])
def test_a_jump_is_never_passed_over(f, x):
    said = faulty("cannot be checked at this point", f, np.array([x, 0.5]))
    assert "do not settle" in said


def test_the_second_order_at_a_kink_cannot_be_checked():
    faulty("cannot be checked", pb.relu, np.array([0.0]), order=2)


# Promises besides the numbers.


def test_a_function_that_changes_its_input():
    faulty("an input was changed", Elementwise("twice", lambda x: np.multiply(x, 2, out=x), 2), X[:3].copy())


def test_a_walk_that_changes_what_it_was_given(monkeypatch):
    calls = []

    def spoil(arrays):
        for array in arrays:
            array *= 2

    def pulling(f, *xs):
        value, back = pb.vjp(f, *xs)

        def pull(cotangents):
            found = back(cotangents)
            if calls:
                spoil(cotangents)
            calls.append(cotangents)
            return found

        return value, pull

    def pushing(f, xs, tangents):
        found = pb.jvp(f, xs, tangents)
        spoil(tangents)
        return found

    monkeypatch.setattr(contract, "vjp", pulling)
    monkeypatch.setattr(contract, "jvp", pushing)
    faulty("pulling back changed the cotangent", pb.sin, X[:3], modes=["reverse"])
    faulty("pushing forward changed the tangent", pb.sin, X[:3], modes=["forward"])


def test_a_function_that_draws_other_numbers_each_time():
    faulty("another value when it is called again", lambda x: x * pb.random.normal(), X[:3])


def test_a_point_outside_of_the_domain():
    faulty("not finite at this point", pb.log, np.array([1.0, -1.0]))


@pytest.mark.parametrize(("dtype", "shape"), [(np.float32, (3,)), (np.float64, (3, 1))])
def test_a_gradient_of_another_dtype_or_shape(dtype, shape, monkeypatch):
    def pulling(f, *xs):
        value, back = pb.vjp(f, *xs)
        return value, lambda ct: tuple(pb.Tensor(g.numpy().astype(dtype).reshape(shape)) for g in back(ct))

    monkeypatch.setattr(contract, "vjp", pulling)
    faulty("the dtype and shape of its value", pb.sin, X[:3])


def test_a_gradient_that_is_good_in_double_precision_only():
    unstable = Elementwise("cube", lambda x: x * x * x, lambda x: ((x + 1e6) - 1e6) * 3 * x)
    check_grads(unstable, np.array([0.5]), rtol=1e-8)
    faulty("more than half of its digits in float32", unstable, np.array([0.3], np.float32), rtol=1e-8)


def test_saturation_is_no_loss_of_digits():
    check_grads(pb.tanh, np.array([9.0, -9.0, 0.1], np.float32))
    check_grads(pb.sigmoid, np.array([12.0, -12.0], np.float32))


# What is asked wrongly.


@pytest.mark.parametrize(
    "options", [{"modes": "forward"}, {"modes": ["sideways"]}, {"modes": []}, {"order": 0}, {"kinks": "skip"}]
)
def test_unknown_options(options):
    with pytest.raises(pb.OptionError):
        check_grads(pb.sin, 1.0, **options)


def test_nothing_to_differentiate():
    with pytest.raises(pb.DTypeError, match="no argument is floating-point"):
        check_grads(lambda n: n * 2, 3)
    with pytest.raises(pb.GraphError, match="nothing floating-point"):
        check_grads(lambda x: pb.argmax(x), X[:3])
    with pytest.raises(pb.GraphError, match="gave no tensor"):
        check_grads(lambda x: x.numpy(), X[:3])


def test_a_gradient_beyond_the_numbers_of_a_dtype_is_infinite():
    x = np.array([-0.25, 50, 50, 50], np.float16)
    contract.check_contract(lambda x: (pb.prod(x),), [x], ["x"], ["reverse"])
    with pytest.raises(pb.GradientCheckError, match="loses more than half of its digits"):
        contract.check_contract(lambda x: (pb.prod(x) * (1 if x.dtype == float else -1),), [x], ["x"], ["reverse"])
