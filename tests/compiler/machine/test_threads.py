"""The pool of native threads: each piece once, the same answers for any number of them, clean ends and clean forks."""

from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="parallel regions are compiled through llvmlite")

import pullback as pb
from pullback.compiler.contraction import Contraction, emit_matmul, plan, scratch_bytes
from pullback.compiler.emission.parallel import emit_parallel
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Type
from pullback.compiler.machine.jit import Library
from pullback.compiler.machine.threads import pool, symbols
from pullback.core.errors import OptionError
from pullback.core.threads import default_threads, get_threads, set_threads

TASKS = pathlib.Path("/proc/self/task")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are looked at through Linux's /proc")


@pytest.fixture(autouse=True)
def _default_afterwards():
    yield
    set_threads(None)


def counting(nested=0, most=8):
    """A function that fills two arrays, how often each piece ran and on which worker, in so many regions."""
    module = Module()
    task = Function(module, "count", [(PTR, "context"), (I64, "piece"), (I64, "worker")], exported=False)
    context, piece, worker = task.arguments
    for slot, value in enumerate((None, worker)):
        place = task.address(task.load(task.address(context, slot, PTR), PTR), piece, I64)
        old = task.load(place, I64)
        task.store(task.binary("add", old, 1) if value is None else value, place)
    task.ret()
    task.finish()
    inner = "count"
    if nested:  # each piece enters a region of its own, of so many pieces that lie one after the other
        task = Function(module, "nest", [(PTR, "context"), (I64, "piece"), (I64, "worker")], exported=False)
        context, piece, _ = task.arguments
        moved = task.emit("alloca [2 x ptr]", PTR)
        for slot in range(2):
            start = task.load(task.address(context, slot, PTR), PTR)
            task.store(task.address(start, task.binary("mul", piece, nested), I64), task.address(moved, slot, PTR))
        emit_parallel(task, "count", moved, nested, most)
        task.ret()
        task.finish()
        inner = "nest"
    run = Function(module, "run", [(PTR, "context"), (I64, "pieces"), (I64, "regions")])
    with run.loop(0, run.arguments[2]):
        emit_parallel(run, inner, run.arguments[0], run.arguments[1], most)
    run.ret()
    run.finish()
    library = Library(module, ["run"], symbols())
    function = library.function("run", ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)

    def call(times, workers, pieces, regions=1):
        pool.ensure()
        context = np.array([times.ctypes.data, workers.ctypes.data])
        function(context.ctypes.data, pieces, regions)
        return library  # which must live as long as its function runs

    return call


@pytest.fixture(scope="module")
def count():
    return counting()


@given(threads=st.integers(1, 4), pieces=st.integers(0, 50), regions=st.integers(1, 50))
def test_each_piece_runs_once_in_each_region(count, threads, pieces, regions):
    set_threads(threads)
    times, workers = np.zeros(60, np.int64), np.full(60, -1)
    count(times, workers, pieces, regions)
    assert (times[:pieces] == regions).all()
    assert (times[pieces:] == 0).all()
    assert ((workers[:pieces] >= 0) & (workers[:pieces] < threads)).all()


# Two pieces of which neither goes on before the other has begun, and of which a worker's takes its time; gives what the
# worker has written when the region ends.
MEETING = """
declare void @pullback_parallel(ptr, ptr, i64, i64)
define internal void @meet(ptr %count, i64 %piece, i64 %worker) {
entry:
  %old = atomicrmw add ptr %count, i64 1 acq_rel, align 8
  br label %look
look:
  %now = load atomic i64, ptr %count acquire, align 8
  %both = icmp sge i64 %now, 2
  br i1 %both, label %met, label %look
met:
  %helper = icmp ne i64 %worker, 0
  br i1 %helper, label %linger, label %done
linger:
  %times = phi i64 [ 0, %met ], [ %more, %linger ]
  %again = load atomic i64, ptr %count acquire, align 8
  %more = add i64 %times, 1
  %enough = icmp sge i64 %more, 100000
  br i1 %enough, label %write, label %linger
write:
  %place = getelementptr i64, ptr %count, i64 1
  store i64 1, ptr %place
  br label %done
done:
  ret void
}
define i64 @run(ptr %count) {
  call void @pullback_parallel(ptr @meet, ptr %count, i64 2, i64 8)
  %place = getelementptr i64, ptr %count, i64 1
  %written = load i64, ptr %place
  ret i64 %written
}
"""


