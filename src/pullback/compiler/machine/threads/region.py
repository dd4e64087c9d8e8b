"""Parallel regions in LLVM IR: one thread offers the pieces of a task, and workers that wait nearby take some of them.

All that threads share is in a few globals. `@ticket` holds the number of the region in its upper half, and how many
pieces nobody has taken in its lower half; a piece is taken by a compare-and-swap that lowers it by one. The number of a
region does not come back, so a thread that has read one region's task cannot take a piece of another.

Who waits gives its core away after a microsecond or two, for both may be on one: a worker that finds itself on the core
of the caller leaves the pieces to it for a while, as the caller takes back what nobody began.

A worker that finds nothing spins for a while and then sleeps. It counts itself among the sleepers before it looks at
the ticket for the last time, and who offers pieces writes the ticket before looking for sleepers: one sees the other.

The instructions are those of the LLVM Language Reference Manual, https://llvm.org/docs/LangRef.html.
"""

from __future__ import annotations

import platform
import sys
from typing import Final

OPEN, CLOSE, RESET = "pullback_pool_open", "pullback_pool_close", "pullback_pool_reset"
WORKER, PAUSES = "pullback_pool_worker", "pullback_pool_pauses"

# How to tell a core that this is a loop that waits.
_INTEL: Final = "declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"
_ARM: Final = "declare void @llvm.aarch64.isb(i32)", "call void @llvm.aarch64.isb(i32 15)"
_PAUSE: Final = {"x86_64": _INTEL, "amd64": _INTEL, "arm64": _ARM, "aarch64": _ARM}

_CORE: Final = """declare i32 @sched_getcpu()
define internal i32 @core() nounwind {
  %core = call i32 @sched_getcpu()
  ret i32 %core
}"""
_NO_CORE: Final = """define internal i32 @core() nounwind {
  ret i32 -1
}"""

_ALONE: Final = """
; Run all pieces, one after the other.
define internal void @alone(ptr %task, ptr %context, i64 %pieces) nounwind {
entry:
  br label %head
head:
  %piece = phi i64 [ 0, %entry ], [ %after, %body ]
  %more = icmp slt i64 %piece, %pieces
  br i1 %more, label %body, label %done
body:
  call void %task(ptr %context, i64 %piece, i64 0)
  %after = add i64 %piece, 1
  br label %head
done:
  ret void
}
"""

_WITHOUT_THREADS: Final = """
define void @pullback_parallel(ptr %task, ptr %context, i64 %pieces, i64 %most) nounwind {
  call void @alone(ptr %task, ptr %context, i64 %pieces)
  ret void
}
"""

