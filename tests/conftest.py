"""What all tests share: how hard Hypothesis tries, and which tests run first.

Profiles of Hypothesis, chosen with HYPOTHESIS_PROFILE or pytest's `--hypothesis-profile`:

- `fixed`, the usual one: few examples and the same each time, so that a run is green for everybody or for nobody;
- `random`: as many, and new ones each time;
- `intense`: many new examples, for a night.

No profile has a deadline: a shared machine's pauses say nothing about the code.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

# A shell that starts the tests in the background lets them ignore Ctrl-C, which some of them send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The draw of an array may be slow on a busy machine, which is no fault of the test.
PATIENT = (HealthCheck.too_slow,)

settings.register_profile("random", deadline=None, max_examples=30, suppress_health_check=PATIENT)
settings.register_profile(
    "fixed",
    deadline=None,
    max_examples=30,
    suppress_health_check=PATIENT,
    derandomize=True,
    database=None,
    print_blob=True,
)
settings.register_profile("intense", deadline=None, max_examples=2_000, suppress_health_check=PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "fixed")

FIRST = ("test_architecture.py", "test_tiny.py")


@pytest.fixture(scope="session", autouse=True)
def _object_cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither read nor fill the user's cache of object code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLBACK_CACHE", str(tmp_path_factory.mktemp("objects")))
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marks of tests mean."""
    config.addinivalue_line("markers", "long: a whole training, or another check of minutes; `make test-all` runs it")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector pass over what stays to the end anyway: the tests themselves, and all modules.

    It would look at them again and again, a second each time, as tests make objects of their own.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the house's plan and the tour of the library first: when they fail, the rest says little. Leave long ones."""
    items.sort(key=lambda item: item.path.name not in FIRST)
    if os.environ.get("PULLBACK_LONG", "0") in ("", "0"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="it takes minutes: make test-all"))
