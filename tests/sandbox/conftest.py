"""The code verifier behind each kind of walls."""

from judging import (
    code_problem,
    hastily_judged,
    hasty_verifier,
    judged,
    limits,
    mode,
    verifier,
)

__all__ = [
    "code_problem",
    "hastily_judged",
    "hasty_verifier",
    "judged",
    "limits",
    "mode",
    "verifier",
]
