"""A server that answers like OpenAI's, by the scripted engine's rules, and misbehaves on demand.

    python dummy.py CORPUS

For each line of standard input, `["PORT", "LOG", "--fault=NAME=SHARE", "--poison=WORDS",
"--hang-after=N", ...]`, it forks a server and prints its process id once that listens; so a server
costs no imports. It ends with its input, and the last server with it.

What it answers depends on the chat and the seed alone, so that runs against it can be compared byte
for byte. Each answer is a line in LOG (the digest of the request), so that work done twice can be
counted, also over several lives of the server.
"""

import argparse
import hashlib
import itertools
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tutelage.corpora import open_corpus
from tutelage.engines.scripted import attempt
from tutelage.records import Problem

SENTENCES = (
    "Look again at the last operation that you chose.",
    "Your first step holds; the one after it does not.",
    "That is not what the question asks for.",
    "Something is off. Can you find it?",
)
GARBAGE = (
    "<html>bad gateway</html>",
    "[]",
    '{"choices": []}',
    '{"choices": [{"message": {"content": 7}}]}',
    '{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"logprob": "x"}]}}], '
    '"usage": {"completion_tokens": -1}}',
    '{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1e30}}',
)


class Dummy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, problems: dict[str, Problem], given: argparse.Namespace) -> None:
        super().__init__(("127.0.0.1", given.port), Handler)
        self.problems = problems
        self.faults = {name: float(share) for name, _, share in map(_pair, given.fault)}
        self.poison = given.poison
        self.hang_after = given.hang_after
        self.wait = given.wait
        self.log = open(given.log, "ab", buffering=0)  # noqa: SIM115, PTH123
        self.count = itertools.count(1)
        self.drawn = random.Random(given.port)
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed go away without a word."""

    def fault(self) -> str:
        """What to do with the next request; empty for what it asks."""
        with self.lock:
            mark = self.drawn.random()
        for name, share in self.faults.items():
            mark -= share
            if mark < 0:
                return name
        return ""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """A chat completion."""
        chat = [m["content"] for m in body["messages"]]
        if body.get("logprobs"):
            problem = next(self.problems[words] for words in chat if words in self.problems)
            text = attempt(problem, body["seed"])
        else:
            text = SENTENCES[body["seed"] % len(SENTENCES)]
        words = text.split()
        choice: dict[str, Any] = {"message": {"content": text}, "finish_reason": "stop"}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"logprob": -0.25}] * len(words)}
        used = {"prompt_tokens": sum(map(len, chat)), "completion_tokens": len(words)}
        return {"choices": [choice], "usage": used}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Dummy

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send(200, json.dumps({"data": [{"id": "dummy", "owned_by": "nobody"}]}))

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(data)
        if 0 < self.server.hang_after <= next(self.server.count):
            time.sleep(3600)
        if self.server.poison and any(self.server.poison in m["content"] for m in body["messages"]):
            return self.send(400, '{"error": "this prompt is poison"}')
        time.sleep(self.server.wait)
        fault = self.server.fault()
        if fault == "drop":
            self.close_connection = True
        elif fault == "garbage":
            self.send(200, GARBAGE[body["seed"] % len(GARBAGE)])
        elif fault:
            self.send(int(fault), '{"error": "not now"}')
        else:
            page = json.dumps(self.server.answer(body))
            self.server.log.write(hashlib.sha256(data).hexdigest().encode() + b"\n")
            self.send(200, page)

    def send(self, status: int, text: str) -> None:
        """The whole response."""
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _pair(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("log")
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--poison", default="")
    parser.add_argument("--hang-after", type=int, default=0)
    parser.add_argument("--wait", type=float, default=0.003)
    rows = open_corpus(sys.argv[1], {}, "").rows()
    problems = {row.problem.statement: row.problem for row in rows if row.problem}
    child = 0
    for line in sys.stdin:
        if child:
            os.waitpid(child, 0)  # whoever asks for another life has ended the one before
        child = os.fork()
        if child == 0:
            try:
                server = Dummy(problems, parser.parse_args(json.loads(line)))
            except OSError as error:
                print(error, flush=True)  # noqa: T201
                raise
            print(os.getpid(), flush=True)  # noqa: T201
            server.serve_forever()
    if child:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
