"""The pause of the garbage collector."""

import gc

import pytest

import pullback as pb
from pullback.core.collecting import uncollected


def test_it_goes_on_after_an_error_and_only_if_it_ran():
    assert gc.isenabled()
    with uncollected:
        with uncollected:
            assert not gc.isenabled()
        assert not gc.isenabled()
    with pytest.raises(ValueError, match="here"), uncollected:
        raise ValueError("here")
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected:
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_recording_pauses_it():
    def step(x):
        assert not gc.isenabled()
        return x * 2

    pb.compile(step)(pb.tensor(1.0))
    assert gc.isenabled()
