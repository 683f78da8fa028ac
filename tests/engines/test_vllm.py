"""True vLLM with the bundled model: one engine in this process, and one server for others.

The first test of the engine wants it fresh, and the last one closes it: they stay where they are.
"""

import asyncio
import importlib
import json
import os
import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from jinja2 import TemplateError

from forked import Forks
from resident import CONTEXT, SHARE, Resident
from tutelage import models, settings
from tutelage.engines import Engine, access, build, metrics
from tutelage.engines.vllm import InProcess
from tutelage.errors import Fatal, Permanent
from tutelage.records import Reply, Request, Sampling

pytestmark = pytest.mark.vllm

COUNT = 128
TOKENS = 8

MakeRequest = Callable[..., Request]


@pytest.fixture(scope="module")
def pulled() -> None:
    if reason := models.fault():
        pytest.skip(f"the bundled model {reason}: tutelage model pull")


@pytest.fixture(scope="module")
def engine(pulled: None) -> Iterator[InProcess]:
    sets = [f"vllm.max_model_len={CONTEXT}", f"vllm.max_num_seqs={COUNT}", "vllm.kv_cache_gb=1"]
    chosen = settings.load("", [*sets, SHARE])
    importlib.import_module("llvmlite.binding")  # as after a search for duplicates
    made = build(chosen.student, chosen)
    assert isinstance(made, InProcess)
    yield made
    made.close()


@pytest.fixture(scope="module")
def tokenizer(pulled: None) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(models.resolve(models.BUNDLED))


async def _all(engine: InProcess, requests: Iterable[Request]) -> list[Reply | BaseException]:
    return await asyncio.gather(
        *(engine.reply(request) for request in requests), return_exceptions=True
    )


def _words(count: int) -> str:
    """A text of at least `count` tokens, and not many more."""
    return " ".join(["stamps"] * count)


CHATS = ["What is 17 + 25?", "Ann had 12 apples and ate 5. How many are left?", "again " * 470]
"""The last leaves less than the 24 tokens that are asked for, of the 512 that the model takes."""


