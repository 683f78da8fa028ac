"""Hub data sets recognised by their columns: a table of layouts, and one format that reads all of
them.

A layout says by which columns a set is recognised and what each contains. A row's own source and
licence take precedence over the table; an answer column takes precedence over a box in the
solution.
"""

from dataclasses import dataclass, field
from typing import cast

from tutelage.corpora import code_tests, livecodebench
from tutelage.corpora.competition import boxed
from tutelage.corpora.fields import (
    as_answer,
    as_text,
    letter_of,
    options_in,
    structured,
    value_at,
    with_options,
)
from tutelage.corpora.mbpp import asked, strings
from tutelage.corpora.problem import answer, make, tidy, worked
from tutelage.corpora.row import Record
from tutelage.corpora.source import entry_point
from tutelage.errors import BadRow
from tutelage.records import Domain, Gold, Problem


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of one data set contain. Columns are paths as in `fields.value_at`."""

    name: str
    known_by: str
    """Columns that all its rows have, separated by spaces; `column=value` also requires the value.
    """
    statement: str
    answer: str = ""
    """If empty, the answer is boxed in the solution."""
    tests: str = ""
    solution: str = "solution"
    choices: str = ""
    domain: str = "math"
    licence: str = "unknown"
    source: str = "source|data_source"
    id: str = ""
    split: str = ""
    """For sets that are only for testing."""

    def fits(self, record: Record) -> bool:
        """Whether a record has the columns in `known_by`."""
        for word in self.known_by.split():
            path, _, wanted = word.partition("=")
            value = value_at(record, path)
            if value is None or (wanted and str(value) != wanted):
                return False
        return True


_BENCHMARK = {"split": "test"}
LAYOUTS = (
    Layout("synthetic", "prompt verification_info task_type", "prompt",
           "verification_info.ground_truth", "verification_info", "gold_standard_solution",
           licence="Apache-2.0", id="problem_id"),
    Layout("dapo-math", "data_source=math_dapo prompt reward_model", "prompt",
           "reward_model.ground_truth", licence="Apache-2.0", id="extra_info.index"),
    Layout("skywork-or1", "data_source prompt reward_model extra_info.model_difficulty", "prompt",
           "reward_model.ground_truth", "reward_model.ground_truth", licence="Apache-2.0"),
    Layout("verl", "data_source prompt reward_model", "prompt", "reward_model.ground_truth",
           "reward_model.ground_truth", solution="extra_info.answer"),
    Layout("taco", "question solutions input_output raw_tags", "question", tests="input_output",
           solution="solutions.0", domain="code", licence="Apache-2.0"),
    Layout("apps", "question solutions input_output", "question", tests="input_output",
           solution="solutions.0", domain="code", licence="MIT", id="problem_id"),
    Layout("kodcode", "question solution test test_info", "question", tests="test",
           domain="code", licence="CC-BY-NC-4.0", source="subset", id="question_id"),
    Layout("mbpp-plus", "prompt code test test_list", "prompt", tests="test", solution="code",
           domain="code", licence="Apache-2.0", id="task_id", **_BENCHMARK),
    Layout("mmlu-pro", "question options answer category", "question", "answer", choices="options",
           solution="cot_content", domain="reasoning", licence="MIT", source="src", id="question_id",
           **_BENCHMARK),
    Layout("arc", "question choices answerKey", "question", "answerKey", choices="choices",
           domain="reasoning", licence="CC-BY-SA-4.0", id="id"),
    Layout("mmlu", "question choices answer", "question", "answer", choices="choices",
           domain="reasoning", licence="MIT", **_BENCHMARK),
    Layout("open-math-reasoning", "problem expected_answer", "problem", "expected_answer",
           solution="generated_solution", licence="CC-BY-4.0", source="problem_source"),
    Layout("big-math", "problem answer llama8b_solve_rate", "problem", "answer",
           licence="Apache-2.0"),
    Layout("openr1-math", "problem answer uuid generations", "problem", "answer",
           licence="Apache-2.0", id="uuid"),
    Layout("math-500", "problem answer unique_id", "problem", "answer", licence="MIT",
           id="unique_id", **_BENCHMARK),
    Layout("aime", "Problem Answer ID", "Problem", "Answer", solution="Solution", id="ID",
           **_BENCHMARK),
    Layout("aime", "Question Answer Year", "Question", "Answer", solution="", id="ID", **_BENCHMARK),
    Layout("aime", "problem answer url year", "problem", "answer", id="id", **_BENCHMARK),
    Layout("numina-math", "problem solution answer source", "problem", "answer",
           licence="Apache-2.0"),
    Layout("numina-math", "problem solution source messages", "problem", licence="Apache-2.0"),
    Layout("deepscaler", "problem answer solution", "problem", "answer", licence="MIT"),
    Layout("problem-answer", "problem answer", "problem", "answer"),
    Layout("question-answer", "question answer", "question", "answer"),
)  # fmt: skip
"""In the order in which they are tried."""
_NO_ANSWERS = frozenset({"", "proof", "notfound", "n/a", "none", "null", "nan"})


@dataclass(frozen=True, slots=True)
class Hub:
    """Reads records that match one of the layouts."""

    name: str = "hub"
    reads: str = ", ".join(dict.fromkeys(layout.name for layout in LAYOUTS))
    _layouts: tuple[Layout, ...] = field(default=LAYOUTS, repr=False)

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return any(layout.fits(record) for layout in self._layouts)

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        layout = next((layout for layout in self._layouts if layout.fits(record)), None)
        if layout is None:
            raise BadRow("bad-row", f"columns of no known set: {', '.join(sorted(record))}")
        solution = _solution(record, layout)
        gold = _tests(record, layout, solution)
        statement = _text(record, layout.statement)
        domain = "code" if gold else layout.domain
        if gold is None and domain == "code":
            raise BadRow("bad-tests", f"`{layout.tests}` holds no tests")
        if gold is None and layout.choices:
            options, labels = options_in(value_at(record, layout.choices))
            gold = answer(letter_of(value_at(record, layout.answer), options, labels))
            statement = with_options(statement, options)
        elif gold is None:
            gold = answer(_final(record, layout, solution))
            if solution and gold.value not in solution:
                solution = worked([solution], gold.value)
        else:
            statement = _with_names(statement, record, layout)
        return make(
            source=_text(record, layout.source) or layout.name,
            domain=cast(Domain, domain),
            licence=_text(record, "licence|license") or layout.licence,
            statement=statement,
            gold=gold,
            solution=solution,
            split=layout.split or split,
            given_id=_text(record, layout.id),
        )


def _text(record: Record, path: str) -> str:
    return as_text(value_at(record, path), path) if path else ""


def _solution(record: Record, layout: Layout) -> str:
    """The worked solution, without a model's reasoning before it."""
    return tidy(_text(record, layout.solution).rpartition("</think>")[2])


