"""The whole tree of settings, its defaults that hang on one another, and its digest."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from tutelage.records import Rules
from tutelage.seeds import digest
from tutelage.settings import families
from tutelage.settings.names import BUNDLED, BY_URL
from tutelage.settings.sections import (
    Decontaminate,
    Dedup,
    Driver,
    Feedback,
    Flow,
    Leaks,
    Player,
    Prices,
    Priming,
    Reader,
    Resume,
    Section,
    Server,
    Shards,
    Splits,
    Underspecified,
    Verifier,
    Vllm,
)

_SMALL_STOP = ("\n\n", "Teacher:")
"""Where a reply under the small student prompt ends: after a paragraph, or before it speaks for the
teacher."""
_ADVICE = ("temperature", "top_p", "top_k")
"""What a family's line may say."""
_P = TypeVar("_P", bound=Player)


class Settings(Section):
    """Everything that a run depends on."""

    corpora: tuple[str, ...] = ()
    format: str = Field("", description="of the corpora; empty: recognised from the first rows")
    map: dict[str, str] = Field(default_factory=dict, description="our field = theirs")
    limit: int = Field(0, ge=0, description="problems of each corpus at most; 0: all")
    longest_row: int = Field(1 << 24, ge=1, description="bytes of a row of a corpus at most")
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
    judge: Reader = Field(
        Reader(),
        description="the reader: says which answer a draft gives away; never sees the gold",
    )
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
    resume: Resume = Resume()
    flow: Flow = Flow()
    prices: Prices = Prices()

    def resolved(self) -> "Settings":
        """The tree with every default that depends on another value filled in."""
        student = self.student.model_copy(update={"model": self.student.model or BUNDLED})
        engine = student.engine or ("server" if student.url or self.server.url else "vllm")
        small = student.model == BUNDLED
        prompt, longest = ("small", 48) if small else ("system", 1024)
        student = _filled(student, engine, prompt, longest, advice=("temperature",))
        if student.stop is None and student.prompt == "small":
            student = student.model_copy(update={"stop": _SMALL_STOP})
        flaws = self.verifier.flaws or ("refuse" if small and engine == "vllm" else "accept")
        model = self.teacher.model or student.model
        alike = "worked" if engine == "vllm" and model == BUNDLED else engine
        teacher_engine = self.teacher.engine or ("server" if self.teacher.url else alike)
        teacher = self.teacher.model_copy(
            update={"model": "" if teacher_engine in ("worked", "scripted") else model}
        )
        teacher = _filled(teacher, teacher_engine, "feedback", 256 if model == BUNDLED else 512)
        if engine == "scripted":
            student = student.model_copy(update={"model": "scripted"})
        changed = {
            "student": student,
            "teacher": teacher,
            "judge": _reader(self.judge, student, teacher),
            "verifier": self.verifier.model_copy(update={"flaws": flaws}),
        }
        return self.model_copy(update=changed)

    def on_vllm(self) -> dict[str, Player]:
        """The players with the engine `vllm`, by side."""
        players = {"student": self.student, "teacher": self.teacher, "judge": self.judge}
        return {side: player for side, player in players.items() if player.engine == "vllm"}

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
            reader=replace(self.judge.sampling(), temperature=0.0) if self.judge.engine else None,
            reader_prompt=self.judge.prompt or "answer",
            refuses_flaws=self.verifier.flaws == "refuse",
            rephrase=self.underspecified.rephrase,
        )

    def shaping(self) -> dict[str, Any]:
        """The part that shapes the data: all but speed, place and size of the input."""
        tree = self.model_dump(
            mode="json",
            exclude={"driver", "server", "shards", "flow", "prices", "resume", "limit", "samples"},
        )
        tree["vllm"] = {k: tree["vllm"][k] for k in ("dtype", "max_model_len", "extra")}
        tree["corpora"] = [_bare(spec) for spec in self.corpora]
        tree["decontaminate"]["paths"] = [_bare(spec) for spec in self.decontaminate.paths]
        tree["verifier"].pop("workers")
        for side in ("student", "teacher", "judge"):
            for other in ("url", "api_key_env", "price_in", "price_out"):
                tree[side].pop(other)
        for choice in ("name", "by_corpus"):
            if not tree["verifier"][choice]:
                tree["verifier"].pop(choice)
        return tree

    def families(self) -> dict[str, str]:
        """Side -> the family of its model, where one is known."""
        sides = {"student": self.student, "teacher": self.teacher, "judge": self.judge}
        known = {side: families.of(player.model).name for side, player in sides.items()}
        return {side: name for side, name in known.items() if name}

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


def _reader(reader: Reader, student: Player, teacher: Player) -> Reader:
    """The reader with its engine and model, the teacher's where none are named; or with no engine."""
    is_named = bool(reader.engine or reader.model or reader.url)
    has_model = teacher.engine in ("vllm", *BY_URL)
    if reader.enabled == "off" or (reader.enabled == "auto" and not is_named and not has_model):
        return reader.model_copy(update={"engine": "", "model": ""})
    like = teacher if has_model else student
    same = {"model": reader.model or like.model}
    if not reader.url:
        same |= {"url": like.url, "api_key_env": reader.api_key_env or like.api_key_env}
    engine = reader.engine or ("server" if reader.url else like.engine)
    return _filled(reader.model_copy(update=same), engine, "answer", 16)


def _filled(
    player: _P, engine: str, prompt: str, max_tokens: int, advice: tuple[str, ...] = _ADVICE
) -> _P:
    """The player with what was left unsaid: by its model's family, as far as `advice` names it.

    top_k is no field of OpenAI's, so a server that somebody else runs is not sent one unasked.
    """
    family = families.of(player.model)
    thinking = family.thinking if player.thinking == "auto" else player.thinking
    wanted = {name: family.sampling(thinking).get(name) for name in advice}
    if engine != "vllm":
        wanted.pop("top_k", None)
    unsaid = {k: v for k, v in wanted.items() if v is not None and k not in player.model_fields_set}
    if thinking == "on":
        max_tokens += player.reasoning_budget or families.REASONING_TOKENS
    return player.model_copy(
        update=unsaid
        | {
            "engine": engine,
            "prompt": player.prompt or prompt,
            "max_tokens": player.max_tokens or max_tokens,
            "thinking": thinking,
        }
    )