@pytest.fixture(scope="module")
def meeting():
    library = Library(MEETING, ["run"], symbols())

    def meet():
        pool.ensure()
        count = np.zeros(2, np.int64)
        return library.function("run", ctypes.c_void_p, result=ctypes.c_int64)(count.ctypes.data)

    return meet


def test_workers_take_part_and_are_waited_for(meeting):
    set_threads(2)
    assert [meeting() for _ in range(30)] == [1] * 30


@pytest.mark.parametrize("threads", [1, 3])
def test_a_region_in_a_region(threads):
    set_threads(threads)
    times, workers = np.zeros(35, np.int64), np.zeros(35, np.int64)
    counting(nested=7)(times, workers, 5, 100)
    assert (times == 100).all()


def test_many_threads_of_python_at_once(count):
    set_threads(3)
    results = [np.zeros(40, np.int64) for _ in range(8)]

    def work(times):
        for _ in range(50):
            count(times, np.zeros(40, np.int64), 40, 20)

    threads = [threading.Thread(target=work, args=(times,)) for times in results]
    for thread in threads:
        thread.start()
    for size in (1, 2, 4, 1, 3):
        set_threads(size)  # while regions run
    for thread in threads:
        thread.join()
    assert all((times == 1000).all() for times in results)


@pytest.mark.parametrize("most", [1, 2])
def test_no_worker_comes_for_whom_there_is_no_memory(most):
    set_threads(4)  # as another thread may do between the making of the memory and the region
    count = counting(most=most)
    for _ in range(200):
        times, workers = np.zeros(40, np.int64), np.full(40, -1)
        count(times, workers, 40, 10)
        assert (times == 10).all()
        assert (workers < most).all()


def test_a_program_says_how_many_workers_it_has_memory_for():
    f = pb.compile(lambda a, b: pb.exp(a @ b))
    a, b = np.random.default_rng(0).normal(size=(2, 300, 300)).astype(np.float32)
    set_threads(1)
    want = [f(a, b) for _ in range(3)][-1].numpy()
    (executable,) = f._most_used("memory").executables
    (frame,) = executable.free
    assert executable._parallel
    set_threads(4)
    pool.ensure()
    got = np.empty_like(want)
    for threads in (1, 4):
        assert frame.calls[0](a, b, got) == 0
        assert frame.calls[0].__self__[-1] == frame.threads == threads
        np.testing.assert_array_equal(got, want)
        f(a, b)
        (frame,) = executable.free


