"""Digests: the same everywhere, and never confused."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from tutelage.seeds import digest, fraction, seed

parts = st.lists(st.text(max_size=6), max_size=4)


@given(parts, parts)
def test_different_parts_have_different_digests(one, other):
    assert (digest(*one, size=32) == digest(*other, size=32)) == (one == other)


@given(parts)
def test_ranges(some):
    assert 0 <= seed(*some) < 2**31
    assert 0 <= fraction(*some) < 1
    assert len(digest(*some, size=12)) == 12


def test_another_process_agrees():
    code = "from tutelage.seeds import digest, seed; print(digest('a', 1), seed('a', 1))"
    made = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": h}, capture_output=True, check=True
        ).stdout
        for h in ("1", "2")
    }
    assert len(made) == 1
