"""A pytest plugin: Beam's graphs, built for less. Nearly every test that makes a run builds two.

Of the second of processor time that a run of a few dialogues takes, a third is Beam's way to build and
send a graph: it looks at the signatures of all methods of each step some eight times, and packs each
step in bzip2's largest blocks, whose memory is made and cleared for a few hundred bytes. Here
signatures are kept, and the blocks are small; what is sent has the same format.

Nothing here changes what a graph does. It applies where test modules import Beam, not in processes
that a test starts.
"""

import bz2
import functools
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

# argparse would look for the translation of each option's help, in each locale of the environment.
os.environ.setdefault("LANGUAGE", "C")


def pytest_collection_finish() -> None:
    """Test modules have imported Beam by now, if they do."""
    if "apache_beam" in sys.modules:
        from apache_beam.internal import cloudpickle_pickler
        from apache_beam.transforms import core

        read = core.get_function_args_defaults
        core.get_function_args_defaults = remembered(read)
        cloudpickle_pickler.bz2 = SimpleNamespace(
            compress=lambda data, compresslevel: bz2.compress(data, 1), decompress=bz2.decompress
        )


def remembered(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """As `read`, which tells the arguments of a function; a method is looked at once for all."""

    @functools.cache
    def of_method(function: Any) -> Any:
        return read(function.__get__(object()))

    def either(function: Any) -> Any:
        method = getattr(function, "__func__", None)
        return read(function) if method is None else of_method(method)

    return either
