"""Starts vLLM in this process, and ends it."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

from tutelage.engines.tokens import ChatTokens
from tutelage.engines.vllm_options import prepare, uncollected
from tutelage.errors import ModelError
from tutelage.plugins import nearest
from tutelage.settings import Vllm


@dataclass(frozen=True, slots=True)
class Started:
    """vLLM, ready to serve."""

    engine: Any
    """`LLMEngine`."""
    chats: ChatTokens
    length: int
    """Tokens of its context."""
    params: Callable[..., Any]
    """`SamplingParams`, for replies that are returned when they are whole."""
    release: Callable[[], None] = lambda: None
    """Frees weights and caches."""


def start(chosen: dict[str, Any], vllm: Vllm, extra: Set[str]) -> Started:
    """Starts vLLM in this thread.

    Args:
        chosen: its `EngineArgs`.
        vllm: what is set before it is imported.
        extra: names of further sampling parameters that requests will have.

    Raises:
        ModelError: vLLM is not installed, or knows no such parameter.
    """
    prepare(vllm)
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    try:
        with uncollected():
            from vllm.platforms import current_platform

            if chosen.get("enforce_eager"):  # else a function for ranks is compiled, at first use
                current_platform.simple_compile_backend = "eager"
            from vllm import EngineArgs, SamplingParams
            from vllm.sampling_params import RequestOutputKind
            from vllm.v1.engine.llm_engine import LLMEngine
    except ImportError as error:
        raise ModelError(
            f"vLLM is not installed ({error}): pip install 'tutelage[cpu]' or 'tutelage[gpu]'"
        ) from None
    engine = LLMEngine.from_engine_args(EngineArgs(**chosen))
    known = [name for name in SamplingParams.__struct_fields__ if not name.startswith("_")]
    for name in extra - set(known):
        raise ModelError(
            f"it knows no sampling parameter {name!r}{nearest(name, known)} (extra_body)"
        )
    return Started(
        engine,
        ChatTokens(engine.get_tokenizer()),
        int(engine.model_config.max_model_len),
        partial(SamplingParams, output_kind=RequestOutputKind.FINAL_ONLY),
        engine.engine_core.shutdown,
    )


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Silences what vLLM and torch print at their start; errors are raised anyway.

    Works on file descriptors, because much of the output comes from C++. With `tutelage --debug`
    nothing is silenced. Where output goes to no file, as in some notebooks, vLLM is given the one that
    Python began with, because it asks for its number.
    """
    with contextlib.ExitStack() as stack:
        if sys.__stdout__ is not None and not _is_file(sys.stdout):
            stack.enter_context(contextlib.redirect_stdout(sys.__stdout__))
        stack.enter_context(_silence())
        yield


def _is_file(stream: Any) -> bool:
    try:
        return bool(stream.fileno() >= 0)
    except (OSError, ValueError, AttributeError):
        return False


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        yield
        return
    saved = [os.dup(stream) for stream in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
    finally:
        for stream, original in zip((1, 2), saved, strict=True):
            os.dup2(original, stream)
            os.close(original)
        os.close(nowhere)
