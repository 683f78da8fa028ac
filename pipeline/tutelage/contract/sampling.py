"""The columns that say how replies were sampled, and whether the model's distribution was altered."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from tutelage.records import Sampling

_NEUTRAL = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "presence_penalty": 0.0, "reasoning_budget": 0}
_SHIFTS = ("frequency_penalty", "repetition_penalty", "logit_bias", "bad_words", "typical_p", "top_a",
           "allowed_token_ids", "min_tokens", "structured_outputs", "response_format")  # fmt: skip
"""Further fields of a request that alter the distribution."""


def columns(sampling: Sampling) -> dict[str, Any]:
    """The sampling columns of one player."""
    return _fields(sampling) | {"stop": list(sampling.stop)}


@lru_cache(maxsize=64)
def _fields(sampling: Sampling) -> dict[str, Any]:
    """Cached, because `asdict` is slow and the result is the same for all dialogues of a run."""
    return asdict(sampling)


def altered_by(sampling: Mapping[str, Any]) -> str:
    """The first setting that alters the model's own distribution at this temperature, such as
    `top_p = 0.9`; empty if none does.

    Args:
        sampling: columns of a row; rows of earlier versions have fewer.
    """
    for name, neutral in _NEUTRAL.items():
        value = sampling.get(name) or neutral
        if value not in (neutral, -1):
            return f"{name} = {value:g}"
    extra = json.loads(sampling.get("extra_body") or "{}")
    return next((f"extra_body.{name} = {extra[name]!r}" for name in _SHIFTS if name in extra), "")
