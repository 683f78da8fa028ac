"""Dialogues said turn by turn, and runs made of them without an engine."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders import problem
from tutelage import contract
from tutelage.records import (
    Dialogue,
    Gold,
    Leak,
    Message,
    Outcome,
    Problem,
    Rules,
    Sampling,
    Verdict,
)
from tutelage.shards import RunFolder, write_shard


@dataclass(frozen=True)
class Said:
    """One turn: what the student says, and what the teacher answers to it."""

    text: str
    right: bool = False
    hint: str = "Look again."
    act: str = "attempt"
    reasoning: str = ""
    cut: bool = False
    ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Played:
    """One dialogue over problem `number`."""

    number: int
    turns: Sequence[Said]
    sample: int = 0
    arm: str = "sml"
    system: str = "Be brief."
    split: str = "train"
    gold: Gold | None = None
    leak: bool = False
    failed: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    """Columns to set as they are."""

    def row(self, loss: str, model: str) -> dict[str, Any]:
        """It as a row of the contract."""
        made = problem(f"What is {self.number} + {self.number}?", str(2 * self.number))
        posed = Problem(
            f"p{self.number}", made.domain, made.source, made.licence, made.statement,
            self.gold or made.gold, made.solution,
        )  # fmt: skip
        outcome = Outcome("exhausted", None, len(self.turns))
        if self.turns[-1].right:
            outcome = Outcome("solved", len(self.turns), len(self.turns))
        if self.failed:
            outcome = Outcome("failed", reason="engine: gone")
        dialogue = Dialogue(
            f"d{self.number}-{self.arm}-{self.sample}",
            f"g{self.number}-{self.arm}",
            posed,
            Rules(arm=self.arm, student=Sampling(temperature=1.0)),
            self.sample,
            self.number,
            tuple(self._messages(posed)),
            outcome,
        )
        row = contract.row(dialogue, contract.Stamp("a-run", {"student": model}, {}, loss))
        return row | {"split": self.split} | self.changes

    def _messages(self, posed: Problem) -> Iterable[Message]:
        if self.system:
            yield Message("system", "system", 0, self.system)
        yield Message("teacher", "problem", 0, posed.statement)
        for turn, said in enumerate(self.turns, 1):
            verdict = Verdict("correct" if said.right else "incorrect", said.text.split()[-1])
            yield Message(
                "student",
                said.act,  # type: ignore[arg-type]
                turn,
                said.text,
                reasoning=said.reasoning,
                verdict=verdict if said.act == "attempt" else None,
                token_ids=said.ids,
                logprobs=tuple(-0.5 - i / 100 for i in range(len(said.ids))),
                finish_reason="length" if said.cut else "stop",
            )
            if turn < len(self.turns):
                leak = Leak("answer", "marked", said.hint) if self.leak else None
                yield Message("teacher", "feedback", turn, said.hint, form="hint", leak=leak)


Make = Callable[..., str]


def write_run(
    root: Path, played: Iterable[Played], loss: str = "all_student", model: str = ""
) -> str:
    """Writes dialogues as a published run and gives its folder."""
    folder = RunFolder(root)
    folder.create()
    folder.write_json("run.json", {"run_id": "a-run", "settings": {}})
    rows = [one.row(loss, model) for one in played]
    files: dict[str, int] = {}
    for split in {row["split"] for row in rows}:
        for kind in ("solved", "rest"):
            members = [
                row
                for row in rows
                if row["split"] == split
                and (kind == "solved")
                == (row["outcome"]["status"] == "solved" and row["duplicate_of"] is None)
            ]
            path = f"shards/{split}/{kind}-00000-of-00001.parquet"
            if members:
                files[path] = write_shard(folder.root / path, members)
    turns = Counter(str(row["outcome"]["solved_turn"]) for row in rows)
    unsolved = turns.pop("None", 0)
    folder.write_json(
        "manifest.json",
        {
            "schema_version": "manifest.v1",
            "run_id": "a-run",
            "row_schema": contract.SCHEMA_VERSION,
            "balance": {"input": len(rows), "kept": len(rows)},
            "dialogues": {"kept": len(rows), "solved": len(rows) - unsolved},
            "solved_at": dict(turns),
            "files": files,
            "splits": {},
        },
    )
    return str(folder.root)
