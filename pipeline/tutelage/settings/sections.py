"""The sections of a run file: one class each, with defaults, ranges and descriptions."""

import json
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tutelage.records import Sampling

_OURS = {
    *("model", "messages", "prompt", "stop", "seed", "n", "stream", "logprobs", "return_token_ids"),
    *(
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "max_tokens",
        "best_of",
        "echo",
    ),
    *("thinking_token_budget", "add_special_tokens"),
}
"""Fields of a request that are no further ones."""
_SECRETIVE = re.compile("api_?key|authorization|secret|password|access_token", re.IGNORECASE)


class Section(BaseModel):
    """A table of the run file: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _without_secrets(url: str) -> str:
    """A URL stands in run.json, logs and cards: nothing secret may be in it."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL at all, as its client will say
        return url
    if parts.username or parts.password or parts.query:
        raise ValueError(
            "wanted a URL without user, password or query: put the key into a variable of the "
            "environment and name that by api_key_env"
        )
    return url


class Player(Section):
    """One side of the dialogue: which model speaks for it, and how."""

    engine: str = Field(
        "", description="vllm, server, batch, scripted, worked (teacher), or module:Class"
    )
    model: str = Field(
        "",
        description="bundled name, local folder or hub id, owner/name or owner/name@revision; "
        "teacher: student's",
    )
    url: str = Field("", description="OpenAI-compatible server of this side; else server.url")
    api_key_env: str = Field("", description="variable with its key; else server.api_key_env")
    prompt: str = Field("", description="name of the side's prompt, a file in prompts/<side>/")
    temperature: float = Field(0.7, ge=0, description="else as the model's family has it")
    top_p: float = Field(
        1.0, gt=0, le=1, description="teacher and reader: else as the model's family has it"
    )
    top_k: int = Field(0, ge=-1, description="0: all; teacher and reader on vLLM: by family")
    min_p: float = Field(0.0, ge=0, le=1)
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    max_tokens: int = Field(
        0, ge=0, description="0: 48 for the bundled model, 1024 otherwise, and room for reasoning"
    )
    stop: tuple[str, ...] | None = Field(
        None,
        description="words at which a reply ends; the small student prompt has some of its own",
    )
    thinking: Literal["auto", "on", "off"] = Field(
        "auto",
        description="whether the chat template is told that the model reasons first; auto: as the "
        "model's family has it (off where there is a choice)",
    )
    reasoning_budget: int = Field(
        0, ge=0, description="tokens after which vLLM ends the reasoning; 0: no limit of its own"
    )
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="further fields of each request"
    )
    price_in: float = Field(0.0, ge=0, description="USD for a million tokens of prompts")
    price_out: float = Field(0.0, ge=0, description="USD for a million tokens of replies")

    _without_secrets = field_validator("url")(_without_secrets)

    @field_validator("thinking", mode="before")
    @classmethod
    def _switch(cls, given: Any) -> Any:
        """`thinking = true`, which TOML has, as `on`."""
        return {True: "on", False: "off"}.get(given, given) if isinstance(given, bool) else given

    @field_validator("top_k")
    @classmethod
    def _all(cls, given: int) -> int:
        """vLLM's other way to say all."""
        return max(given, 0)

    @field_validator("extra_body")
    @classmethod
    def _further(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Fields that have a setting go by that, and what is secret stands in no file."""
        for name in given:
            if name in _OURS:
                raise ValueError(f"{name!r} is set by Tutelage itself; wanted further fields only")
            if _SECRETIVE.search(name):
                raise ValueError(f"{name!r} would stand in run.json: a key goes by api_key_env")
        return given

    def sampling(self) -> Sampling:
        """This side's sampling as the record that dialogues carry."""
        extra = json.dumps(self.extra_body, sort_keys=True) if self.extra_body else ""
        return Sampling(
            self.temperature,
            self.top_p,
            self.max_tokens,
            self.stop or (),
            self.top_k,
            self.min_p,
            self.presence_penalty,
            self.thinking,
            self.reasoning_budget,
            extra,
        )


class Reader(Player):
    """The model that reads drafts for a final answer; see `dialogue.reader`."""

    enabled: Literal["auto", "on", "off"] = Field(
        "auto",
        description="auto: on where the teacher is a language model, or a model is named here",
    )


class Vllm(Section):
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
    replicas: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        1,
        description="servers on one machine, each with tensor_parallel_size GPUs of its own; "
        "a dialogue stays with one of them. auto: as many as the GPUs allow",
    )
    start_timeout_s: float = Field(900, gt=0)
    restarts: int = Field(2, ge=0, description="how often a dead server is started again")
    stall_s: float = Field(
        600, gt=0, description="an engine that computes no token for so long is taken for hung"
    )
    extra: dict[str, Any] = Field(default_factory=dict)


