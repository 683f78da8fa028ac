"""Tests of code in the forms in which they lie about, as the gold of a problem.

    "assert f(2) == 4", ["assert ...", ...]                Python: asserts, `check`, pytest
    {"inputs": [...], "outputs": [...], "fn_name": "f"}    APPS, TACO; for whole programs no `fn_name`
    [{"input": ..., "output": ..., "testtype": "stdin"}]   LiveCodeBench, and under other names
    {"test_cases": [{"fn_name": ..., "input": ...}]}       SYNTHETIC
    {"test_code": ..., "entry_point": "Solution().f"}      Skywork-OR1
    [["1 2", "3"], ...]                                    pairs of input and output

Each may be a text of JSON. A function is called as a method of `Solution` where the program has that
class; a tuple that it returns counts as the list of the same, and an expected list of one as its
element, too, where the form is APPS's: so say the graders of these sets.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tutelage.corpora import livecodebench
from tutelage.corpora.fields import structured
from tutelage.corpora.problem import suite
from tutelage.errors import BadRow
from tutelage.records import Gold

FORMS = "Python texts, input/output objects or pairs, or {inputs, outputs}"
_INPUTS = ("inputs", "input", "stdin")
_OUTPUTS = ("outputs", "output", "expected_output", "stdout")


@dataclass(frozen=True, slots=True)
class Case:
    """One input and what is expected."""

    kind: str
    """`stdin` where it is said so; else empty."""
    name: str
    """The function's; empty where none is named."""
    given: Any
    wanted: Any
    wraps: bool = False
    """Whether the result may stand in a list of its own."""


def gold(tests: object, *, reference: str = "", setup: str = "", entry: str = "") -> Gold:
    """The gold that `tests` are, in whichever form.

    Raises:
        BadRow: they are in none.
    """
    tests = structured(tests)
    if isinstance(tests, str):
        return suite(reference, [tests], setup=setup, entry_point=entry)
    if isinstance(tests, list) and tests and all(isinstance(test, str) for test in tests):
        return suite(reference, tests, setup=setup, entry_point=entry)
    if isinstance(tests, Mapping) and (ours := tests.get("tests") or tests.get("stdin")):
        given = {"setup": setup, "entry_point": entry, **tests}
        if not isinstance(ours, list):
            raise BadRow("bad-tests", f"wanted tests as {FORMS}")
        return Gold("tests", reference, json.dumps(given, ensure_ascii=False, sort_keys=True))
    if isinstance(tests, Mapping) and isinstance(code := tests.get("test_code"), str):
        point = str(tests.get("entry_point") or entry)
        call = f"{code}\n\ncheck({point})" if point and "def check(" in code else code
        name = point.rpartition(".")[2]
        prefix = f"{tests.get('import_prefix') or ''}\n{setup}".strip()
        return suite(reference, [call], setup=prefix, entry_point=name)
    return _of_cases(list(_cases(tests)), reference, setup, entry)


def _of_cases(cases: list[Case], reference: str, setup: str, entry: str) -> Gold:
    if not cases:
        raise BadRow("bad-tests", f"wanted tests as {FORMS}")
    calls = [bool(case.name or (entry and case.kind != "stdin")) for case in cases]
    if not any(calls):
        pairs = [(_lined(case.given), _lined(case.wanted)) for case in cases]
        return suite(reference, (), setup=setup, stdin=pairs)
    if not all(calls):
        raise BadRow("bad-tests", "wanted tests of one kind, got some that call and some that read")
    name = next((case.name for case in cases if case.name), entry)
    if not name.isidentifier():
        raise BadRow("bad-tests", f"wanted the name of a function, got {name!r}")
    setup = f"{livecodebench.SETUP}\n{setup}".strip()
    asserts = [_call(name, case) for case in cases]
    return suite(reference, [livecodebench.LISTS, *asserts], setup=setup, entry_point=name)


def _cases(tests: object) -> Iterator[Case]:
    if isinstance(tests, Mapping) and isinstance(tests.get("test_cases"), list):
        tests = tests["test_cases"]
    if isinstance(tests, Mapping):
        given, wanted = structured(_first(tests, _INPUTS)), structured(_first(tests, _OUTPUTS))
        if not (isinstance(given, list) and isinstance(wanted, list) and len(given) == len(wanted)):
            raise BadRow("bad-tests", f"wanted tests as {FORMS}")
        name = str(tests.get("fn_name") or "")
        for one, other in zip(given, wanted, strict=True):
            yield Case("", name, one, other, bool(name))
        return
    for case in tests if isinstance(tests, list) else ():
        if isinstance(case, Mapping) and _first(case, _INPUTS) is not None:
            kind = str(case.get("testtype") or case.get("type") or "")
            kind = "stdin" if kind.startswith("stdin") else kind
            name = "" if kind == "stdin" else str(case.get("fn_name") or "")
            yield Case(kind, name, _first(case, _INPUTS), _first(case, _OUTPUTS), bool(name))
        elif isinstance(case, list) and len(case) == 2:
            yield Case("", "", *case)
        else:
            raise BadRow("bad-tests", f"wanted tests as {FORMS}")


def _first(case: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((case[name] for name in names if case.get(name) is not None), None)


def _call(name: str, case: Case) -> str:
    """The test of a function: its arguments are JSON, one a line, or a list."""
    arguments = case.given if isinstance(case.given, list) else [case.given]
    lines = case.given if isinstance(case.given, str) else "\n".join(map(json.dumps, arguments))
    values = [_read(line) for line in lines.split("\n") if line.strip()]
    wanted = case.wanted if not isinstance(case.wanted, str) or case.wraps else _read(case.wanted)
    function = f'(Solution().{name} if "Solution" in globals() else {name})'
    result = f"_listed({function}({', '.join(map(repr, values))}))"
    if case.wraps and isinstance(wanted, list) and len(wanted) == 1:
        return f"assert {result} in ({wanted!r}, {wanted[0]!r})"
    return f"assert {result} == {wanted!r}"


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRow("bad-tests", f"a test case is not JSON: {error}") from None


def _lined(text: object) -> str:
    return "\n".join(map(str, text)) if isinstance(text, list) else str(text)
