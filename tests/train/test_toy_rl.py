"""GRPO on a task that a tiny model can only learn from its returns, by the real trainer.

A student of twelve words is asked for a fruit or a beast and says one word; the teacher says "no",
and the student tries once more. Nothing but the return tells it which word is right, and that the
first try is worth more. Sampling is plain torch; rows go through the contract, shards and
`train rl`, round after round, as in the online arm.
"""

from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

from tutelage.records import Dialogue, Gold, Message, Outcome, Problem, Rules, Sampling
from tutelage.train import loop, metrics
from tutelage.train.recipe import recipe

SPECIAL = ["<pad>", "<stop>", "<user>", "<student>"]
WORDS = ["fruit?", "beast?", "no", "pear", "plum", "fig", "fox", "owl", "hen", "oak", "elm", "ash"]
RIGHT = {"fruit?": "plum", "beast?": "owl"}
TEMPLATE = (
    "{%- for m in messages -%}{%- if m['role'] == 'assistant' -%}<student>{%- else -%}<user>"
    "{%- endif -%}{{ m['content'] }}<stop>{%- endfor -%}"
    "{%- if add_generation_prompt -%}<student>{%- endif -%}"
)
TURNS, GROUP, GROUPS, ROUNDS = 2, 8, 12, 20


@pytest.fixture
def student(small: Any, tmp_path: Path) -> Path:
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(WordLevel({w: i for i, w in enumerate([*SPECIAL, *WORDS])}, unk_token="<pad>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<stop>", chat_template=TEMPLATE
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<user>", "<student>"]})
    folder = tmp_path / "student"
    small.model(len(SPECIAL + WORDS), seed=2, initializer_range=0.05).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def say(model: Any, tokenizer: Any, open_: list[Dialogue], draw: torch.Generator) -> list[Message]:
    """What the student says next in dialogues of equal length: at most two tokens each."""
    chats = [[{"role": m.role, "content": m.content} for m in d.messages] for d in open_]
    ids = tokenizer.apply_chat_template(chats, add_generation_prompt=True, return_dict=False)
    prompts = torch.tensor(ids)
    said: list[list[tuple[int, float]]] = [[] for _ in open_]
    for _ in range(2):
        with torch.no_grad():
            logp = model(prompts).logits[:, -1].log_softmax(-1)
        drawn = torch.multinomial(logp.exp(), 1, generator=draw)
        for words, token, p in zip(said, drawn[:, 0].tolist(), logp.gather(1, drawn), strict=True):
            if not words or words[-1][0] != tokenizer.eos_token_id:
                words.append((token, float(p)))
        prompts = torch.cat([prompts, drawn], 1)
    return [
        Message(
            "student",
            "attempt",
            d.messages[-1].turn + 1,
            tokenizer.decode([t for t, _ in words], skip_special_tokens=True).strip(),
            token_ids=tuple(t for t, _ in words),
            logprobs=tuple(p for _, p in words),
            finish_reason="stop" if words[-1][0] == tokenizer.eos_token_id else "length",
        )
        for d, words in zip(open_, said, strict=True)
    ]


def play(model: Any, tokenizer: Any, draw: torch.Generator) -> list[Dialogue]:
    """Groups of dialogues with the model as it is."""
    rules = Rules(turns=TURNS, student=Sampling(temperature=1.0))
    ended: list[Dialogue] = []
    open_ = []
    for g in range(GROUPS):
        asked = list(RIGHT)[g % 2]
        problem = Problem(f"p{g}", "math", "toy", "CC0-1.0", asked, Gold("answer", RIGHT[asked]))
        posed = (Message("teacher", "problem", 0, asked),)
        open_ += [Dialogue(f"d{g}-{s}", f"g{g}", problem, rules, s, s, posed) for s in range(GROUP)]
    for turn in range(1, TURNS + 1):
        # the first words may differ in number of tokens, so dialogues go on by length
        by_length: dict[int, list[Dialogue]] = {}
        for d in open_:
            by_length.setdefault(sum(len(m.content.split()) for m in d.messages), []).append(d)
        open_ = []
        for alike in by_length.values():
            for d, message in zip(alike, say(model, tokenizer, alike, draw), strict=True):
                d = replace(d, messages=(*d.messages, message))
                if message.content == d.problem.gold.value:
                    ended.append(replace(d, outcome=Outcome("solved", turn, turn)))
                elif turn == TURNS:
                    ended.append(replace(d, outcome=Outcome("exhausted", None, turn)))
                else:
                    no = Message("teacher", "feedback", turn, "no", form="retry")
                    open_.append(replace(d, messages=(*d.messages, no)))
    return ended


def test_the_return_rises(student: Path, runs: Any, small: Any, tmp_path: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(student)
    model = AutoModelForCausalLM.from_pretrained(student)
    draw = torch.Generator().manual_seed(0)
    learner, returns = None, []
    for number in range(ROUNDS):
        source = runs.write(play(model, tokenizer, draw), name=f"run{number}")
        out = tmp_path / f"out{number}"
        chosen = recipe(
            "rl", source, str(out), model=str(student), dtype="fp32", lr=7e-3, std_floor=0.1
        )
        found: dict[str, Any] = {}

        def watch(event: str, figures: dict[str, Any], found: dict[str, Any] = found) -> None:
            found.update(figures if event == "dataset" else {})

        learner = loop.train(chosen, watch, learner)
        returns.append(found["return"])
        first = next(line for line in metrics.read(out) if "lr" in line)
        # the sampler was this very policy, seen by other code: the ratio starts at 1
        assert first["ratio"] == pytest.approx(1, abs=1e-3)
        assert first["kl_sampler"] == pytest.approx(0, abs=1e-4)
        model = AutoModelForCausalLM.from_pretrained(out / "last")  # the weights handed over
    assert returns[0] < 0.2
    assert fmean(returns[-3:]) > 0.6, returns
