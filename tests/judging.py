"""A code verifier for each kind of walls that this machine can build, with small limits."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tutelage.records import Gold, Problem, Verdict
from tutelage.sandbox.confine import Limits
from tutelage.sandbox.sandbox import MODES, Sandbox, Unsafe
from tutelage.verifiers.code import CodeVerifier

__all__ = [
    "code_problem", "hastily_judged", "hasty_verifier", "judged", "limits", "mode", "verifier",
]  # fmt: skip
SQUARES = ["assert f(2) == 4", "assert f(3) == 9", "assert f(11) == 121"]


LIMITS = Limits(cpu_s=1, wall_s=30, total_s=60, memory_mb=256, file_mb=1, output_kb=256)
HASTE = replace(LIMITS, wall_s=0.5, total_s=2)
"""For programs that only wait: no right program is asked to be done in so short a time."""


@pytest.fixture(scope="session")
def limits() -> Limits:
    return LIMITS


@pytest.fixture(scope="session", params=MODES)
def mode(request):
    sandbox = Sandbox(LIMITS, modes=(request.param,))
    try:
        sandbox.tests("", "", ["assert True"], "")
    except Unsafe as error:
        pytest.skip(str(error))
    finally:
        sandbox.close()
    return request.param


@pytest.fixture(scope="session")
def verifier(mode):
    verifier = CodeVerifier(Sandbox(LIMITS, modes=(mode,)))
    yield verifier
    verifier.close()


@pytest.fixture(scope="session")
def hasty_verifier(mode):
    verifier = CodeVerifier(Sandbox(HASTE, modes=(mode,)))
    yield verifier
    verifier.close()


@pytest.fixture
def code_problem() -> Callable[..., Problem]:
    """A problem whose student is to write `f`, the square of a number, or what `tests` say."""

    def make(tests=SQUARES, entry="f", setup="", statement="", **more) -> Problem:
        body = {"setup": setup, "tests": tests, "entry_point": entry, **more}
        gold = Gold("tests", "", json.dumps(body))
        return Problem("p", "code", "test", "MIT", statement, gold)

    return make


@pytest.fixture
def judged(verifier, code_problem) -> Callable[..., Verdict]:
    """What the verifier says of a program."""
    return lambda program, *tests, **more: verifier.verify(
        code_problem(*tests, **more), f"```python\n{program}\n```"
    )


@pytest.fixture
def hastily_judged(hasty_verifier, code_problem) -> Callable[..., Verdict]:
    """The same, with little patience."""
    return lambda program, *tests, **more: hasty_verifier.verify(
        code_problem(*tests, **more), f"```python\n{program}\n```"
    )