async def _greedy(engine: Engine) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Tokens and their log-probabilities, one chat after the other."""
    drawn = Sampling(0.0, 1.0, 24)
    chats = [Request("student", (("user", words),), drawn, 7, None) for words in CHATS]
    replies = [await engine.reply(chat) for chat in chats]
    return [(reply.token_ids, reply.logprobs) for reply in replies]


def test_a_reload_answers_as_a_fresh_start_does(engine: InProcess, resident: Resident) -> None:
    """To the last digit; what vLLM's own reload leaves behind would show in the second.

    Stays the first test of the module's engine: what its cache held of others would change the sums.
    """

    def said(model: str) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
        return asyncio.run(_greedy(resident.engine(model)))

    noisy, plain = said(resident.first), asyncio.run(_greedy(engine))
    assert [len(tokens) for tokens, _ in plain][-1] < 20
    assert [tokens for tokens, _ in noisy] != [tokens for tokens, _ in plain]
    assert said(models.BUNDLED) == plain
    assert said(resident.first) == noisy
    assert len(resident.starts) == 1


async def test_many_seeded_requests_at_once(
    engine: InProcess, make_request: MakeRequest, tokenizer: Any
) -> None:
    """More prompt than one step takes: with a prefill in chunks this ends vLLM on a CPU."""
    requests = [
        make_request(f"{_words(8 + i % 7)} {i}?", seed=i, max_tokens=TOKENS) for i in range(COUNT)
    ]
    replies = await _all(engine, requests)
    assert [r for r in replies if not isinstance(r, Reply)] == []
    for reply in replies:
        assert isinstance(reply, Reply)
        assert 0 < len(reply.token_ids) <= TOKENS
        assert len(reply.logprobs) == len(reply.token_ids) == reply.usage.completion
        assert max(reply.logprobs) <= 0
        assert reply.finish_reason in ("stop", "length")
        assert (len(reply.token_ids) == TOKENS) or reply.finish_reason == "stop"
        assert reply.usage.prompt > 40
        assert 0 <= reply.usage.cached < reply.usage.prompt
        assert tokenizer.decode(reply.token_ids, skip_special_tokens=True) == reply.text
    assert sum(r.usage.prompt for r in replies if isinstance(r, Reply)) > 4096
    assert len({r.text for r in replies if isinstance(r, Reply)}) > COUNT // 2
    gauges = metrics.total([engine.gauges()])
    assert gauges["in_flight"] == gauges["running"] == gauges["waiting"] == 0
    assert gauges["completion_tokens"] >= COUNT
    assert gauges["busy_s"] > 0


async def test_one_seed_gives_one_reply(engine: InProcess, make_request: MakeRequest) -> None:
    """Alone in the engine; in other company the sums are done in another order."""
    first, again = [
        await engine.reply(make_request(seed=11, temperature=1.0, max_tokens=8)) for _ in range(2)
    ]
    assert (first.text, first.token_ids) == (again.text, again.token_ids)
    others = {
        (await engine.reply(make_request(seed=s, temperature=1.0, max_tokens=8))).text
        for s in (12, 13)
    }
    assert others != {first.text}


async def test_a_chat_that_grows_is_read_from_the_cache(
    engine: InProcess, make_request: MakeRequest
) -> None:
    opening = (("system", f"You count. {_words(200)}"), ("user", "How many words is that?"))
    turns = (("assistant", "Two hundred."), ("user", "Not quite."))
    first = await engine.reply(make_request(chat=opening, max_tokens=2))
    again = await engine.reply(make_request(chat=opening, max_tokens=2))
    later = await engine.reply(make_request(chat=opening + turns, max_tokens=2))
    assert first.usage.cached == 0
    assert 128 <= again.usage.cached < again.usage.prompt
    assert 128 <= later.usage.cached < later.usage.prompt
    assert later.usage.prompt > again.usage.prompt
    told = metrics.total([engine.gauges()])
    assert told["prefix_cache_hits"] >= again.usage.cached + later.usage.cached


async def test_a_prompt_that_is_too_long_costs_no_neighbour(
    engine: InProcess, make_request: MakeRequest
) -> None:
    requests = [make_request(f"question {i}", seed=i, max_tokens=4) for i in range(8)]
    requests[3] = make_request(_words(CONTEXT), max_tokens=4)
    replies = await _all(engine, requests)
    assert isinstance(replies[3], Permanent)
    assert re.search(rf"\d+ tokens, the model takes {CONTEXT}", str(replies[3]))
    assert [i for i, r in enumerate(replies) if not isinstance(r, Reply)] == [3]


async def test_a_chat_that_the_template_refuses_costs_no_neighbour(
    engine: InProcess, make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Templates of other models raise where roles do not alternate, and no `ValueError`."""
    true = engine.started.chats.tokenizer.apply_chat_template

    def refuse(chat: Any, **named: Any) -> Any:
        if len(chat) > 1:
            raise TemplateError("Conversation roles must alternate")
        return true(chat, **named)

    monkeypatch.setattr(engine.started.chats.tokenizer, "apply_chat_template", refuse)
    twice = (("user", "one"), ("user", "two"))
    requests = [
        make_request(max_tokens=2),
        make_request(chat=twice, max_tokens=2),
        make_request(max_tokens=2),
    ]
    replies = await _all(engine, requests)
    assert isinstance(replies[1], Permanent)
    assert "roles must alternate" in str(replies[1])
    assert isinstance(replies[0], Reply) and isinstance(replies[2], Reply)


async def test_a_reply_ends_where_the_context_does(
    engine: InProcess, make_request: MakeRequest
) -> None:
    probe = await engine.reply(make_request(_words(CONTEXT - 60), max_tokens=1))
    room = CONTEXT - probe.usage.prompt
    assert 5 < room < 60
    more = f"{_words(CONTEXT - 60)} {_words(room - 6)}"
    reply = await engine.reply(make_request(more, max_tokens=10_000, temperature=0.0))
    left = CONTEXT - reply.usage.prompt
    assert 0 < left < 10
    assert reply.usage.completion <= left
    assert reply.finish_reason == "stop" or reply.usage.completion == left


