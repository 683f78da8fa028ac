"""The whole tree of settings, its defaults that hang on one another, and its digest."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tutelage.records import Rules
from tutelage.seeds import digest
from tutelage.settings.names import BUNDLED
from tutelage.settings.sections import (
    Decontaminate,
    Dedup,
    Driver,
    Feedback,
    Leaks,
    Player,
    Priming,
    Section,
    Server,
    Shards,
    Splits,
    Underspecified,
    Verifier,
    Vllm,
)


class Settings(Section):
    """Everything that a run depends on."""

    corpora: tuple[str, ...] = ()
    format: str = Field("", description="of the corpora; empty: recognised from the first rows")
    map: dict[str, str] = Field(default_factory=dict, description="our field = theirs")
    limit: int = Field(0, ge=0, description="problems of each corpus at most; 0: all")
    seed: int = 0
    samples: int = Field(1, ge=1, description="dialogues a problem and arm: the group size g")
    turns: int = Field(4, ge=1, description="student turns at most")
    arms: tuple[str, ...] = ("sml",)
    loss: Literal["all_student", "after_feedback", "final_only", "questions_and_final"] = (
        "all_student"
    )
    prompts: str = Field("", description="a folder of templates that replace ours by name")
    student: Player = Player()
    teacher: Player = Player()
    judge: Player = Field(Player(), description="for doubtful moves and leaks; no engine, no judge")
    vllm: Vllm = Vllm()
    server: Server = Server()
    q_priming: Priming = Priming()
    feedback: Feedback = Feedback()
    leaks: Leaks = Leaks()
    underspecified: Underspecified = Underspecified()
    driver: Driver = Driver()
    verifier: Verifier = Verifier()
    dedup: Dedup = Dedup()
    decontaminate: Decontaminate = Decontaminate()
    splits: Splits = Splits()
    shards: Shards = Shards()

    def resolved(self) -> "Settings":
        """The tree with every default that depends on another value filled in."""
        student = self.student.model_copy(update={"model": self.student.model or BUNDLED})
        engine = student.engine or ("server" if self.server.url else "vllm")
        small = student.model == BUNDLED
        student = _filled(student, engine, "small" if small else "system", 48 if small else 1024)
        model = self.teacher.model or student.model
        teacher_engine = self.teacher.engine or (
            "worked" if engine == "vllm" and model == BUNDLED else engine
        )
        teacher = self.teacher.model_copy(
            update={"model": "" if teacher_engine in ("worked", "scripted") else model}
        )
        teacher = _filled(teacher, teacher_engine, "feedback", 256 if model == BUNDLED else 512)
        judge = self.judge
        if judge.engine or judge.model:
            judge = judge.model_copy(update={"model": judge.model or model})
            judge = _filled(judge, judge.engine or engine, "judge", 8)
        if engine == "scripted":
            student = student.model_copy(update={"model": "scripted"})
        return self.model_copy(update={"student": student, "teacher": teacher, "judge": judge})

    def rules(self, arm: str) -> Rules:
        """The rules of one arm."""
        return Rules(
            arm=arm,
            turns=1 if arm == "single" else self.turns,
            student=self.student.sampling(),
            teacher=self.teacher.sampling(),
            student_prompt=self.student.prompt,
            teacher_prompt=self.teacher.prompt,
            prompts=self.prompts,
            q_base=self.q_priming.base if self.q_priming.enabled and arm != "single" else 0.0,
            forms=tuple(sorted(self.feedback.forms.items())),
            leak_policy=self.leaks.policy,
            leak_retries=self.leaks.retries,
            leak_expression=self.leaks.expression,
            judge=replace(self.judge.sampling(), temperature=0.0) if self.judge.engine else None,
            rephrase=self.underspecified.rephrase,
        )

    def shaping(self) -> dict[str, Any]:
        """The part that shapes the data: all but speed, place and size of the input."""
        tree = self.model_dump(
            mode="json", exclude={"driver", "server", "shards", "limit", "samples"}
        )
        tree["vllm"] = {k: tree["vllm"][k] for k in ("dtype", "max_model_len", "extra")}
        tree["corpora"] = [_bare(spec) for spec in self.corpora]
        tree["decontaminate"]["paths"] = [_bare(spec) for spec in self.decontaminate.paths]
        tree["verifier"].pop("workers")
        return tree

    def run_id(self) -> str:
        """Digest of `shaping`: the same on every machine, whatever the folder and the clock."""
        return digest(json.dumps(self.shaping(), sort_keys=True))

    def name(self) -> str:
        """A name for a run that was given none: the same for the same settings."""
        first = re.split(r"[?.*\[]", _bare(self.corpora[0]))[0] if self.corpora else ""
        return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', first).strip('-') or 'run'}-{self.run_id()[:8]}"


def _bare(spec: str) -> str:
    """A corpus without its folder, which may differ from machine to machine."""
    return spec if "://" in spec else Path(spec).name


def _filled(player: Player, engine: str, prompt: str, max_tokens: int) -> Player:
    return player.model_copy(
        update={
            "engine": engine,
            "prompt": player.prompt or prompt,
            "max_tokens": player.max_tokens or max_tokens,
        }
    )
