"""The thread that owns vLLM, with something in vLLM's place that fails: nobody waits for ever."""

import asyncio
import contextlib
import io
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tutelage import settings
from tutelage.engines.tokens import Prompt
from tutelage.engines.vllm import InProcess, Started
from tutelage.errors import Fatal, ModelError, Permanent, TutelageError
from tutelage.records import Chat, Reply, Request

MakeRequest = Callable[..., Request]


class Fake:
    """Answers each request in the step after it came, with its own prompt; dies when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, list[int]]] = []
        self.steps = 0
        self.dies_at = 10**9
        self.releases = 0
        self.may_step = threading.Event()
        self.may_step.set()

    def add_request(self, name: str, prompt: dict[str, list[int]], params: object) -> None:
        if 666 in prompt["prompt_token_ids"]:
            raise RuntimeError("a token\nthat is unknown")
        self.waiting.append((name, prompt["prompt_token_ids"]))

    def release(self) -> None:
        self.releases += 1
        if self.steps >= self.dies_at:
            raise RuntimeError("nothing to release any more")

    def step(self) -> list[Any]:
        assert self.may_step.wait(60)
        self.steps += 1
        if self.steps >= self.dies_at:
            raise RuntimeError("CPU Generator does not use offset\nand more lines")
        done, self.waiting = self.waiting, []
        return [_output(name, prompt) for name, prompt in done]


def _output(name: str, prompt: list[int]) -> SimpleNamespace:
    logprobs = [{t: SimpleNamespace(logprob=-0.1)} for t in prompt]
    made = SimpleNamespace(
        text="ok", token_ids=prompt, logprobs=logprobs, finish_reason="stop", stop_reason=None
    )
    return SimpleNamespace(
        request_id=name, finished=True, outputs=[made], prompt_token_ids=prompt, num_cached_tokens=0
    )


def _prompt(chat: Chat, history: tuple[int, ...], options: object) -> Prompt:
    ids = [int(word) for word in chat[-1][1].split()]
    return Prompt(ids, ids, False)


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def engine(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    chats: Any = SimpleNamespace(prompt=_prompt, is_plain=lambda ids: True)
    started = Started(fake, chats, 100, dict, fake.release)
    monkeypatch.setattr("tutelage.engines.metrics.snapshot", dict)
    return _build(lambda *_: started)


def _build(start: Callable[..., Started]) -> InProcess:
    chosen = settings.load("", ["student.model=some/model"])
    return InProcess(chosen.student, chosen, start)


async def _all(engine: InProcess, requests: list[Request]) -> list[Any]:
    replies = asyncio.gather(
        *(engine.reply(request) for request in requests), return_exceptions=True
    )
    return list(await asyncio.wait_for(replies, 60))


async def test_each_gets_its_own_reply(engine: InProcess, make_request: MakeRequest) -> None:
    replies = await _all(engine, [make_request(f"{i} {i + 1}") for i in range(50)])
    assert [reply.token_ids for reply in replies] == [(i, i + 1) for i in range(50)]
    first = Reply("ok", (0, 1), (-0.1, -0.1), "stop", replies[0].usage, prompt_ids=(0, 1))
    assert replies[0] == first
    engine.close()


async def test_a_refused_request_costs_no_neighbour(
    engine: InProcess, make_request: MakeRequest
) -> None:
    replies = await _all(
        engine,
        [make_request("1"), make_request("666"), make_request("no numbers"), make_request("2")],
    )
    assert [type(r) for r in replies] == [Reply, Permanent, Permanent, Reply]
    assert str(replies[1]) == "refused by vLLM: a token that is unknown"
    engine.close()


async def test_all_are_told_when_the_engine_dies(
    engine: InProcess, fake: Fake, make_request: MakeRequest
) -> None:
    assert (await engine.reply(make_request("1"))).text == "ok"
    fake.dies_at = fake.steps + 1
    replies = await _all(engine, [make_request(str(i)) for i in range(200)])
    assert {type(r) for r in replies} == {Fatal}
    assert {str(r) for r in replies} == {
        "vLLM stopped: CPU Generator does not use offset and more lines"
    }
    with pytest.raises(Fatal, match="does not use offset"):
        await engine.reply(make_request("1"))
    engine.close()  # it forgets the requests after it has answered them
    assert engine.gauges()["in_flight"] == 0


async def test_a_request_that_meets_the_end_is_told(
    engine: InProcess, make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine ends, and its last look into the inbox is over, just before the request is put."""
    loop = asyncio.get_running_loop()
    create_future = loop.create_future

    def late() -> "asyncio.Future[Reply]":
        engine.close()
        return create_future()

    monkeypatch.setattr(loop, "create_future", late)  # what the reply will be put into
    async with asyncio.timeout(60):
        with pytest.raises(Fatal, match="was closed"):
            await engine.reply(make_request("1"))


async def test_a_caller_whose_loop_is_gone_harms_nothing(
    engine: InProcess, fake: Fake, make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its state cannot be asked first: it may close between the question and the call."""
    loops: list[asyncio.AbstractEventLoop] = []

    def leave() -> None:
        async def send() -> None:
            loops.append(asyncio.get_running_loop())
            loops[-1].create_task(engine.reply(make_request("1")))
            await asyncio.sleep(0)

        asyncio.run(send())

    fake.may_step.clear()
    await asyncio.gather(*(asyncio.to_thread(leave) for _ in range(5)))
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.SelectorEventLoop, "is_closed", lambda loop: False)
        fake.may_step.set()
        assert (await engine.reply(make_request("2"))).text == "ok"
    assert len(loops) == 5
    engine.close()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ValueError("1 validation error\n  Value error, too long"), "error Value error, too long"),
        (MemoryError(), "MemoryError"),
        (SystemExit("bye"), "bye"),
        (ModelError("vLLM is not installed"), "vLLM is not installed"),
    ],
)
def test_an_engine_that_does_not_start_is_a_mistake_of_one_line(
    fault: BaseException, said: str
) -> None:
    def start(*_: object) -> Started:
        raise fault

    with pytest.raises(TutelageError) as caught:
        _build(start)
    assert type(caught.value) is ModelError
    assert str(caught.value).startswith("vLLM cannot serve 'some/model': ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_what_vllm_holds_is_freed_when_it_is_closed(
    engine: InProcess, fake: Fake, make_request: MakeRequest
) -> None:
    """A GPU's memory above all: whoever comes next in this process wants it."""
    await engine.reply(make_request("1"))
    assert fake.releases == 0
    engine.close()
    assert fake.releases == 1
    engine.close()
    assert fake.releases == 1


def test_vllm_starts_where_output_goes_to_no_file(fake: Fake) -> None:
    """It asks for the number of the file, which what a notebook has in its place may lack."""

    def start(*_: object) -> Started:
        assert sys.stdout.fileno() >= 0
        return Started(fake, SimpleNamespace(), 100, dict)  # type: ignore[arg-type]

    with contextlib.redirect_stdout(io.StringIO()) as said:
        engine = _build(start)
        sys.stdout.write("ready\n")
    engine.close()
    assert said.getvalue() == "ready\n"


async def test_what_a_dead_engine_holds_is_freed(
    engine: InProcess, fake: Fake, make_request: MakeRequest
) -> None:
    fake.dies_at = 1
    with pytest.raises(Fatal, match="vLLM stopped"):
        await engine.reply(make_request("1"))
    engine.close()
    assert fake.releases == 1
