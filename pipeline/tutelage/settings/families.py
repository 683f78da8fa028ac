"""How the makers of a model family want it sampled: one table, for what a person leaves unsaid.

A model is recognised by its name, and a local folder also by its `config.json` and chat template, so
that a checkpoint of one's own is still of its family. Of the advice a **student** gets the temperature
alone: cutting off the distribution (top_p, top_k, min_p) would make its rows useless for RL, which
compares probabilities of the whole. A family that can reason or not does not, unless it is asked to:
a teacher can answer only to what it sees, and it never sees the reasoning.

Numbers are those of the model cards: Qwen3 (0.6 / 0.95 / 20 with reasoning, 0.7 / 0.8 / 20 without),
Gemma 3, Llama 3.1, Mistral Small and Nemo, gpt-oss, DeepSeek-R1.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Thinking = Literal["auto", "on", "off"]
REASONING_TOKENS = 8192
"""Room for reasoning before an answer, where nobody says."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models that want to be sampled alike."""

    name: str
    pattern: re.Pattern[str]
    """Of a model's name."""
    kinds: tuple[str, ...] = ()
    """`model_type` in its config."""
    mark: str = ""
    """What the chat template of a folder holds, where the kind alone does not tell."""
    advice: Mapping[str, float] = field(default_factory=dict)
    reasoning: Mapping[str, float] = field(default_factory=dict)
    """The same where the model reasons; empty: alike."""
    thinking: Thinking = "auto"
    """What the chat template is told where nobody says; `on` also for models that always reason."""

    def sampling(self, thinking: str) -> Mapping[str, float]:
        """The advice for replies with reasoning (`on`) or without."""
        return self.reasoning if thinking == "on" and self.reasoning else self.advice


def _family(name: str, pattern: str, **more: object) -> Family:
    return Family(name, re.compile(pattern, re.IGNORECASE), **more)  # type: ignore[arg-type]


_REASONED = {"temperature": 0.6, "top_p": 0.95, "top_k": 20}
_DIRECT = {"temperature": 0.7, "top_p": 0.8, "top_k": 20}
FAMILIES = (
    _family("deepseek-r1", r"deepseek-r1", kinds=("qwen2", "llama", "qwen3", "deepseek_v3"),
            mark="<｜Assistant｜>", advice={"temperature": 0.6, "top_p": 0.95}, thinking="on"),
    _family("qwen3-thinking", r"qwen3.*thinking|qwq", advice=_REASONED, thinking="on"),
    _family("qwen3-instruct", r"qwen3.*instruct", advice=_DIRECT),
    _family("qwen3", r"qwen-?3", kinds=("qwen3", "qwen3_moe"), mark="enable_thinking",
            advice=_DIRECT, reasoning=_REASONED,
            thinking="off"),
    _family("gemma3", r"gemma-?3", kinds=("gemma3", "gemma3_text"),
            advice={"temperature": 1.0, "top_p": 0.95, "top_k": 64}),
    _family("llama3", r"llama-?3", kinds=("llama",), mark="<|start_header_id|>",
            advice={"temperature": 0.6, "top_p": 0.9}),
    _family("mistral", r"mi[sx]tral|ministral|nemo(?!tron)", kinds=("mistral", "mistral3", "mixtral"),
            advice={"temperature": 0.3}),
    _family("gpt-oss", r"gpt-oss", kinds=("gpt_oss",), advice={"temperature": 1.0}, thinking="on"),
)  # fmt: skip
"""The first that fits counts."""
_NONE = Family("", re.compile("(?!)"))


def of(model: str) -> Family:
    """The family of a model, a name or a folder; one without a name or advice where none is known."""
    folder = Path(model).expanduser()
    config = folder / "config.json"
    if not config.is_file():
        return next((each for each in FAMILIES if each.pattern.search(model)), _NONE)
    kind, template = _kind(config), _template(folder)
    name = folder.name
    for each in FAMILIES:
        if each.kinds and kind not in each.kinds:
            continue
        if each.mark in template if each.kinds else each.pattern.search(name):
            return each
    return _NONE


def _kind(config: Path) -> str:
    try:
        return str(json.loads(config.read_text("utf-8")).get("model_type"))
    except (OSError, ValueError, AttributeError):
        return ""


def _template(folder: Path) -> str:
    """The chat template of a model's folder, or a file that holds it."""
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        try:
            text = (folder / name).read_text("utf-8", "replace")
        except OSError:
            continue
        return text if name.endswith("jinja") else _unescaped(text)
    return ""


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(text).get("chat_template"))
    except (ValueError, AttributeError):
        return ""