class Server(Section):
    """An OpenAI-compatible server that somebody else runs."""

    url: str = Field("", description="such as http://127.0.0.1:8000/v1; a key goes by api_key_env")
    api_key_env: str = Field("OPENAI_API_KEY", description="variable that holds the key, if any")
    timeout_s: float = Field(1800, gt=0, description="for one reply; long generations take long")
    retries: int = Field(4, ge=0, description="of a transient failure, with back-off")
    patience_s: float = Field(
        600, ge=0, description="how long a server that went away is waited for"
    )

    _without_secrets = field_validator("url")(_without_secrets)


class Driver(Section):
    """How many dialogues are in play at once."""

    concurrency: int = Field(0, ge=0, description="0: 1.5 times what the engine runs at once")
    window: int = Field(200, ge=1, description="dialogues over which the failure rate is taken")
    failure_limit: float = Field(
        0.5, gt=0, le=1, description="share of the window that may fail; 1 lets all of it"
    )
    budget_tokens: int = Field(
        0, ge=0, description="tokens, prompts and replies, after which a session stops; 0: none"
    )
    budget_usd: float = Field(
        0.0, ge=0, description="the same in USD, by the players' price_in and price_out; 0: none"
    )
    grace_s: float = Field(
        5.0, ge=0, le=7, description="after Ctrl-C, for the dialogues that are in play"
    )


class Prices(Section):
    """What is billed, in any currency, for `tutelage plan`; 0 where nobody says."""

    engine_hour: float = Field(0.0, ge=0, description="one machine with its GPUs, an hour")
    gigabyte_month: float = Field(0.0, ge=0, description="storage of a gigabyte, a month")


class Flow(Section):
    """Where the graph runs; what a runner itself wants to know follows `--` on the command line."""

    shared_files: bool = Field(
        False,
        description="all machines see the same files, so that corpora, templates, models and the run "
        "itself need not be URLs where the workers are elsewhere",
    )
    accelerator: str = Field(
        "",
        description="what the step that plays needs of a machine elsewhere, in Beam's words, such as "
        "type:nvidia-l4;count:1;install-nvidia-driver; all other steps run without",
    )
    min_ram: str = Field("", description="memory that this step needs of a machine, such as 32GB")


class Verifier(Section):
    """Who judges, and the limits of one judgement."""

    name: str = Field(
        "", description="one for all problems, or module:Class; empty: each problem's own"
    )
    by_corpus: dict[str, str] = Field(
        default_factory=dict,
        description="one for the problems of a corpus: `by_corpus.gsm8k = mine:Class`",
    )
    timeout_s: float = Field(5.0, gt=0)
    workers: int = Field(2, ge=1)
    memory_mb: int = Field(1024, ge=128)
    check_gold: bool = Field(True, description="filter problems whose own gold does not pass")
    flaws: Literal["", "accept", "refuse"] = Field(
        "",
        description="a right answer after a sum that does not hold, or in a message that was cut off; "
        "empty: refuse for the bundled model, accept otherwise",
    )


class Priming(Section):
    """Q-priming: a wrong turn t is replaced by a question with probability base^t."""

    enabled: bool = False
    base: float = Field(0.75, gt=0, le=1)


class Feedback(Section):
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


class Leaks(Section):
    """The gate that every teacher message and every primed question passes."""

    policy: Literal["fallback", "drop", "mark", "off"] = "fallback"
    retries: int = Field(2, ge=0, description="how often a leaking draft is written anew")
    expression: Literal["allow", "block"] = Field(
        "allow", description="whether a hint may spell out the last step, such as `work out 8 - 6`"
    )


class Underspecified(Section):
    """Problems that come in shards, with a lazy user for a teacher."""

    rephrase: bool = Field(False, description="let the teacher's model word what is given out")


class Dedup(Section):
    """Near-duplicates among the dialogues of one arm; see `dedup`."""

    enabled: bool = True
    threshold: float = Field(0.8, gt=0, le=1, description="Jaccard similarity of 5-word runs")


class Decontaminate(Section):
    """Evaluation problems that are not to be trained on; see `dedup.decontaminate`."""

    paths: tuple[str, ...] = Field((), description="evaluation sets: files, globs or folders")
    action: Literal["drop", "mark"] = Field("drop", description="mark: only report the matches")
    ngram: int = Field(13, ge=5, description="words in a row that, shared, make a match")
    threshold: float = Field(0.8, gt=0, le=1, description="similarity that makes a match")


class Splits(Section):
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


class Resume(Section):
    """Going on with a run that was begun before."""

    code: Literal["same", "any"] = Field(
        "same", description="any: also by another version of the code, which may judge otherwise"
    )


class Shards(Section):
    """Size and compression of the Parquet files."""

    rows: int = Field(20_000, ge=1, description="rows a file at most")
    compression_level: int = Field(3, ge=1, le=19, description="of zstd")
