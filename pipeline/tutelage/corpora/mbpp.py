"""MBPP: short Python tasks with three asserts each (Austin et al. 2021, CC-BY-4.0).

A row is `{"task_id", "text", "code", "test_list", "test_setup_code"}`; the sanitized edition has
`prompt` for `text` and `test_imports` for the setup. The text alone does not name the function, so
the statement adds the name and the first assert, as is usual for MBPP: these are public. The other
asserts and the reference are not. If the setup uses a class of the reference (two tasks on trees),
that class is shown to the student too, and is part of the setup.

Splits are the source's own, by number: 1-10 prompt, 11-510 test, 511-600 validation, the rest
train.
"""

from dataclasses import dataclass

from tutelage.corpora.problem import has, make, suite, text, tidy
from tutelage.corpora.row import Record
from tutelage.corpora.source import entry_point, helpers
from tutelage.errors import BadRow
from tutelage.records import Problem

_SPLITS = ((10, "prompt"), (510, "test"), (600, "validation"))


@dataclass(frozen=True, slots=True)
class Mbpp:
    """Reads MBPP, full or sanitized."""

    name: str = "mbpp"
    reads: str = "text or prompt, code, test_list, test_setup_code"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        plus = isinstance(record.get("test"), str)  # MBPP+, which `hub` reads
        return (
            has(record, "code", "test_list") and not plus and bool({"text", "prompt"} & {*record})
        )

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        cases = strings(record.get("test_list"), "test_list")
        code = tidy(text(record, "code"))
        setup = tidy(text(record, "test_setup_code"))
        if imports := record.get("test_imports"):
            setup = "\n".join([*strings(imports, "test_imports"), setup]).strip()
        name = entry_point(code, cases)
        helper_code = helpers(code, setup, name)
        return make(
            source=self.name,
            domain="code",
            licence="CC-BY-4.0",
            statement=asked(
                text(record, "text") or text(record, "prompt"), name, cases, helper_code
            ),
            gold=suite(code, cases, setup=f"{helper_code}\n\n{setup}".strip(), entry_point=name),
            solution=code,
            split=_split(record.get("task_id"), split),
        )


def asked(task: str, name: str, cases: list[str], given: str = "") -> str:
    """The task with the facts needed to pass the tests: the function's name and the first assert."""
    task = tidy(task)
    if not task or not cases:
        return task
    if given:
        task += f"\n\nThis is given:\n{given}"
    call = f"Call it `{name}`. " if name else ""
    return f"{task}\n\n{call}It must pass this test:\n{cases[0].strip()}"


def strings(value: object, key: str) -> list[str]:
    """The list of strings in a record, without empty ones.

    Raises:
        BadRow: it is not a list of strings, or it is empty.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(case, str) for case in value):
        raise BadRow("bad-tests", f"`{key}` is no list of strings")
    cases = [tidy(case) for case in value if case.strip()]
    if not cases:
        raise BadRow("bad-tests", f"`{key}` is empty")
    return cases


def _split(task_id: object, named: str) -> str:
    if not isinstance(task_id, int):
        return named
    return next((name for last, name in _SPLITS if task_id <= last), "train")
