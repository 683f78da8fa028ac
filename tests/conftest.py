"""Fixtures that several rooms share."""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cloud.fixtures import buckets, gs
from proc import lives
from resident import resident
from stores import store

__all__ = ["buckets", "gs", "resident", "store"]

pytest_plugins = ["beside", "graphs", "skips", "times"]

# torch brings setuptools, which refuses to replace the standard library's distutils once some other
# library has loaded that; told so, it leaves it alone. From Python 3.12 on there is none.
if sys.version_info < (3, 12):
    os.environ["SETUPTOOLS_USE_DISTUTILS"] = "stdlib"

# vLLM on a CPU binds a thread to each core, all of which wait for the one whose core a test beside it
# has; alone, a thread loses nothing. Read when vLLM or torch is imported, here or in a process below.
os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is imported stays; looked through by the collector again and again, it would cost seconds.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on the collector looks at what tests make."""
    gc.freeze()
    gc.set_threshold(10_000)  # as runs do where nothing is frozen
    gc.enable()
    # Each run asks whether anything is frozen, and would count a million objects for that.
    gc.get_freeze_count = lambda: 1


_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder with real problem files (GSM8K, SVAMP, MBPP, HumanEval), which the project does not ship.

    `TUTELAGE_CORPORA` names it; without that, `shared/corpora` beside the checkout is tried.
    """
    named = os.environ.get("TUTELAGE_CORPORA")
    folder = Path(named) if named else _ROOT.parent / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip("no folder of real corpora: set TUTELAGE_CORPORA to one")
    return folder


@pytest.fixture(scope="session")
def survivors() -> Callable[[Iterable[int]], list[int]]:
    """Which of some processes still live, once they have had plenty of time to end."""

    def wait(pids: Iterable[int], within_s: float = 60) -> list[int]:
        limit = time.monotonic() + within_s
        living = [pid for pid in pids if lives(pid)]
        while living and time.monotonic() < limit:
            time.sleep(0.02)
            living = [pid for pid in living if lives(pid)]
        return living

    return wait


@pytest.fixture(scope="session")
def cases() -> Path:
    """Folder with rows on which this project once failed, which it does not ship.

    `TUTELAGE_CASES` names it; without that, `shared/cases` beside the checkout is tried.
    """
    named = os.environ.get("TUTELAGE_CASES")
    folder = Path(named) if named else _ROOT.parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip("no folder of cases: set TUTELAGE_CASES to one")
    return folder
