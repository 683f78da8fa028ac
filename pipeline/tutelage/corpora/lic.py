"""Lost in Conversation: problems cut into shards (Laban et al. 2025, MIT).

A row is `{"task_id": "sharded-GSM8K/14", "task": "math", "shards": [{"shard_id": 1, "shard": ...},
...], ...}` and the fields of the original record. The tasks `math` (GSM8K's `question`, `answer`)
and `code` (HumanEval's `prompt`, or LiveCodeBench's `question_content`; both with LiveCodeBench's
test cases) are read. The others (database, actions, data2text, summary, translation) have no
verifier here and become rows with the failure `unsupported-task`.

A code problem's tests call a function by its name, which the shards do not always give (the
source's own checker renames the student's function). So the first shard of a code problem gets a
sentence with the name, unless some shard has it; and the full statement gives the signature.
"""

import re
from dataclasses import dataclass

from tutelage.corpora import gsm8k, livecodebench
from tutelage.corpora.humaneval import before
from tutelage.corpora.problem import answer, has, make, text, tidy, worked
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Problem


@dataclass(frozen=True, slots=True)
class Lic:
    """Reads the sharded instructions of Lost in Conversation."""

    name: str = "lic"
    reads: str = "task (math or code), shards [{shard_id, shard}], and the record that was cut"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "task_id", "task", "shards")

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        task, shards = text(record, "task"), _shards(record.get("shards"))
        if task == "math":
            return self._math(record, shards)
        if task == "code":
            return self._code(record, shards)
        raise BadRow("unsupported-task", f"task {task!r}: only math and code have a verifier")

    def _math(self, record: Record, shards: list[str]) -> Problem:
        steps, final = gsm8k.parts(text(record, "answer"))
        return make(
            source=self.name,
            domain="math",
            licence="MIT",
            statement=text(record, "question"),
            gold=answer(final),
            solution=worked(steps, final),
            split="test",
            hint_shards=shards,
        )

    def _code(self, record: Record, shards: list[str]) -> Problem:
        prompt, name = text(record, "prompt"), livecodebench.function(record.get("metadata"))
        canonical = text(record, "canonical_solution")
        reference = prompt + canonical if canonical.strip() else ""
        return make(
            source=self.name,
            domain="code",
            licence="MIT",
            statement=prompt or _asked(record, name),
            gold=livecodebench.gold(record, "", reference, before(prompt, name)),
            solution=reference,
            split="test",
            hint_shards=_named(shards, name),
        )


def _asked(record: Record, name: str) -> str:
    """LiveCodeBench's question with the signature in its starter code, as a plain function."""
    question, starter = tidy(text(record, "question_content")), text(record, "starter_code")
    match = re.search(rf"def {re.escape(name)}\((?:self,? *)?(.*?)\)", starter, re.DOTALL)
    signature = f"{name}({match[1]})" if match else name
    return f"{question}\n\nWrite the function `{signature}`." if question and name else question


def _shards(value: object) -> list[str]:
    """The texts, ordered by id. The released file says `shard`, its description `shard_text`."""
    if not isinstance(value, list) or not all(isinstance(piece, dict) for piece in value):
        raise BadRow("bad-shards", "`shards` is no list of objects")
    ordered = sorted(enumerate(value), key=lambda pair: (_rank(pair[1], pair[0]), pair[0]))
    texts = [tidy(text(piece, "shard") or text(piece, "shard_text")) for _, piece in ordered]
    if not texts or not all(texts):
        raise BadRow("bad-shards", "there are no shards, or one of them is empty")
    return texts


def _rank(piece: Record, place: int) -> int:
    rank = piece.get("shard_id")
    return rank if isinstance(rank, int) else place


def _named(shards: list[str], name: str) -> list[str]:
    if not name or any(name in shard for shard in shards):
        return shards
    return [f"{shards[0]} (Call the function `{name}`.)", *shards[1:]]
