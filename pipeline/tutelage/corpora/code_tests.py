"""Converts code tests from the forms in which data sets store them to the gold of a problem.

    "assert f(2) == 4", ["assert ...", ...]                Python: asserts, `check`, pytest
    {"inputs": [...], "outputs": [...], "fn_name": "f"}    APPS, TACO; whole programs lack `fn_name`
    [{"input": ..., "output": ..., "testtype": "stdin"}]   LiveCodeBench, and under other names
    {"test_cases": [{"fn_name": ..., "input": ...}]}       SYNTHETIC
    {"test_code": ..., "entry_point": "Solution().f"}      Skywork-OR1
    [["1 2", "3"], ...]                                    pairs of input and output

Each may also be JSON text. As in the graders of these sets, a function is called as a method of
`Solution` if the program defines that class, and a returned tuple equals the list with the same
elements. In APPS's form, an expected list of one element also matches the element itself.
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
    """One input and its expected output."""

    kind: str
    """`stdin` if the record says so, else empty."""
    name: str
    """Name of the function; empty if none is named."""
    input: Any
    expected: Any
    wraps: bool = False
    """Whether the expected result may be wrapped in a list of one."""


def gold(tests: object, *, reference: str = "", setup: str = "", entry: str = "") -> Gold:
    """Converts `tests` to a gold.

    Raises:
        BadRow: they have none of the known forms.
    """
    tests = structured(tests)
    if isinstance(tests, str):
        return suite(reference, [tests], setup=setup, entry_point=entry)
    if isinstance(tests, list) and tests and all(isinstance(test, str) for test in tests):
        return suite(reference, tests, setup=setup, entry_point=entry)
    if isinstance(tests, Mapping) and (lists := tests.get("tests") or tests.get("stdin")):
        body = {"setup": setup, "entry_point": entry, **tests}
        if not isinstance(lists, list):
            raise BadRow("bad-tests", f"wanted tests as {FORMS}")
        return Gold("tests", reference, json.dumps(body, ensure_ascii=False, sort_keys=True))
    if isinstance(tests, Mapping) and isinstance(code := tests.get("test_code"), str):
        qualified_name = str(tests.get("entry_point") or entry)
        call = (
            f"{code}\n\ncheck({qualified_name})"
            if qualified_name and "def check(" in code
            else code
        )
        name = qualified_name.rpartition(".")[2]
        prefix = f"{tests.get('import_prefix') or ''}\n{setup}".strip()
        return suite(reference, [call], setup=prefix, entry_point=name)
    return _of_cases(list(_cases(tests)), reference, setup, entry)


def _of_cases(cases: list[Case], reference: str, setup: str, entry: str) -> Gold:
    if not cases:
        raise BadRow("bad-tests", f"wanted tests as {FORMS}")
    calls = [bool(case.name or (entry and case.kind != "stdin")) for case in cases]
    if not any(calls):
        pairs = [(_lined(case.input), _lined(case.expected)) for case in cases]
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
        inputs, outputs = structured(_first(tests, _INPUTS)), structured(_first(tests, _OUTPUTS))
        if not (
            isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs)
        ):
            raise BadRow("bad-tests", f"wanted tests as {FORMS}")
        name = str(tests.get("fn_name") or "")
        for single_input, output in zip(inputs, outputs, strict=True):
            yield Case("", name, single_input, output, bool(name))
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
    """The test of a function. Its arguments are a list, or JSON text with one argument per line."""
    arguments = case.input if isinstance(case.input, list) else [case.input]
    lines = case.input if isinstance(case.input, str) else "\n".join(map(json.dumps, arguments))
    values = [_read(line) for line in lines.split("\n") if line.strip()]
    expected_value = (
        case.expected if not isinstance(case.expected, str) or case.wraps else _read(case.expected)
    )
    function = f'(Solution().{name} if "Solution" in globals() else {name})'
    result = f"_listed({function}({', '.join(map(repr, values))}))"
    if case.wraps and isinstance(expected_value, list) and len(expected_value) == 1:
        return f"assert {result} in ({expected_value!r}, {expected_value[0]!r})"
    return f"assert {result} == {expected_value!r}"


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRow("bad-tests", f"a test case is not JSON: {error}") from None


def _lined(text: object) -> str:
    return "\n".join(map(str, text)) if isinstance(text, list) else str(text)
