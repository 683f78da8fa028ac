"""HumanEval: functions to complete from signature and docstring (Chen et al. 2021, MIT).

A row is `{"task_id", "prompt", "entry_point", "canonical_solution", "test"}`. The statement is the
prompt, which shows name, signature and examples. The code before the signature (imports, and a few
tasks' helper functions) is public too and becomes the tests' setup, so that an answer with the
function alone can run. The test is the source's `check`, called on the function.
"""

import re
from dataclasses import dataclass

from tutelage.corpora.problem import has, make, suite, text
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Problem


@dataclass(frozen=True, slots=True)
class HumanEval:
    """Reads HumanEval, and sets in its format."""

    name: str = "humaneval"
    reads: str = "prompt, canonical_solution, test, entry_point"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "prompt", "canonical_solution", "test", "entry_point")

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        prompt, name, test = (text(record, key) for key in ("prompt", "entry_point", "test"))
        if not name.isidentifier() or "def check(" not in test:
            raise BadRow("bad-tests", "wanted `entry_point` and a `test` with `def check(...)`")
        reference = prompt + text(record, "canonical_solution")
        return make(
            source=self.name,
            domain="code",
            licence="MIT",
            statement=prompt,
            gold=suite(
                reference,
                [f"{test.rstrip()}\n\ncheck({name})"],
                setup=before(prompt, name),
                entry_point=name,
            ),
            solution=reference,
            split="test",
        )


def before(prompt: str, name: str) -> str:
    """The code before the function that is to be written.

    >>> before("import math\\n\\ndef f(x):\\n    ...", "f")
    'import math'
    """
    match = re.search(rf"^def {re.escape(name)}\b", prompt, re.MULTILINE)
    return prompt[: match.start()].strip() if match else ""