async def test_a_stop_string_ends_a_reply(
    engine: InProcess, make_request: MakeRequest, tokenizer: Any
) -> None:
    counting = partial(
        make_request, "Count from one to ten in words.", temperature=0.0, max_tokens=16
    )
    free = await engine.reply(counting())
    word = free.text.split()[2]
    reply = await engine.reply(counting(stop=(word,)))
    assert reply.finish_reason == "stop"
    assert len(reply.logprobs) == len(reply.token_ids) < reply.usage.completion
    assert tokenizer.decode(reply.token_ids, skip_special_tokens=True) == reply.text
    assert word not in reply.text
    assert free.text.startswith(reply.text)
    assert len(reply.token_ids) == len(reply.logprobs) < len(free.token_ids)


@pytest.mark.parametrize(("player", "kept"), [("question", True), ("teacher", False)])
async def test_only_what_trains_carries_tokens(
    engine: InProcess, make_request: MakeRequest, player: str, kept: bool
) -> None:
    reply = await engine.reply(make_request(player=player, max_tokens=4))
    assert reply.usage.completion > 0
    assert (len(reply.token_ids), len(reply.logprobs)) == (
        (reply.usage.completion,) * 2 if kept else (0, 0)
    )


def test_one_engine_serves_several_event_loops(
    engine: InProcess, make_request: MakeRequest
) -> None:
    replies = [asyncio.run(engine.reply(make_request(seed=s, max_tokens=2))) for s in (1, 2)]
    assert all(reply.token_ids for reply in replies)


async def test_a_reply_that_nobody_waits_for_harms_nothing(
    engine: InProcess, make_request: MakeRequest
) -> None:
    dropped = asyncio.create_task(engine.reply(make_request(max_tokens=TOKENS)))
    await asyncio.sleep(0.01)
    dropped.cancel()
    assert (await engine.reply(make_request(max_tokens=2))).token_ids


async def test_nobody_waits_for_an_engine_that_was_closed(
    engine: InProcess, make_request: MakeRequest
) -> None:
    """Stays the last test of the module's engine."""
    waiting = [
        asyncio.create_task(engine.reply(make_request(max_tokens=400, seed=s))) for s in range(6)
    ]
    while engine.gauges()["in_flight"] < len(waiting):
        await asyncio.sleep(0.01)
    core = engine.started.engine.engine_core.engine_core
    model = weakref.ref(core.model_executor.driver_worker.worker.model_runner.get_model())
    del core
    await asyncio.to_thread(engine.close)
    assert model() is None, "whoever comes next in this process finds no room on a GPU"
    ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)
    assert [type(reply) for reply in ended] == [Fatal] * len(waiting)
    with pytest.raises(Fatal, match="closed"):
        await engine.reply(make_request())
    assert engine.gauges()["in_flight"] == 0
    engine.close()  # again, to no effect


CLIENT = """
import asyncio, json, sys
from tutelage import engines, settings
from tutelage.records import Request, Sampling
chosen = settings.load("", [f"server.url={sys.argv[1]}", "server.api_key_env=TUTELAGE_SERVER_KEY"])
engine = engines.build(chosen.student, chosen)
drawn = Sampling(0.7, 1.0, 8)
requests = [Request("student", (("user", f"What is {i} + 2?"),), drawn, i, None) for i in range(24)]
async def all():
    return await asyncio.gather(*(engine.reply(request) for request in requests))
replies = [[r.text, r.token_ids, r.logprobs, r.usage.completion] for r in asyncio.run(all())]
print(json.dumps([replies, engine.gauges()]))
"""


def test_one_server_serves_two_processes(resident: Resident, tokenizer: Any) -> None:
    resident.hot_swap.play(models.BUNDLED)
    assert httpx.get(f"{resident.url}/models").status_code == 401
    assert access.key() not in resident.log.read_text()
    with Forks(
        os.environ, ["tutelage.engines.server", "transformers.models.auto.tokenization_auto"]
    ) as forks:
        clients = [forks.begin(CLIENT, resident.url) for _ in range(2)]
        assert [client.wait() for client in clients] == [0, 0]
        printed = [json.loads(client.stdout.read_text()) for client in clients]
    for replies, marked in printed:
        gauges = metrics.total([marked])
        assert len(replies) == 24
        for text, token_ids, logprobs, count in replies:
            assert 0 < len(token_ids) == len(logprobs) == count <= 8
            assert max(logprobs) <= 0
            assert tokenizer.decode(token_ids, skip_special_tokens=True) == text
        assert gauges["retries"] == 0
        assert gauges["completion_tokens"] >= sum(count for *_, count in replies)
