"""LiveCodeBench: contest problems by date (Jain et al. 2024).

A row is `{"question_content", "starter_code", "public_test_cases", "private_test_cases",
"metadata", ...}`. Test cases are a JSON list of `{"input", "output", "testtype"}`. The private ones
may be packed as base64 of zlib of a pickled JSON text; the unpickler loads no classes, so that a
row cannot run code here.

- `functional`: `input` has one JSON argument per line. The test calls the function `func_name` in
  the metadata, as a method of `Solution` if the starter code has that class.
- `stdin`: the student writes a whole program; the pairs become `stdin` of the tests.

The statement ends with the starter code, or says that a program reads standard input. These are
public, as are the examples in the text. There is no reference solution.
"""

import base64
import binascii
import io
import json
import pickle
import zlib
from dataclasses import dataclass

from tutelage.corpora.problem import has, make, suite, text, tidy
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Gold, Problem

_LARGEST = 1 << 28
SETUP = """\
import bisect, collections, copy, functools, heapq, itertools, math, operator, random, re, string
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from typing import *
from builtins import *"""
"""What a student's function may use without importing it."""
LISTS = """def _listed(value):
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _listed(item) for key, item in value.items()}
    return value"""
"""Makes a returned tuple equal to a list, as the source's own grader does."""
READS = "Write a program that reads standard input and prints the answer."
"""The sentence in the statement of a whole program."""


@dataclass(frozen=True, slots=True)
class LiveCodeBench:
    """Reads LiveCodeBench's code generation."""

    name: str = "livecodebench"
    reads: str = "question_content, starter_code, public_test_cases, private_test_cases, metadata"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "question_content", "public_test_cases") and "shards" not in record

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        starter = text(record, "starter_code")
        return make(
            source=self.name,
            domain="code",
            statement=statement(record),
            gold=gold(record, "Solution()." if "class Solution" in starter else ""),
            split="test",
        )


def statement(record: Record) -> str:
    """The question, and the required form of the answer."""
    question, starter = tidy(text(record, "question_content")), text(record, "starter_code")
    if not question:
        return ""
    if starter.strip():
        return f"{question}\n\nUse this starting code:\n```python\n{starter.strip()}\n```"
    return f"{question}\n\n{READS}"


def gold(record: Record, owner: str, reference: str = "", prelude: str = "") -> Gold:
    """The public and private tests of a row, with `prelude` at the end of their setup.

    `owner` is put before the name of a function that is called, such as `Solution().`.

    Raises:
        BadRow: the tests cannot be read.
    """
    cases = [
        *_cases(record.get("public_test_cases"), "public_test_cases"),
        *_cases(record.get("private_test_cases"), "private_test_cases"),
    ]
    name = function(record.get("metadata"))
    setup = f"{SETUP}\n{prelude}".strip()
    if name:
        calls = [call(owner + name, *case) for case in cases]
        return suite(reference, [LISTS, *calls], setup=setup, entry_point=name)
    return suite(reference, (), setup=setup, stdin=cases)


def function(metadata: object) -> str:
    """Name of the function to call; empty for whole programs.

    Raises:
        BadRow: it is not an identifier.
    """
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            metadata = None
    name = metadata.get("func_name") if isinstance(metadata, dict) else None
    if name and not (isinstance(name, str) and name.isidentifier()):
        raise BadRow("bad-tests", f"`func_name` is no name: {name!r}")
    return name or ""


def call(name: str, given: str, expected: str) -> str:
    """The test that `name` returns `expected`, given one JSON argument per line of `given`.

    Raises:
        BadRow: one of them is not JSON.
    """
    try:
        arguments = [json.loads(line) for line in given.split("\n") if line.strip()]
        result = json.loads(expected)
    except ValueError as error:
        raise BadRow("bad-tests", f"a test case is not JSON: {error}") from None
    argument_list = ", ".join(map(repr, arguments))
    return f"assert _listed({name}({argument_list})) == {result!r}"


def _cases(value: object, key: str) -> list[tuple[str, str]]:
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            value = _unpacked(str(value), key)
    if not value:
        return []
    if not isinstance(value, list):
        raise BadRow("bad-tests", f"`{key}` is no list of test cases")
    try:
        return [(str(case["input"]), str(case["output"])) for case in value]
    except (KeyError, TypeError):
        raise BadRow("bad-tests", f"`{key}` has a case without input and output") from None


def _unpacked(packed: str, key: str) -> object:
    try:
        decompressor = zlib.decompressobj()
        data = decompressor.decompress(base64.b64decode(packed), _LARGEST)
        if decompressor.unconsumed_tail:
            raise BadRow("bad-tests", f"`{key}` unpacks to more than {_LARGEST} bytes")
        return json.loads(_Plain(io.BytesIO(data)).load())
    except (binascii.Error, zlib.error, pickle.UnpicklingError, ValueError, TypeError, EOFError,
            IndexError, KeyError, AttributeError) as error:  # fmt: skip
        raise BadRow("bad-tests", f"`{key}` cannot be unpacked: {error}") from None


class _Plain(pickle.Unpickler):
    """Unpickles strings, numbers and containers; refuses classes and functions."""

    def find_class(self, module: str, name: str) -> object:
        raise pickle.UnpicklingError(f"it names {module}.{name}")
