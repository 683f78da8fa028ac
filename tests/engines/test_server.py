"""The client, against a server that misbehaves by script."""

import asyncio
import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tutelage import engines, models, settings
from tutelage.engines import completions, metrics, server, tries
from tutelage.engines.launch import free_port
from tutelage.errors import EngineError, ModelError, Permanent, SettingsError, Transient
from tutelage.records import Request, Usage

METRICS = """
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 2.5e-02
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 1280.0
vllm:prefix_cache_hits_created{engine="0",model_name="m"} 1.7e+09
vllm:num_preemptions_total{engine="0",model_name="m"} 0.0
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.2345e+06
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="m"} 9.0
process_open_fds 41.0
"""


@dataclass
class Dummy:
    """An OpenAI-compatible server: what it is, what it was sent, and what it does next."""

    model: str = "served"
    owner: str = "somebody"
    script: list[str] = field(default_factory=list)
    """What to do with the next posts, one word each; `ok` when there is none left."""
    retry_after: list[str] = field(default_factory=list)
    """The header `Retry-After` of the next replies that are faults."""
    by_prompt: dict[str, str] = field(default_factory=dict)
    """What to do with a post whose chat holds these words, before the script is asked."""
    prompt_tokens: int = 0
    """Of a chat, as vLLM counts it; the model takes 100."""
    posts: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    """Values of the Authorization header."""
    metrics: str = METRICS
    gate: threading.Barrier | None = None
    """Posts wait here for one another before they are answered."""
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        """A chat completion whose text repeats the last message."""
        words = body["messages"][-1]["content"]
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": f"re: {words}"},
            "finish_reason": "stop",
        }
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": "re", "logprob": -0.5}] * 3}
        if body.get("return_token_ids"):
            choice["token_ids"] = [11, 12, 13]
        usage = {"prompt_tokens": 21, "completion_tokens": 3}
        if self.owner == "vllm":
            usage["prompt_tokens_details"] = {"cached_tokens": 16}
        return {"choices": [choice], "usage": usage}


ODD_BODIES = {
    "garbage": "<html>upstream</html>",
    "empty": "",
    "null": "null",
    "list": "[1, 2]",
    "no choices": '{"choices": []}',
    "no message": '{"choices": [{"finish_reason": "stop"}]}',
    "no content": '{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}',
    "bare": '{"choices": [{"message": {"content": "22"}}], "usage": null}',
    "null logprob": '{"choices": [{"message": {"content": "22"}, '
    '"logprobs": {"content": [{"logprob": null}]}}]}',
}
"""Word of the script -> what is sent with status 200 instead of a completion."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    dummy: Dummy

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.dummy.keys.add(self.headers.get("Authorization", ""))
        if self.path == "/v1/models":
            entry = {"id": self.dummy.model, "owned_by": self.dummy.owner}
            self._send(200, json.dumps({"object": "list", "data": [entry]}))
        elif self.path == "/metrics" and self.dummy.owner == "vllm":
            self._send(200, self.dummy.metrics)
        else:
            self._send(404, "nothing here")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.dummy.posts.append(body)
        if self.path == "/tokenize":
            count = self.dummy.prompt_tokens
            self._send(200, json.dumps({"count": count, "max_model_len": 100, "tokens": []}))
            return
        if self.dummy.gate:
            self.dummy.gate.wait(timeout=60)
        said = body["messages"][-1]["content"]
        named = [what for words, what in self.dummy.by_prompt.items() if words in said]
        word = named[0] if named else self.dummy.script.pop(0) if self.dummy.script else "ok"
        if word.isdigit():
            self._send(int(word), '{"error": {"message": "no,\\nnot now"}}')
        elif word == "ok":
            self._send(200, json.dumps(self.dummy.completion(body)))
        elif word in ODD_BODIES:
            self._send(200, ODD_BODIES[word])
        elif word == "no system":
            self._send(400, '{"error": {"message": "System role not supported"}}')
        elif word == "drop":
            self.close_connection = True
        elif word == "half":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.close_connection = True
        elif word == "silent":
            self.dummy.closing.wait(60)
            self.close_connection = True
        elif word == "endless":
            self._trickle()
        else:
            raise AssertionError(word)

    def _trickle(self) -> None:
        """Keeps sending, so that no single read ever times out."""
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        try:
            while not self.dummy.closing.wait(0.01):
                self.wfile.write(b" ")
                self.wfile.flush()
        except OSError:
            pass

    def _send(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        if status != 200 and self.dummy.retry_after:
            self.send_header("Retry-After", self.dummy.retry_after.pop(0))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what some tests are about."""


