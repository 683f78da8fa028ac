"""What the client of a server costs when many requests are in flight, beside one pool of httpx.

    python tests/benchmarks/client.py [--flying 256] [--each 6]

A server that answers every request after 0.3 s runs in a process of its own. CPU time is that of the
process that asks, per request, once every connection is open. A pool of httpx looks through all its
connections at each request, so its cost grows with their number; ours keeps one client a request.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tutelage import settings as settings_room
from tutelage.engines.server import Client

_MODELS = {"data": [{"id": "m", "owned_by": "nobody"}]}
_REPLY = {
    "choices": [{"message": {"content": "The answer is 4."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 5},
}
_ASKED = {"model": "m", "max_tokens": 8, "messages": [{"role": "user", "content": "2 + 2? " * 70}]}


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if b"t-length:" in line]
        if lengths:
            await reader.readexactly(lengths[0])
            await asyncio.sleep(0.3)
        text = json.dumps(_REPLY if lengths else _MODELS).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
        await writer.drain()


def _serve(port: Any) -> None:
    async def run() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=4096)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def _cost(ask: Callable[[], Awaitable[Any]], flying: int, each: int) -> float:
    """Seconds of CPU a request."""

    async def many(count: int) -> None:
        for _ in range(count):
            await ask()

    await asyncio.gather(*(many(1) for _ in range(flying)))
    begun = time.process_time()
    await asyncio.gather(*(many(each) for _ in range(flying)))
    return (time.process_time() - begun) / (flying * each)


def figures(flying: int = 256, each: int = 6) -> dict[str, dict[str, Any]]:
    """See the module."""
    hearing, telling = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(telling,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{hearing.recv()}/v1"
    options = [f"server.url={url}", f"driver.concurrency={flying}"]
    settings = settings_room.load(
        corpora=("starter",), student__engine="server", student__model="m", sets=options
    )
    client = Client(settings.student, settings)

    async def pooled() -> float:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=flying)
        async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as pool:
            to = f"{url}/chat/completions"
            return await _cost(lambda: pool.post(to, json=_ASKED), flying, each)

    try:
        ours = asyncio.run(_cost(lambda: client._post(_ASKED, 1 << 20), flying, each))
        theirs = asyncio.run(pooled())
    finally:
        server.kill()
    return {
        "client_cpu": {
            "ratio": ours / theirs,
            "goal": 0.5,
            "better": "lower",
            "value": round(1e3 * ours, 2),
            "unit": f"ms a request, {flying} in flight",
            "rivals": {"one httpx client": round(1e3 * theirs, 2)},
            "command": f"python tests/benchmarks/client.py --flying {flying} --each {each}",
        }
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flying", type=int, default=256)
    parser.add_argument("--each", type=int, default=6)
    given = parser.parse_args()
    print(json.dumps(figures(given.flying, given.each), indent=1))
