"""One run file (TOML) -> one frozen tree -> `--set teacher.temperature=0.7`.

pydantic lives at this edge and nowhere else. An unknown key is an error that names the nearest
known one. The resolved tree is stored with the run; what of it shapes the data gives the run its id.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tutelage.errors import SettingsError
from tutelage.records import Rules, Sampling
from tutelage.seeds import digest

BUNDLED = "smollm2-135m"
"""The model that the CPU default uses; `models` knows how to get it."""

ARMS = {
    "sml": "the method: feedback from a teacher who has the privileged information",
    "retry": "control: the teacher only says that it is wrong",
    "shuffled": "control: feedback that was written for another problem, matched by turn",
    "blind": "control: a teacher without privileged information",
    "single": "control: one turn, no feedback",
}
"""Name -> what it is. Same code path; the row's `arm` says which."""

FORMS = {
    "pinpoint": "names the step that is wrong",
    "hint": "says what to do next, without its result",
    "counter-example": "shows a case in which the attempt fails",
    "test-output": "reports what a failing test gave; for code",
    "remark": "a few words",
    "vague": "says only that something is off, so that asking pays",
}
"""Forms of feedback that a teacher can be asked for."""

ENGINES = ("vllm", "server", "scripted", "worked")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Player(_Section):
    """One side of the dialogue: which model speaks for it, and how."""

    engine: str = Field("", description="vllm, server, scripted, worked (teacher), or module:Class")
    model: str = Field("", description="bundled name, local folder or hub id; teacher: student's")
    prompt: str = Field("", description="name of the side's prompt, a file in prompts/<side>/")
    temperature: float = Field(0.7, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(0, ge=0, description="0: 48 for the bundled model, 1024 otherwise")

    def sampling(self) -> Sampling:
        """This side's sampling as the record that dialogues carry."""
        return Sampling(self.temperature, self.top_p, self.max_tokens)


class Vllm(_Section):
    """How vLLM is started; `extra` is passed on to it as engine arguments."""

    dtype: str = Field(
        "auto",
        description="auto: the model's own on a GPU; on a CPU bfloat16 where it has instructions for "
        "that, else float32",
    )
    max_model_len: int = Field(
        0, ge=0, description="0: 2048 for the bundled model; else its own, on a CPU at most 4096"
    )
    max_num_seqs: int = Field(0, ge=0, description="0: 64 on a CPU, 256 on a GPU")
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    kv_cache_gb: float = Field(2.0, gt=0, description="CPU only: size of the key-value cache")
    tensor_parallel_size: int = Field(1, ge=1)
    start_timeout_s: float = Field(900, gt=0)
    restarts: int = Field(2, ge=0, description="how often a dead server is started again")
    stall_s: float = Field(
        600, gt=0, description="an engine that computes no token for so long is taken for hung"
    )
    extra: dict[str, Any] = Field(default_factory=dict)


class Server(_Section):
    """An OpenAI-compatible server that somebody else runs."""

    url: str = Field("", description="such as http://127.0.0.1:8000/v1")
    api_key_env: str = Field("OPENAI_API_KEY", description="variable that holds the key, if any")
    timeout_s: float = Field(1800, gt=0, description="for one reply; long generations take long")
    retries: int = Field(4, ge=0, description="of a transient failure, with back-off")
    patience_s: float = Field(
        600, ge=0, description="how long a server that went away is waited for"
    )


class Driver(_Section):
    """How many dialogues are in play at once."""

    concurrency: int = Field(0, ge=0, description="0: 1.5 times what the engine runs at once")
    window: int = Field(200, ge=1, description="dialogues over which the failure rate is taken")
    failure_limit: float = Field(
        0.5, gt=0, le=1, description="share of the window that may fail; 1 lets all of it"
    )
    grace_s: float = Field(
        5.0, ge=0, le=7, description="after Ctrl-C, for the dialogues that are in play"
    )


class Verifier(_Section):
    """Limits of one judgement."""

    timeout_s: float = Field(5.0, gt=0)
    workers: int = Field(2, ge=1)
    memory_mb: int = Field(1024, ge=128)
    check_gold: bool = Field(True, description="filter problems whose own gold does not pass")


class Priming(_Section):
    """Q-priming: a wrong turn t is replaced by a question with probability base^t."""

    enabled: bool = False
    base: float = Field(0.75, gt=0, le=1)


class Feedback(_Section):
    """What feedback looks like; a weight for each form."""

    forms: dict[str, float] = Field(
        default_factory=lambda: {
            "pinpoint": 3.0,
            "hint": 3.0,
            "counter-example": 1.0,
            "test-output": 2.0,
            "remark": 1.0,
            "vague": 1.0,
        },
        description="weights; `{}` leaves the form to the teacher",
    )


class Leaks(_Section):
    """The gate that every teacher message and every primed question passes."""

    policy: Literal["fallback", "drop", "mark", "off"] = "fallback"
    retries: int = Field(2, ge=0, description="how often a leaking draft is written anew")
    expression: Literal["allow", "block"] = Field(
        "allow", description="whether a hint may spell out the last step, such as `work out 8 - 6`"
    )


class Underspecified(_Section):
    """Problems that come in shards, with a lazy user for a teacher."""

    rephrase: bool = Field(False, description="let the teacher's model word what is given out")


class Dedup(_Section):
    """Near-duplicates among the dialogues of one arm; see `dedup`."""

    enabled: bool = True
    threshold: float = Field(0.8, gt=0, le=1, description="Jaccard similarity of 5-word runs")


class Decontaminate(_Section):
    """Evaluation problems that are not to be trained on; see `dedup.decontaminate`."""

    paths: tuple[str, ...] = Field((), description="evaluation sets: files, globs or folders")
    action: Literal["drop", "mark"] = Field("drop", description="mark: only report the matches")
    ngram: int = Field(13, ge=5, description="words in a row that, shared, make a match")
    threshold: float = Field(0.8, gt=0, le=1, description="similarity that makes a match")


class Splits(_Section):
    """Train and evaluation sides that share no problem and no near-duplicate."""

    ratios: dict[str, float] = Field(
        default_factory=lambda: {"train": 1.0},
        description="shares that add up to 1, such as train=0.98,validation=0.02",
    )
    seed: int = Field(0, description="apart from the run's: a problem falls alike in every run")

    @field_validator("ratios", mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        """`train=0.98,validation=0.02` as a table; the first yields last (`dedup.splits`)."""
        if not isinstance(given, str):
            return given
        pairs = [part.partition("=") for part in given.split(",")]
        if len({name.strip() for name, _, _ in pairs}) < len(pairs):
            raise ValueError("a split is named twice")
        return {name.strip(): share.strip() for name, _, share in pairs}

    @field_validator("ratios")
    @classmethod
    def _whole(cls, ratios: dict[str, float]) -> dict[str, float]:
        if not (
            all(share >= 0 for share in ratios.values()) and abs(sum(ratios.values()) - 1) < 1e-6
        ):
            raise ValueError("wanted shares such as train=0.98,validation=0.02 that add up to 1")
        for name in ratios:
            if not re.fullmatch(r"[A-Za-z]\w*", name) or name == "held":
                raise ValueError(f"a split cannot be named {name!r}")
        return ratios


class Shards(_Section):
    """Size and compression of the Parquet files."""

    rows: int = Field(20_000, ge=1, description="rows a file at most")
    compression_level: int = Field(3, ge=1, le=19, description="of zstd")


class Settings(_Section):
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


def load(path: str = "", sets: Iterable[str] = (), **options: Any) -> Settings:
    """Settings from a run file, then `key=value` pairs, then the command's own options.

    Options that are None were not given. Raises:
        SettingsError: the file does not read, a key is unknown, or a value is out of range.
    """
    tree = _read(path) if path else {}
    for pair in sets:
        key, eq, value = pair.partition("=")
        if not eq:
            raise SettingsError(f"--set wants key=value, got {pair!r}")
        _put(tree, key.strip(), _value(value.strip()))
    for key, value in options.items():
        if value is not None and value != ():
            _put(tree, key.replace("__", "."), value)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    for arm in settings.arms:
        if arm not in ARMS:
            raise SettingsError(f"no arm is called {arm!r}{_nearest(arm, ARMS)}; have {list(ARMS)}")
    for form in settings.feedback.forms:
        if form not in FORMS:
            raise SettingsError(
                f"no form of feedback is called {form!r}{_nearest(form, FORMS)}; have {list(FORMS)}"
            )
    for side in (settings.student, settings.teacher):
        if side.engine and side.engine not in ENGINES and ":" not in side.engine:
            raise SettingsError(
                f"no engine is called {side.engine!r}{_nearest(side.engine, ENGINES)}; "
                f"have {list(ENGINES)} or package.module:Class"
            )
    if settings.student.engine == "worked":
        raise SettingsError("the worked engine is a teacher; student.engine cannot be worked")
    return settings.resolved()


def keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every dotted key that `--set` takes."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"no run file at {path}: give --config a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is no TOML run file: {error}") from None


def _value(text: str) -> Any:
    """A value as TOML reads it; what TOML cannot read is a string."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"{dotted}: {part} is a value, not a section")
    tree[last] = value


def _explain(error: ValidationError) -> str:
    said = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            for inner in _leaves(fault["input"]):
                key = f"{key}.{inner}"
            said.append(f"no setting is called {key!r}{_nearest(key, list(keys()))}")
        else:
            said.append(f"{key}: {fault['msg'].lower()}, got {fault['input']!r}")
    return "; ".join(said)


def _leaves(value: Any) -> list[str]:
    """The first dotted path below a section that nobody knows; none below a plain value."""
    if not isinstance(value, dict) or not value:
        return []
    name, inner = next(iter(value.items()))
    return [".".join([name, *_leaves(inner)])]


def _nearest(word: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(word, known, 1, 0.5)
    if not close and "." in word:
        close = [k for k in known if k.rsplit(".", 1)[-1] == word.rsplit(".", 1)[-1]][:1]
    return f", the nearest is {close[0]!r}" if close else ""


def differences(old: Mapping[str, Any], new: Mapping[str, Any], at: str = "") -> list[str]:
    """Where two trees differ, as `key: old -> new`."""
    said = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            said += differences(a, b, f"{at}{key}.")
        elif a != b:
            said.append(f"{at}{key}: {a!r} -> {b!r}")
    return said


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def schema() -> dict[str, Any]:
    """JSON schema of a run file, as `schemas/settings.v1.json` has it."""
    made = Settings.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "settings.v1",
        "title": "Run file",
        "description": "Settings of a run, as TOML or JSON; `--set a.b=c` sets one of them.",
        **{key: made[key] for key in ("type", "additionalProperties", "properties", "$defs")},
    }


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))  # noqa: T201
