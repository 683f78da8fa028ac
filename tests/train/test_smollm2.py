"""SFT of the bundled model on word problems, and its way back to the engine that samples."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resident import Resident
from tutelage import models
from tutelage.contract.tokens import Encoder
from tutelage.dialogue import begin, need
from tutelage.engines import Engine
from tutelage.records import Gold, Problem, Request, Rules, Sampling
from tutelage.train import loop, metrics
from tutelage.train.learner import Learner
from tutelage.train.recipe import recipe

pytestmark = pytest.mark.vllm
"""Both tests, though one needs no vLLM: the training, which takes half a minute, is done once."""

PHRASE = "First I add the two."


def worded(runs: Any, number: int) -> Any:
    """A dialogue with more words than the others have, all of one habit."""
    d = runs.dialogue(number, turns=1 + number % 2, words=f"{PHRASE} ")
    story = f"Ann has {number} pears and Bob has {number} more. How many do they have?"
    posed = replace(d.messages[1], content=story)
    return replace(d, messages=(d.messages[0], posed, *d.messages[2:]))


@pytest.fixture(scope="module")
def taught(make_runs: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output folder of a training on 24 dialogues; the run itself names the model."""
    models.pull()
    runs = make_runs(tmp_path_factory.mktemp("smollm2"))
    run = runs.write(
        [worded(runs, n) for n in range(2, 26)],
        models.BUNDLED,
        [worded(runs, n) for n in range(30, 34)],
    )
    out: Path = runs.root / "out"
    loop.train(recipe("sft", run, str(out), batch=8, lr=2e-4), lambda *_: None)
    return out


def test_the_validation_loss_falls_and_the_model_stops_where_it_should(taught: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    looked = [x["validation/loss"] for x in metrics.read(taught) if "validation/loss" in x]
    assert looked[-1] < 0.6 * looked[0]
    folder = models.resolve(models.BUNDLED)
    theirs, ours = (AutoTokenizer.from_pretrained(f) for f in (folder, taught / "last"))
    text = "1,234 + 56 =\n<|im_end|> 7é"
    assert ours(text)["input_ids"] == theirs(text)["input_ids"]
    loaded = AutoModelForCausalLM.from_pretrained(taught / "last", dtype="auto")
    assert str(loaded.dtype) == "torch.bfloat16"
    chat = [{"role": "system", "content": "Be brief."}]
    chat += [{"role": "user", "content": "Ann has 4 pears and Bob has 4 more. How many?"}]
    ids = ours.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
    reply = loaded.generate(**ids, max_new_tokens=40, do_sample=False)[
        0, ids["input_ids"].size(1) :
    ]
    assert reply[-1] == ours.eos_token_id, "it has not learnt to stop"
    assert PHRASE in ours.decode(reply)


async def _sample(engine: Engine, number: int) -> dict[str, Any]:
    """One reply, as a row holds it, and the chat that it was to."""
    story = f"Ann has {number} pears and Bob has {number} more. How many do they have?"
    gold = Gold("answer", str(2 * number))
    problem = Problem(f"p{number}", "math", "test", "CC0-1.0", story, gold)
    ask = need(begin(problem, Rules(student=Sampling(temperature=1.0, max_tokens=24)), 0, 0))
    assert isinstance(ask, Request)
    reply = await engine.reply(ask)
    return {
        "chat": ask.chat,
        "text": reply.text,
        "token_ids": list(reply.token_ids),
        "logprobs": list(reply.logprobs),
        "finish_reason": reply.finish_reason,
    }


async def test_vllm_serves_it_and_its_log_probabilities_are_the_trainers(
    taught: Path, resident: Resident
):
    """The weights that were handed over, sampled by vLLM, read back token for token."""
    engine = resident.engine(str(taught / "last"))
    replies = await asyncio.gather(*(_sample(engine, number) for number in range(3, 11)))
    assert sum(PHRASE in reply["text"] for reply in replies) >= 2  # drawn at temperature 1

    chosen = recipe("rl", "", "", model=str(taught / "last"))
    learner = Learner(chosen, str(taught / "last"))
    encoder = Encoder(learner.student.tokenizer)
    samples = []
    for number, reply in enumerate(replies):
        said = {"role": "assistant", "content": reply["text"].strip()}
        chat = [{"role": role, "content": content} for role, content in reply["chat"]]
        blank = {"turn": 0, "train": False}
        told = reply | {"turn": 1, "train": True, "reasoning": ""}
        row = {"dialogue_id": str(number), "messages": [*chat, said]}
        samples.append(encoder.sample(row | {"trail": [blank] * len(chat) + [told]}))
    assert encoder.notes["sampled tokens"] == len(replies)
    scored = learner.score(samples, 1.0)
    gaps = [
        np.abs(scored[f"{i}.0"] - piece.logprobs[piece.train])
        for i, sample in enumerate(samples)
        for piece in sample.pieces
    ]
    assert float(np.concatenate(gaps).mean()) < 0.05  # bfloat16 on both sides
