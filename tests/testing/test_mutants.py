"""Rules made wrong on purpose: the checks find each. A sample runs always, all of them with the long tests."""

from __future__ import annotations

import zlib

import pytest
from tests.mutants import checks, search
from tests.mutants.search import KINDS, fate, mutants

from pullback.ops import elementwise

# One of so many mutants of each kind is in the sample.
SAMPLED = {"derivatives": 120, "batching": 25, "lowering": 50}
SUBJECTS = 6  # that a mutant of the sample is shown to


@pytest.fixture(autouse=True)
def natively(monkeypatch):
    """Programs run natively whether it pays or not, and are not kept, for they are known by what is computed alone."""
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    back = search.natively()
    yield
    back()


def alive(kind, one_of, most=None):
    """What does not die, of a part of the mutants."""
    chosen = [m for m in mutants([kind]) if not zlib.crc32(str(m).encode()) % one_of]
    assert len(chosen) > 3
    ends = ("survived", "never shown")
    left = [mutant for mutant in chosen if most is None or fate(mutant, most).end in ends]
    return [str(mutant) for mutant in left if fate(mutant).end in ends]  # shown to all, where few did not do


def test_every_mutant_has_somebody_to_notice_it():
    firsts = {(m.primitive, type(m), getattr(m, "kind", "")): m for m in mutants() if m.change != "conjugate"}
    assert [str(m) for m in firsts.values() if next(search.candidates(m), None) is None] == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_of_a_sample_dies(kind):
    assert alive(kind, SAMPLED[kind], SUBJECTS) == []


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_all_die(kind):
    assert alive(kind, 1) == []


def test_a_mutant_that_nothing_notices_is_told(monkeypatch):
    monkeypatch.setattr(checks, "derivatives", lambda subject, *_, **__: subject.f(*subject.args))
    ends = {fate(m, SUBJECTS).end for m in mutants(["derivatives"]) if m.primitive is elementwise.sinh}
    assert ends == {"changes nothing"}  # no derivative was asked for
    monkeypatch.setattr(checks, "derivatives", lambda subject, *_, **__: checks.pb.vjp(subject.f, *subject.args)[1](
        subject.f(*subject.args)))  # fmt: skip
    of_sinh = [m for m in mutants(["derivatives"]) if m.primitive is elementwise.sinh and m.site == "vjp"]
    assert {fate(m, SUBJECTS).end for m in of_sinh} == {"survived", "changes nothing"}