@contextlib.contextmanager
def serving(model: str = "served") -> Iterator[Dummy]:
    """A dummy that listens."""
    made = Dummy(model)
    listening = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"dummy": made}))
    made.url = f"http://127.0.0.1:{listening.server_port}/v1"
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.closing.set()
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture
def dummy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dummy]:
    monkeypatch.setattr(tries, "_LONGEST_WAIT_S", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving() as made:
        yield made


Client = Callable[..., server.Client]


@pytest.fixture
def client(dummy: Dummy, engine: Callable[..., Any]) -> Client:
    """Builds the client of the dummy, with more settings."""

    def make(*sets: str) -> server.Client:
        return engine(f"server.url={dummy.url}", f"student.model={dummy.model}", *sets)

    return make


TRANSIENT = ["408", "409", "425", "429", "500", "502", "503", "504"]
BROKEN = ["drop", "half", "garbage", "empty", "null", "list", "no choices", "no message"]


@pytest.mark.parametrize("fault", [*TRANSIENT, *BROKEN, "null logprob"])
async def test_what_may_pass_is_tried_again(
    dummy: Dummy, client: Client, make_request: Callable[..., Request], fault: str
) -> None:
    dummy.script = [fault, fault, "ok"]
    made = client()
    reply = await made.reply(make_request("how many?"))
    assert reply.text == "re: how many?"
    assert len(dummy.posts) == 3
    assert dummy.posts[0] == dummy.posts[1] == dummy.posts[2]
    assert made.gauges()["retries"] == 2


async def test_a_server_that_says_when_is_asked_again_then(
    dummy: Dummy,
    client: Client,
    make_request: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    own, wait = asyncio.current_task(), asyncio.sleep

    async def sleep(seconds: float) -> None:
        if asyncio.current_task() is own:
            slept.append(seconds)
        else:  # a cluster that another test has left in this process
            await wait(seconds)

    made = client()
    monkeypatch.setattr(server.asyncio, "sleep", sleep)
    dummy.retry_after, dummy.script = ["7", "999999", "tomorrow"], ["429", "503", "429", "ok"]
    assert (await made.reply(make_request("how many?"))).text == "re: how many?"
    assert [round(seconds) for seconds in slept] == [7, 120, 0]


@pytest.mark.parametrize("fault", ["503", "drop", "garbage"])
@pytest.mark.parametrize("retries", [0, 1, 4])
async def test_the_budget_bounds_the_requests(
    dummy: Dummy, client: Client, make_request: Callable[..., Request], fault: str, retries: int
) -> None:
    dummy.script = [fault] * 50
    with pytest.raises(Transient):
        await client(f"server.retries={retries}").reply(make_request())
    assert len(dummy.posts) == retries + 1


@pytest.mark.parametrize("status", ["400", "401", "404", "413", "422"])
async def test_what_cannot_pass_is_sent_once(
    dummy: Dummy, client: Client, make_request: Callable[..., Request], status: str
) -> None:
    dummy.script = [status] * 5
    with pytest.raises(Permanent, match=f"HTTP {status}"):
        await client().reply(make_request())
    assert len(dummy.posts) == 1


@pytest.mark.parametrize(
    ("tokens", "max_tokens", "words"),
    [(90, 10, ""), (99, 1, ""), (100, 0, "context: 100 tokens, the model takes 100")],
)
async def test_a_reply_of_vllm_ends_where_the_context_does(
    dummy: Dummy,
    client: Client,
    make_request: Callable[..., Request],
    tokens: int,
    max_tokens: int,
    words: str,
) -> None:
    dummy.owner, dummy.prompt_tokens, dummy.script = "vllm", tokens, ["400"]
    if words:
        with pytest.raises(Permanent, match=words):
            await client().reply(make_request(max_tokens=16))
        return
    assert (await client().reply(make_request("how many?", max_tokens=16))).text == "re: how many?"
    assert [post.get("max_tokens") for post in dummy.posts] == [16, None, max_tokens]


async def test_vllm_refuses_for_other_reasons_too(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    dummy.owner, dummy.prompt_tokens, dummy.script = "vllm", 20, ["400", "400"]
    with pytest.raises(Permanent, match="HTTP 400"):
        await client().reply(make_request(max_tokens=16))
    assert len(dummy.posts) == 2


@pytest.mark.parametrize("fault", ["silent", "endless"])
async def test_a_reply_that_never_ends_is_given_up(
    dummy: Dummy, client: Client, make_request: Callable[..., Request], fault: str
) -> None:
    dummy.script = [fault, fault]
    with pytest.raises(Transient):
        await client("server.timeout_s=0.2", "server.retries=1").reply(make_request())
    assert len(dummy.posts) == 2


async def test_a_slow_reply_is_waited_for(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    dummy.gate = threading.Barrier(2)
    waiting = asyncio.create_task(client().reply(make_request()))
    while not dummy.posts:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await asyncio.to_thread(dummy.gate.wait, 60)
    assert (await waiting).text.startswith("re:")
    assert len(dummy.posts) == 1


@pytest.mark.parametrize(
    ("word", "text", "finish"), [("no content", "", "length"), ("bare", "22", "")]
)
async def test_a_bad_reply_is_a_reply(
    dummy: Dummy,
    client: Client,
    make_request: Callable[..., Request],
    word: str,
    text: str,
    finish: str,
) -> None:
    dummy.script = [word]
    reply = await client().reply(make_request())
    assert (reply.text, reply.finish_reason) == (text, finish)
    assert reply.token_ids == reply.logprobs == ()
    assert reply.usage == Usage()
    assert len(dummy.posts) == 1


async def test_vllm_is_asked_for_tokens(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    dummy.owner = "vllm"
    made = client()
    student = await made.reply(make_request())
    teacher = await made.reply(make_request(player="teacher"))
    assert (student.token_ids, student.logprobs) == ((11, 12, 13), (-0.5, -0.5, -0.5))
    assert student.usage == Usage(prompt=21, cached=16, completion=3)
    assert (teacher.token_ids, teacher.logprobs) == ((), ())
    assert [body.get("return_token_ids") for body in dummy.posts] == [True, None]
    root = dummy.url.removesuffix("/v1")
    since = {"prefix_cache_hits": 0.0, "preemptions": 0.0, "prompt_tokens": 0.0}
    told = {**metrics.parse(METRICS), **since}
    assert made.gauges() == {"retries": 0.0, **metrics.marked(told, root)}


async def test_another_server_is_asked_for_what_all_have(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    made = client()
    reply = await made.reply(
        make_request(stop=("\n\n",), temperature=0.3, top_p=0.9, max_tokens=12)
    )
    assert (reply.token_ids, reply.logprobs) == ((), (-0.5, -0.5, -0.5))
    assert reply.usage == Usage(prompt=21, cached=0, completion=3)
    assert dummy.posts == [
        {
            "model": "served",
            "messages": [{"role": "user", "content": "How many has she left?"}],
            "temperature": 0.3,
            "top_p": 0.9,
            "max_tokens": 12,
            "seed": 7,
            "stop": ["\n\n"],
            "logprobs": True,
        }
    ]
    assert made.gauges() == {"retries": 0.0}


async def test_one_bad_prompt_costs_no_neighbour(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    dummy.by_prompt = {"too long": "400"}
    dummy.script = ["500", "drop", "429", "garbage"]
    made = client()
    words = [f"problem {i}" for i in range(20)]
    words[7] = "too long"
    replies = await asyncio.gather(
        *(made.reply(make_request(w)) for w in words), return_exceptions=True
    )
    assert isinstance(replies[7], Permanent)
    rest = [r for i, r in enumerate(replies) if i != 7]
    assert not [r for r in rest if isinstance(r, BaseException)]
    assert len(dummy.posts) == 20 + 4


async def test_all_are_in_flight_at_once(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    count = 150
    dummy.gate = threading.Barrier(count)
    made = client()
    replies = await asyncio.gather(
        *(made.reply(make_request(f"p{i}", seed=i)) for i in range(count))
    )
    assert [r.text for r in replies] == [f"re: p{i}" for i in range(count)]
    assert sorted(body["seed"] for body in dummy.posts) == list(range(count))
    assert len(dummy.posts) == count


def test_each_event_loop_has_its_connections(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    made = client()
    for words in ("one", "two"):
        assert asyncio.run(made.reply(make_request(words))).text == f"re: {words}"


async def test_text_that_is_no_unicode_is_refused(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    with pytest.raises(Permanent):
        await client().reply(make_request("half a pair: \ud83d"))
    assert not dummy.posts


async def test_the_key_is_sent(
    dummy: Dummy,
    client: Client,
    make_request: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", "sesame")
    client("server.api_key_env=MY_KEY")
    assert dummy.keys == {"Bearer sesame"}


async def test_a_proxy_is_not_asked_for_this_machine(
    dummy: Dummy,
    client: Client,
    make_request: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    dummy.owner = "vllm"
    made = client()
    assert (await made.reply(make_request("hello"))).text == "re: hello"
    assert metrics.total([made.gauges()])["running"] == 7


def test_a_server_that_has_served_others_counts_from_now_on(
    dummy: Dummy, engine: Callable[..., Any]
) -> None:
    page = "vllm:num_requests_running 2.0\nvllm:num_preemptions_total {}\n"
    dummy.owner, dummy.metrics = "vllm", page.format(7)
    made = [engine(f"server.url={dummy.url}", f"student.model={dummy.model}") for _ in range(2)]
    both = engines.Players(made[0], made[1], tuple(made))
    assert metrics.total([both.gauges()]) == {"retries": 0, "running": 2, "preemptions": 0}
    dummy.metrics = page.format(10)
    assert metrics.total([both.gauges()] * 4)["preemptions"] == 3, "four workers, one server"
    dummy.metrics = page.format(1)
    assert metrics.total([both.gauges()])["preemptions"] == 4, "it was started again"
    dummy.owner = "away"
    assert metrics.total([both.gauges()]) == {"retries": 0, "preemptions": 4}


def test_no_url_is_a_mistake(engine: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match=r"server\.url"):
        engine("student.engine=server")


def test_a_model_that_is_not_served_is_a_mistake(dummy: Dummy, engine: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match=r"serves served, wanted 'other'"):
        engine(f"server.url={dummy.url}", "student.model=other")


@pytest.mark.parametrize("pulled", [True, False])
def test_the_default_model_is_whatever_one_model_is_served(
    dummy: Dummy,
    engine: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    pulled: bool,
) -> None:
    """Nothing needs to be fetched here in order to use a server elsewhere."""
    if not pulled:
        monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path))
        assert models.fault()
    assert engine(f"server.url={dummy.url}").capacity > 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:{free}/v1", "ConnectError"),
        ("{root}", "HTTP 404"),
        ("{root}/metrics", "HTTP 404"),
        ("127.0.0.1:8000/v1", "http"),
        ("http://host:port/v1", "port"),
        ("http://[::1/v1", "server.url"),
    ],
)
def test_no_server_is_one_line(
    dummy: Dummy, engine: Callable[..., Any], url: str, said: str
) -> None:
    given = url.format(free=free_port(), root=dummy.url.removesuffix("/v1"))
    with pytest.raises(ModelError) as caught:
        engine(f"server.url='{given}'", "student.model=served")
    assert "\n" not in str(caught.value)
    assert given in str(caught.value)
    assert said in str(caught.value)


def test_a_refused_key_says_which_variable_holds_it(
    dummy: Dummy, engine: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: _Handler) -> None:
        self._send(401, "who are you?")

    monkeypatch.setattr(_Handler, "do_GET", refuse)
    with pytest.raises(ModelError, match="OPENAI_API_KEY") as caught:
        engine(f"server.url={dummy.url}", "student.model=served")
    assert "\n" not in str(caught.value)


def test_the_waits_grow_and_are_capped(make_request: Callable[..., Request]) -> None:
    each = [tries.Tries(make_request(seed=seed), False, 20, 60.0) for seed in range(50)]
    for attempt in range(12):
        longest = min(tries._LONGEST_WAIT_S, 0.5 * 2**attempt)
        drawn = [one.rest(Transient("HTTP 500")) for one in each]
        assert all(longest / 2 <= wait <= longest for wait in drawn)
        assert len(set(drawn)) > 40, "clients that fail together must not come back together"


async def test_the_tokenizer_is_loaded_once_however_many_wait(
    dummy: Dummy,
    client: Callable[..., Any],
    make_request: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = []

    def slowly(model: str) -> None:
        loads.append(model)
        time.sleep(0.2)

    monkeypatch.setattr("tutelage.engines.tokens.local", slowly)
    dummy.owner = "vllm"
    made = client()
    await asyncio.gather(*(made.reply(make_request(seed=seed)) for seed in range(8)))
    assert loads == ["served"]


def test_every_error_of_a_reply_is_an_engine_error() -> None:
    for page in (None, 3, "text", [], {}, {"choices": None}, {"choices": [None]}):
        with pytest.raises(EngineError):
            completions.reply(page, Request("student", (), None, 0, None), None, None)  # type: ignore[arg-type]


PAGES = [
    ("", {}),
    ("vllm:num_requests_waiting 5", {"waiting": 5.0}),
    ('vllm:num_requests_waiting{engine="0"} 5.0\n', {"waiting": 5.0}),
    ("vllm:generation_tokens_total 1e+06", {"completion_tokens": 1e6}),
    ("vllm:num_preemptions_created 1.7e9", {}),
    ("# vllm:num_requests_running 9", {}),
    ("vllm:num_requests_running nothing", {}),
    ("vllm:num_requests_running E", {}),
    ("other:num_requests_running 1", {}),
    ("<html>404</html>", {}),
    (
        METRICS,
        {
            "running": 7.0,
            "kv_cache_usage": 0.025,
            "prefix_cache_hits": 1280.0,
            "preemptions": 0.0,
            "prompt_tokens": 1_234_500.0,
        },
    ),
]


@pytest.mark.parametrize(("page", "expected"), PAGES)
def test_gauges_are_read_from_the_page(page: str, expected: dict[str, float]) -> None:
    assert metrics.parse(page) == expected


def test_the_names_are_as_vllm_writes_them() -> None:
    assert all(re.fullmatch(r"vllm:[a-z_]+", name) for name in metrics.NAMES)
    assert len(set(metrics.NAMES.values())) == len(metrics.NAMES)


async def test_each_side_asks_its_own_server_with_its_own_key(
    make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALL_KEY", "small")
    monkeypatch.setenv("BIG_KEY", "big")
    with serving("org/small") as small, serving("org/big") as big:
        chosen = settings.load(
            sets=[
                "student.model=org/small",
                f"student.url={small.url}",
                "student.api_key_env=SMALL_KEY",
                "teacher.model=org/big",
                f"teacher.url={big.url}",
                "teacher.api_key_env=BIG_KEY",
            ]
        )
        players = engines.players(chosen)
        for player in ("student", "teacher"):
            await players.player(player).reply(make_request(player=player))
        players.close()
    assert (small.keys, big.keys) == ({"Bearer small"}, {"Bearer big"})
    assert (len(small.posts), len(big.posts)) == (1, 1)


REASONING = (
    ({"content": "22", "reasoning_content": "27 - 5"}, "stop", "<think>27 - 5</think>22"),
    ({"content": "22", "reasoning": "27 - 5"}, "stop", "<think>27 - 5</think>22"),
    ({"content": "27 - 5 is"}, "length", "<think>27 - 5 is"),
    ({"content": "27 - 5</think>22"}, "length", "27 - 5</think>22"),
    ({"content": "22"}, "stop", "22"),
)


@pytest.mark.parametrize(("message", "finish_reason", "text"), REASONING)
def test_reasoning_is_in_tags_whoever_kept_it_apart(
    message: dict[str, str], finish_reason: str, text: str, make_request: Callable[..., Request]
) -> None:
    page = {"choices": [{"message": message, "finish_reason": finish_reason}]}
    request = make_request(thinking="on")
    assert completions.reply(page, request, None, None).text == text


def test_a_reply_that_was_cut_is_no_reasoning_where_none_was_wanted(
    make_request: Callable[..., Request],
) -> None:
    page = {"choices": [{"message": {"content": "27 - 5 is"}, "finish_reason": "length"}]}
    for thinking in ("off", "auto"):
        assert (
            completions.reply(page, make_request(thinking=thinking), None, None).text == "27 - 5 is"
        )


def test_a_request_says_all_of_its_sampling(make_request: Callable[..., Request]) -> None:
    extra = '{"repetition_penalty": 1.1, "chat_template_kwargs": {"enable_thinking": true}}'
    chosen = {"top_k": 20, "min_p": 0.05, "presence_penalty": 1.5, "reasoning_budget": 300}
    request = make_request(thinking="off", extra_body=extra, **chosen)
    sent = completions.body(request, "m", True, None)
    assert (sent["top_k"], sent["min_p"], sent["presence_penalty"]) == (20, 0.05, 1.5)
    assert (sent["thinking_token_budget"], sent["repetition_penalty"]) == (300, 1.1)
    assert sent["chat_template_kwargs"]["enable_thinking"] is True, "what a person says goes before"
    assert sent["chat_template_kwargs"]["thinking"] is False


def test_a_plain_request_has_no_field_that_openai_has_not(
    make_request: Callable[..., Request],
) -> None:
    sent = completions.body(make_request(player="teacher"), "m", False, None)
    assert set(sent) == {"model", "temperature", "top_p", "max_tokens", "seed", "messages"}


async def test_a_system_prompt_that_is_refused_goes_into_the_first_message(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    chat = (("system", "Be brief."), ("user", "how many?"))
    dummy.script = ["no system", "ok", "ok"]
    made = client()
    for _ in range(2):
        await made.reply(make_request(chat=chat))
    folded = [{"role": "user", "content": "Be brief.\n\nhow many?"}]
    assert [post["messages"] for post in dummy.posts[1:]] == [folded, folded]
    assert len(dummy.posts) == 3, "it is known from then on"


async def test_a_refusal_for_another_reason_stays_one(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    chat = (("system", "Be brief."), ("user", "how many?"))
    dummy.script = ["no system", "no system"]
    with pytest.raises(Permanent, match="HTTP 400"):
        await client().reply(make_request(chat=chat))
    assert len(dummy.posts) == 2


def test_only_vllm_keeps_to_a_budget_of_reasoning(dummy: Dummy) -> None:
    sets = (f"server.url={dummy.url}", "student.model=served", "student.engine=server")
    chosen = settings.load("", (*sets, "student.reasoning_budget=100"))
    with pytest.raises(SettingsError, match=r"reasoning_budget .* extra_body"):
        engines.players(chosen)
    dummy.owner = "vllm"
    engines.players(chosen).close()


def test_what_gives_no_token_ids_is_told_beforehand(dummy: Dummy) -> None:
    chosen = settings.load("", (f"server.url={dummy.url}", "student.model=served"))
    assert engines.notes(chosen) == [engines.NO_TOKEN_IDS]
    dummy.owner = "vllm"
    assert engines.notes(chosen) == []
    assert engines.notes(settings.load("", ("student.engine=scripted",))) == []


async def test_many_requests_find_the_limit_of_a_paid_api(
    dummy: Dummy, client: Client, make_request: Callable[..., Request]
) -> None:
    dummy.script = ["429"] * 150
    made = client("server.retries=0")
    replies = await asyncio.gather(*(made.reply(make_request(seed=n)) for n in range(100)))
    assert len(replies) == 100, "a crowd that is refused is nobody's own failure"
    assert made.gauges()["throttled"] == 150