def test_answers_do_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(150, 310)).astype(np.float32), rng.normal(size=(200, 310)).astype(np.float32).T
    how = plan(Contraction.between(a, b))
    assert how.pieces > 2
    module = Module()
    emit_matmul(module, "matmul", how)
    task = Function(module, "task", [(PTR, "context"), (I64, "piece"), (I64, "worker")], exported=False)
    context, piece, worker = task.arguments
    pointers = [task.load(task.address(context, slot, PTR), PTR) for slot in range(4)]
    scratch = task.address(pointers.pop(), task.binary("mul", worker, scratch_bytes(how)), Type("i8"))
    task.call("matmul", *pointers, scratch, piece, task.binary("add", piece, 1), kind=None)
    task.ret()
    task.finish()
    run = Function(module, "run", [(PTR, "context")])
    emit_parallel(run, "task", run.arguments[0], how.pieces, 8)
    run.ret()
    run.finish()
    library = Library(module, ["run"], symbols())
    answers = []
    for threads in (1, 2, 3, 8):
        set_threads(threads)
        pool.ensure()
        for _ in range(20):
            c, scratch = (
                np.zeros((150, 200), np.float32),
                np.full(threads * scratch_bytes(how) // 4, np.nan, np.float32),
            )
            context = np.array([x.ctypes.data for x in (a, b, c, scratch)])
            library.function("run", ctypes.c_void_p)(context.ctypes.data)
            answers.append(c.tobytes())
    assert len(set(answers)) == 1
    np.testing.assert_allclose(np.frombuffer(answers[0], np.float32).reshape(150, 200), a @ b, rtol=1e-3, atol=1e-4)


@forks
def test_forks_on_both_sides(count, meeting):
    set_threads(2)
    for _ in range(5):
        times, workers = np.zeros(40, np.int64), np.zeros(40, np.int64)
        count(times, workers, 40, 10)
        child = _forked()
        if child == 0:  # no test must go on here
            signal.alarm(60)
            right = False
            try:
                count(times, workers, 40, 10)
                right = meeting() == 1 and (times == 20).all()
                set_threads(3)
                grandchild = _forked()
                right = right and meeting() == 1
                if grandchild != 0:
                    right = os.waitpid(grandchild, 0)[1] == 0 and right
            finally:
                os._exit(0 if right else 1)
        count(times, workers, 40, 10)
        assert meeting() == 1
        assert os.waitpid(child, 0)[1] == 0
        assert (times == 20).all()


@forks
def test_forks_while_other_threads_are_in_regions(count):
    set_threads(2)
    stop = threading.Event()

    def work():
        times, workers = np.zeros(40, np.int64), np.zeros(40, np.int64)
        while not stop.is_set():
            count(times, workers, 40, 50)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(20):
            child = _forked()
            if child == 0:
                times = np.zeros(40, np.int64)
                count(times, times.copy(), 40, 10)
                os._exit(0 if (times == 10).all() else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()


def _forked():
    """Python warns of forks beside threads of its own, which is what these tests are about."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


ENDINGS = {
    "idle": "",
    "busy": "for _ in range(3): threading.Thread(target=loop, daemon=True).start()",
    "exit": "sys.exit(0)",
    "none": "set_threads(1)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_ends_in_peace(ending):
    program = f"""
import sys, threading
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
import numpy as np
from test_threads import counting, set_threads
set_threads(3)
count = counting()
times, workers = np.zeros(40, np.int64), np.zeros(40, np.int64)
def loop():
    mine = times.copy(), workers.copy()
    while True:
        count(*mine, 40, 5)
count(times, workers, 40, 7)
assert (times == 7).all()
print("computed", flush=True)
{ENDINGS[ending]}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "computed\n", "")


def workers_of(threads):
    """The threads that the pool has, as the system sees them."""
    set_threads(1)
    before = set(TASKS.iterdir())
    set_threads(threads)
    pool.ensure()
    return set(TASKS.iterdir()) - before


@linux
def test_workers_start_when_asked_and_sleep_when_idle(count):
    workers = workers_of(3)
    assert len(workers) == 2
    count(np.zeros(40, np.int64), np.zeros(40, np.int64), 40, 5)
    deadline = time.monotonic() + 60
    while any((worker / "stat").read_text().rpartition(")")[2].split()[0] != "S" for worker in workers):
        assert time.monotonic() < deadline, "a worker is still spinning"
    set_threads(1)
    assert not any(worker.exists() for worker in workers)


@linux
def test_signals_are_left_to_python():
    for worker in workers_of(2):
        line = next(line for line in (worker / "status").read_text().splitlines() if line.startswith("SigBlk"))
        blocked = int(line.split()[1], 16)
        assert blocked >> (signal.SIGINT - 1) & 1
        assert blocked >> (signal.SIGTERM - 1) & 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_how_many_threads(monkeypatch):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert default_threads() == cores
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")
    assert default_threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert default_threads() == cores
    set_threads(5)
    assert get_threads() == 5
    with pytest.raises(OptionError, match="at least one"):
        set_threads(0)
    assert get_threads() == 5