def _final(record: Record, layout: Layout, solution: str) -> str:
    """The final answer.

    Raises:
        BadRow: there is none.
    """
    final = as_answer(value_at(record, layout.answer), layout.answer) if layout.answer else ""
    inner = final.strip("$").strip()
    final = inner if inner and "$" not in inner else final
    if final.lower() in _NO_ANSWERS:
        box = boxed(solution) if final == "" else ""
        if not box:
            raise BadRow("no-answer", f"the answer is {final!r}: nothing to judge one by")
        return box
    return final


def _tests(record: Record, layout: Layout, reference: str) -> Gold | None:
    """The tests of a row; None if the column has an answer instead."""
    value = structured(value_at(record, layout.tests)) if layout.tests else None
    if layout.domain == "code" and value is None:
        raise BadRow("bad-tests", f"`{layout.tests}` is empty")
    if layout.domain != "code" and not _are_tests(value):
        return None
    if layout.name == "mbpp-plus":
        name = entry_point(reference, strings(record.get("test_list"), "test_list"))
        setup = "\n".join(map(str, record.get("test_imports") or ()))  # type: ignore[call-overload]
        return code_tests.gold(str(value), reference=reference, setup=setup, entry=name)
    names = structured(value_at(record, "test_info"))
    entry = as_text(value_at({"i": names}, "i.0.function_name"), "test_info") if names else ""
    return code_tests.gold(value, reference=reference, entry=entry)


def _are_tests(value: object) -> bool:
    if isinstance(value, dict):
        return any(key in value for key in ("inputs", "input", "test_cases", "test_code", "tests"))
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _with_names(statement: str, record: Record, layout: Layout) -> str:
    """The statement with the public facts that a student needs to pass the tests, such as names."""
    if layout.name == "mbpp-plus":
        cases = strings(record.get("test_list"), "test_list")
        return asked(statement, entry_point(_text(record, "code"), cases), cases)
    starter = _text(record, "starter_code").strip()
    if not starter and (infos := structured(value_at(record, "test_info"))):
        declared = [value_at({"i": info}, "i.function_declaration") for info in infos]  # type: ignore[attr-defined]
        starter = "\n".join(str(line) for line in declared if line and str(line) not in statement)
    if starter:
        return f"{statement.strip()}\n\nUse this starting code:\n```python\n{starter}\n```"
    if layout.name in ("taco", "apps"):
        return f"{statement.strip()}\n\n{livecodebench.READS}"
    return statement
