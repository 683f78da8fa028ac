"""A pytest plugin: Beam's graphs, built for less. Nearly every test that makes a run builds two.

Of the second of processor time that a run of a few dialogues takes, two thirds are Beam's way to build
and send a graph. A graph parses its options a hundred times, each time with a parser of its own; looks
at the signatures of all methods of each step some eight times, and reads its source for the words
`yield` and `return`; packs each step in bzip2's largest blocks, whose memory is made and cleared for a
few hundred bytes, and does so once more only to have a copy; looks for IPython at each step; and looks
through all modules to weigh what a step is handed beside its elements. Here options and signatures are
kept, the blocks are small and packed once, and the rest is left out; what is sent has the same format.

Nothing here changes what a graph does. It applies where test modules import Beam, not in processes
that a test starts.
"""

import argparse
import bz2
import functools
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any

# argparse would look for the translation of each option's help, in each locale of the environment.
os.environ.setdefault("LANGUAGE", "C")


def pytest_collection_finish() -> None:
    """Test modules have imported Beam by now, if they do."""
    if "apache_beam" in sys.modules:
        from apache_beam.internal import cloudpickle_pickler, pickler
        from apache_beam.options import pipeline_options
        from apache_beam.runners.worker import statecache
        from apache_beam.transforms import core, userstate
        from apache_beam.utils import interactive_utils

        core.get_function_args_defaults = remembered(core.get_function_args_defaults)
        userstate.get_dofn_specs = of_class(userstate.get_dofn_specs)
        options = pipeline_options.PipelineOptions
        options.__init__ = parsed_once(options.__init__)
        pipeline_options._BeamArgumentParser._get_formatter = narrow
        pickler.roundtrip = lambda function: function
        statecache.get_deep_size = lambda *values: len(values)
        interactive_utils.is_in_ipython = lambda: False
        core._check_fn_use_yield_and_return = lambda function: False
        cloudpickle_pickler.bz2 = Packed()


class Packed:
    """As `bz2`, in small blocks; what this process packed it need not unpack."""

    def __init__(self) -> None:
        self.compress = functools.lru_cache(1 << 12)(self._compressed)
        self._unpacked: dict[bytes, bytes] = {}

    def _compressed(self, data: bytes, compresslevel: int) -> bytes:
        packed = bz2.compress(data, 1)
        if len(self._unpacked) > 1 << 12:
            self._unpacked.clear()
        self._unpacked[packed] = data
        return packed

    def decompress(self, packed: bytes) -> bytes:
        data = self._unpacked.get(packed)
        return bz2.decompress(packed) if data is None else data


def narrow(parser: argparse.ArgumentParser) -> argparse.HelpFormatter:
    """Of a parser's help, without a look at the terminal for each option."""
    return argparse.HelpFormatter(parser.prog, width=100)


def remembered(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """As `read`, which tells the arguments of a function; a method is looked at once for all."""

    @functools.cache
    def of_method(function: Any) -> Any:
        return read(function.__get__(object()))

    def either(function: Any) -> Any:
        method = getattr(function, "__func__", None)
        return read(function) if method is None else of_method(method)

    return either


def of_class(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """As `read`, which tells the state and the timers of a step; the steps of a class have the same,
    unless one was given a method of its own.
    """
    known: dict[type, Any] = {}

    def either(step: Any) -> Any:
        if any(isinstance(value, MethodType) for value in vars(step).values()):
            return read(step)
        if type(step) not in known:
            known[type(step)] = read(step)
        return tuple(map(set, known[type(step)]))

    return either


def copied(values: dict[str, Any]) -> dict[str, Any]:
    """The same, with lists of its own."""
    return {name: [*one] if isinstance(one, list) else one for name, one in values.items()}


def parsed_once(parse: Callable[..., None]) -> Callable[..., None]:
    """As `parse`, which makes options of flags; what it made of the same flags is made again."""
    known: dict[tuple[type, tuple[str, ...]], dict[str, Any]] = {}

    def either(options: Any, flags: Sequence[str] | None = None, **given: Any) -> None:
        if flags is None or isinstance(flags, str):
            parse(options, flags, **given)
            return
        key = type(options), tuple(flags)
        if key not in known:
            parse(options, flags, **given)
            known[key] = copied(vars(options._visible_options))
        values = copied(known[key])
        options._flags, options._visible_options = flags, Namespace(**values)
        options._all_options = values | given

    return either
