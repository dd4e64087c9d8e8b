"""Modes: no_grad, enable_grad and the like, in threads, tasks, generators, recursion and after exceptions."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import numpy as np
import pytest

import pullback as pb
from pullback.core.modes import MODE, Mode, ModeContext, current_mode


def records():
    """Whether an operation on a parameter is recorded here and now."""
    x = pb.tensor(1.0, requires_grad=True)
    return (x * x).requires_grad


@pytest.fixture(autouse=True)
def _the_mode_is_put_back():
    before = current_mode()
    yield
    after = current_mode()
    MODE.set(before)  # whatever a failing test did, the next begins as usual
    assert after is before


def test_the_usual_mode_records():
    assert current_mode().flags == Mode().flags
    assert current_mode().trace is None
    assert records()


def test_no_grad_and_enable_grad_nest():
    seen = []
    with pb.no_grad():
        seen.append(records())
        with pb.enable_grad():
            seen.append(records())
            with pb.no_grad():
                seen.append(records())
            seen.append(records())
        seen.append(records())
    assert seen == [False, True, False, True, False]
    assert records()


@pytest.mark.parametrize("context", [pb.no_grad, pb.enable_grad, pb.detect_anomaly, pb.strict, pb.strict_nan])
def test_an_exception_puts_the_mode_back(context):
    before = current_mode()
    with pytest.raises(KeyError), context():
        raise KeyError
    assert current_mode() is before

    @context()
    def raising():
        raise KeyError

    with pytest.raises(KeyError):
        raising()
    assert current_mode() is before


def test_contexts_of_several_kinds_do_not_undo_each_other():
    with pb.no_grad():
        with pb.strict(), pb.detect_anomaly(), pb.strict_nan():
            mode = current_mode()
            assert (mode.recording, mode.strict, len(mode.observers), mode.strict_nan) == (False, True, 1, True)
        assert (current_mode().recording, current_mode().strict) == (False, False)


def test_one_context_entered_again_inside_itself():
    context = pb.no_grad()
    with context:
        with context:
            assert not records()
        assert not records()
    assert records()


def test_a_decorated_function_may_recurse():
    @pb.no_grad()
    def down(n):
        """Go down."""
        return [records(), *(up(n - 1) if n else [])]

    @pb.enable_grad()
    def up(n):
        return [records(), *(down(n - 1) if n else [])]

    assert down(4) == [False, True, False, True, False]
    assert (down.__name__, down.__doc__) == ("down", "Go down.")


def test_a_transform_records_inside_no_grad_and_gives_constants():
    with pb.no_grad():
        assert pb.grad(lambda x: x * x)(3.0).item() == 6.0
        assert pb.grad(pb.grad(lambda x: x**3))(2.0).item() == 12.0
        assert pb.hessian(lambda x: (x**3).sum())(np.array([2.0])).item() == 12.0
        w = pb.tensor(2.0, requires_grad=True)
        assert not pb.grad(lambda x: x * x * w)(3.0).requires_grad
        assert not records()


def test_no_grad_inside_a_transform_makes_constants():
    def f(x):
        with pb.no_grad():
            constant = x * x
        return x * constant

    assert pb.grad(f)(3.0).item() == 9.0
    assert pb.grad(pb.no_grad()(lambda x: x * x))(3.0).item() == 0.0


def test_a_function_that_fails_inside_a_transform_leaves_the_mode():
    def failing(x):
        raise KeyError(x)

    for context in (pb.no_grad, pb.enable_grad):
        with context():
            mode = current_mode()
            for transform in (
                pb.grad(failing),
                pb.jacobian(failing),
                pb.checkpoint(failing),
                lambda x: pb.vjp(failing, x),
            ):
                with pytest.raises(KeyError):
                    transform(pb.tensor(1.0, requires_grad=True))
            assert current_mode() is mode


def in_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_no_grad_stays_in_its_thread():
    with pb.no_grad():
        assert in_thread(records)
        assert not records()

    inside, go_on, seen = threading.Event(), threading.Event(), []

    def other():
        with pb.no_grad():
            inside.set()
            go_on.wait(10)
            seen.append(records())

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    assert records()
    go_on.set()
    thread.join()
    assert seen == [False]


def test_a_copied_context_takes_the_mode_along():
    with pb.no_grad():
        context = contextvars.copy_context()
    assert records()
    assert not context.run(records)


def crossed_in_two_threads():
    """Enter one context object in two threads, and leave it in the order of entering."""
    context, inside, go_on, seen = pb.no_grad(), threading.Event(), threading.Event(), []

    def other():
        try:
            with context:
                inside.set()
                go_on.wait(10)
                seen.append(records())
            seen.append(records())
        except ValueError as error:
            seen.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with context:
        go_on.set()
        thread.join()
        seen.append(records())
    return [*seen, records()]


def test_one_context_object_in_two_threads():
    assert contextvars.copy_context().run(crossed_in_two_threads) == [False, True, False, True]


def test_no_grad_stays_in_its_task():
    seen = {}

    async def without():
        with pb.no_grad():
            for _ in range(3):
                await asyncio.sleep(0)
                seen.setdefault("without", []).append(records())

    async def recording():
        for _ in range(3):
            await asyncio.sleep(0)
            seen.setdefault("recording", []).append(records())

    async def main():
        await asyncio.gather(without(), recording())

    asyncio.run(main())
    assert seen == {"without": [False] * 3, "recording": [True] * 3}


def test_a_decorated_coroutine_runs_in_the_mode():
    @pb.no_grad()
    async def without():
        before = records()
        await asyncio.sleep(0)
        return before, records()

    async def main():
        return await asyncio.gather(without(), without()), records()

    assert asyncio.run(main()) == ([(False, False)] * 2, True)


def test_a_decorated_generator_runs_in_the_mode_and_its_caller_does_not():
    closed = []

    @pb.no_grad()
    def steps(n):
        """Steps."""
        try:
            for _ in range(n):
                got = yield records()
                if got is not None:
                    yield got
        finally:
            closed.append(records())
        return "done"

    seen = []
    for inside in steps(2):
        seen += [inside, records()]
    assert seen == [False, True] * 2
    assert closed == [False]
    assert steps.__name__ == "steps"

    generator = steps(3)
    next(generator)
    assert generator.send("hello") == "hello"
    generator.close()
    assert closed == [False, False]

    generator = steps(3)
    next(generator)
    with pytest.raises(KeyError):
        generator.throw(KeyError("thrown"))
    assert closed == [False] * 3

    def whole():
        seen.append((yield from steps(1)))

    list(whole())
    assert seen[-1] == "done"


def test_many_threads_build_and_walk_their_own_tapes():
    w = pb.tensor(np.linspace(0, 1, 50), requires_grad=True)
    found = {}

    def work(i):
        for _ in range(30):
            with pb.no_grad() if i % 2 else pb.enable_grad():
                y = (pb.sin(w) * i).sum()
            found[i] = pb.gradients(y)[w].numpy() if y.requires_grad else None

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(6):
        if i % 2:
            assert found[i] is None
        else:
            assert np.allclose(found[i], i * np.cos(np.linspace(0, 1, 50)))


def test_strict_nan_is_ieee():
    def f(x):
        return pb.where(x > 0, pb.sqrt(x), x)

    with np.errstate(invalid="ignore"):
        assert pb.grad(f)(-1.0).item() == 1.0
        with pb.strict_nan():
            assert np.isnan(pb.grad(f)(-1.0).item())
    x = np.array([0.0])
    assert np.isinf(pb.grad(lambda x: pb.sqrt(x).sum())(x).item())  # an infinity that is in the result shows


def test_a_context_that_ends_inside_another_that_a_generator_holds():
    def suspended():
        with pb.no_grad():
            yield

    def out_of_order():
        before, generator = current_mode(), suspended()
        with pb.strict():
            next(generator)
        after = current_mode()
        generator.close()
        return after is before, current_mode() is before

    assert contextvars.copy_context().run(out_of_order) == (True, True)


def test_a_decorated_generator_that_changes_the_mode_itself():
    @pb.no_grad()
    def steps():
        with pb.enable_grad():
            yield records()
        yield records()

    def walked():
        return [(inside, records()) for inside in steps()]

    assert contextvars.copy_context().run(walked) == [(True, True), (False, True)]


def test_a_mode_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="recordng"), ModeContext(recordng=False):
        pass