_WITH_THREADS: Final = """
; What several threads write is in lines of its own, two each, as some machines fetch them in pairs.
@ticket = internal global i64 0, align 128
@done = internal global i64 0, align 128        ; pieces of the region that are finished
@busy = internal global i64 0, align 128        ; 1 while a region runs, or while the pool opens or closes
@sleepers = internal global i64 0, align 128
@task = internal global ptr null, align 128
@context = internal global ptr null
@pieces = internal global i64 0
@workers = internal global i64 0
@patience = internal global i64 0               ; pauses before a worker sleeps
@grain = internal global i64 64                 ; pauses before the core is given away
@home = internal global i32 -1                  ; the core on which a region was entered, where the system tells
@closing = internal global i64 0
@mutex = internal global [128 x i8] zeroinitializer, align 128  ; both are smaller on every system
@condition = internal global [128 x i8] zeroinitializer, align 128

declare i32 @sched_yield()
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
{declare pause}

; Take a piece and run it, if there is one; says whether it did.
define internal i1 @take(i64 %worker) nounwind {
entry:
  br label %look
look:
  %ticket = load atomic i64, ptr @ticket acquire, align 8
  %left = and i64 %ticket, 4294967295
  %none = icmp eq i64 %left, 0
  br i1 %none, label %no, label %some
some:                                           ; what is read here counts only if the ticket is still the same
  %task = load atomic ptr, ptr @task monotonic, align 8
  %context = load atomic ptr, ptr @context monotonic, align 8
  %pieces = load atomic i64, ptr @pieces monotonic, align 8
  %lower = sub i64 %ticket, 1
  %swap = cmpxchg ptr @ticket, i64 %ticket, i64 %lower acq_rel acquire, align 8
  %mine = extractvalue { i64, i1 } %swap, 1
  br i1 %mine, label %run, label %look
run:
  %piece = sub i64 %pieces, %left
  call void %task(ptr %context, i64 %piece, i64 %worker)
  %before = atomicrmw add ptr @done, i64 1 release, align 8
  ret i1 true
no:
  ret i1 false
}

; The number of the core that this runs on; -1 where the system does not tell.
{core}

define internal void @wake() nounwind {
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %woken = call i32 @pthread_cond_broadcast(ptr @condition)
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret void
}

; Wait a little; after a microsecond or two, let another thread have the core: it may be the one that is waited for.
define internal void @wait(i64 %times) nounwind {
entry:
  call void @pause()
  %grain = load atomic i64, ptr @grain monotonic, align 8
  %after = add i64 %times, 1
  %some = urem i64 %after, %grain
  %now = icmp eq i64 %some, 0
  br i1 %now, label %yield, label %done
yield:
  %yielded = call i32 @sched_yield()
  br label %done
done:
  ret void
}

define internal void @pause() nounwind {
  {pause}
  ret void
}

; Run all pieces with those workers that come, and return when all are finished. If all of them and the caller are more
; than `most`, the caller does all the work: the task has no memory for others.
define void @pullback_parallel(ptr %task, ptr %context, i64 %pieces, i64 %most) nounwind {
entry:
  %several = icmp sgt i64 %pieces, 1
  %workers = load atomic i64, ptr @workers monotonic, align 8
  %helped = icmp ne i64 %workers, 0
  %worth = and i1 %several, %helped
  br i1 %worth, label %ask, label %inline
ask:                                            ; a region in a region, or beside another thread's, runs where it is
  %swap = cmpxchg ptr @busy, i64 0, i64 1 acq_rel acquire, align 8
  %free = extractvalue { i64, i1 } %swap, 1
  br i1 %free, label %count, label %inline
count:                                          ; a pool closes, and so grows, only while no region is busy
  %coming = load atomic i64, ptr @workers acquire, align 8
  %fit = icmp slt i64 %coming, %most
  br i1 %fit, label %offer, label %leave
leave:
  store atomic i64 0, ptr @busy release, align 8
  br label %inline
offer:
  %here = call i32 @core()
  store atomic i32 %here, ptr @home monotonic, align 4
  store atomic ptr %task, ptr @task monotonic, align 8
  store atomic ptr %context, ptr @context monotonic, align 8
  store atomic i64 %pieces, ptr @pieces monotonic, align 8
  store atomic i64 0, ptr @done monotonic, align 8
  %old = load atomic i64, ptr @ticket monotonic, align 8
  %filled = or i64 %old, 4294967295
  %next = add i64 %filled, 1
  %ticket = or i64 %next, %pieces
  store atomic i64 %ticket, ptr @ticket seq_cst, align 8
  %sleepers = load atomic i64, ptr @sleepers seq_cst, align 8
  %awake = icmp eq i64 %sleepers, 0
  br i1 %awake, label %work, label %call
call:
  call void @wake()
  br label %work
work:
  %took = call i1 @take(i64 0)
  br i1 %took, label %work, label %look
look:
  %times = phi i64 [ 0, %work ], [ %again, %idle ]
  %done = load atomic i64, ptr @done acquire, align 8
  %all = icmp eq i64 %done, %pieces
  br i1 %all, label %finish, label %idle
idle:
  call void @wait(i64 %times)
  %again = add i64 %times, 1
  br label %look
finish:
  store atomic i64 0, ptr @busy release, align 8
  ret void
inline:
  call void @alone(ptr %task, ptr %context, i64 %pieces)
  ret void
}

; The life of a worker; its number is handed over as the pointer that a thread begins with.
define ptr @pullback_pool_worker(ptr %argument) nounwind {
entry:
  %worker = ptrtoint ptr %argument to i64
  br label %rest
work:
  %took = call i1 @take(i64 %worker)
  br i1 %took, label %work, label %rest
rest:
  br label %look
look:
  %times = phi i64 [ 0, %rest ], [ %again, %idle ]
  %ticket = load atomic i64, ptr @ticket acquire, align 8
  %left = and i64 %ticket, 4294967295
  %some = icmp ne i64 %left, 0
  br i1 %some, label %found, label %stay
found:                                          ; on the core of the caller it would only be in its way, for a while
  %here = call i32 @core()
  %home = load atomic i32, ptr @home monotonic, align 4
  %known = icmp sge i32 %here, 0
  %same = icmp eq i32 %here, %home
  %beside = and i1 %known, %same
  %limit = load atomic i64, ptr @patience monotonic, align 8
  %early = icmp slt i64 %times, %limit
  %aside = and i1 %beside, %early
  br i1 %aside, label %idle, label %work
stay:
  %closing = load atomic i64, ptr @closing acquire, align 8
  %leave = icmp ne i64 %closing, 0
  br i1 %leave, label %end, label %tired
tired:
  %patience = load atomic i64, ptr @patience monotonic, align 8
  %spin = icmp slt i64 %times, %patience
  br i1 %spin, label %idle, label %sleep
idle:
  call void @wait(i64 %times)
  %again = add i64 %times, 1
  br label %look
sleep:
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %fewer = atomicrmw add ptr @sleepers, i64 1 seq_cst, align 8
  %last = load atomic i64, ptr @ticket seq_cst, align 8
  %offered = and i64 %last, 4294967295
  %closed = load atomic i64, ptr @closing seq_cst, align 8
  %reason = or i64 %offered, %closed
  %nothing = icmp eq i64 %reason, 0
  br i1 %nothing, label %doze, label %up
doze:
  %slept = call i32 @pthread_cond_wait(ptr @condition, ptr @mutex)
  br label %up
up:
  %more = atomicrmw sub ptr @sleepers, i64 1 seq_cst, align 8
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %rest
end:
  ret ptr null
}

; As if no thread had ever been here: when all begins, and in a child process, which has only the thread that forked.
define void @pullback_pool_reset() nounwind {
  %ticket = load atomic i64, ptr @ticket monotonic, align 8
  %number = and i64 %ticket, -4294967296
  store atomic i64 %number, ptr @ticket monotonic, align 8
  store atomic i64 0, ptr @sleepers monotonic, align 8
  store atomic i64 0, ptr @workers monotonic, align 8
  %mutex = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %condition = call i32 @pthread_cond_init(ptr @condition, ptr null)
  store atomic i64 0, ptr @busy release, align 8
  ret void
}

; Let regions count on workers, which are about to begin.
define void @pullback_pool_open(i64 %workers, i64 %patience) nounwind {
  store atomic i64 %patience, ptr @patience monotonic, align 8
  %part = udiv i64 %patience, 128
  %grain = add i64 %part, 1
  store atomic i64 %grain, ptr @grain monotonic, align 8
  store atomic i64 0, ptr @closing monotonic, align 8
  store atomic i64 %workers, ptr @workers release, align 8
  ret void
}

; Send all workers home, once the region that may be running is finished.
define void @pullback_pool_close() nounwind {
entry:
  br label %ask
ask:
  %times = phi i64 [ 0, %entry ], [ %again, %idle ]
  %swap = cmpxchg ptr @busy, i64 0, i64 1 acq_rel acquire, align 8
  %free = extractvalue { i64, i1 } %swap, 1
  br i1 %free, label %close, label %idle
idle:
  call void @wait(i64 %times)
  %again = add i64 %times, 1
  br label %ask
close:
  store atomic i64 0, ptr @workers monotonic, align 8
  store atomic i64 1, ptr @closing seq_cst, align 8
  store atomic i64 0, ptr @busy release, align 8
  call void @wake()
  ret void
}

; Pause so often: how long a pause is differs tenfold between machines.
define void @pullback_pool_pauses(i64 %times) nounwind {
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %after, %body ]
  %more = icmp slt i64 %i, %times
  br i1 %more, label %body, label %done
body:
  call void @pause()
  %after = add i64 %i, 1
  br label %head
done:
  ret void
}
"""


def region_module(*, threaded: bool) -> str:
    """What defines `pullback_parallel(ptr task, ptr context, i64 pieces, i64 most)`, and the pool behind it.

    A task is a function (ptr context, i64 piece, i64 worker). Workers are counted from 1; who calls is worker 0.
    """
    if not threaded:
        return _ALONE + _WITHOUT_THREADS
    declared, call = _PAUSE.get(platform.machine().lower(), ("", ""))
    core = _CORE if sys.platform.startswith("linux") else _NO_CORE
    text = _WITH_THREADS.replace("{declare pause}", declared).replace("{pause}", call)
    return _ALONE + text.replace("{core}", core)
