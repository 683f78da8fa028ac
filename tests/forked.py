"""Scripts in another environment, each in a process of its own; what they import is imported once.

A process costs seconds of imports where it wants Beam or torch. Here one process imports them, and
each script runs in a fork of it, which has its environment, opened nothing and computed nothing.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Self

COMMAND = "import sys; from tutelage.cli import main; main(sys.argv[1:])"
"""The script that is `tutelage WORDS`."""
GENERATE = (
    *("tutelage.cli.generate", "tutelage.cli.progress", "tutelage.engines.server", "tutelage.flow"),
    *("tutelage.verifiers.math", "pyarrow.dataset", "xxhash"),
)
"""What `tutelage generate` imports, for `Forks`."""
HUB = ("huggingface_hub.hf_api", "huggingface_hub.hf_file_system")
"""What asks the hub."""
_FORK = """
import gc, importlib, json, os, sys, traceback
gc.disable()  # what is imported stays
for name in sys.argv[1:]:
    importlib.import_module(name)
gc.freeze()
gc.enable()

def status(code, words):
    sys.argv = ["-c", *words]
    try:
        exec(compile(code, "<script>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:  # nobody takes the words
                pass
    return 0

def begin(code, words, files):
    child = os.fork()
    if child == 0:
        os.setsid()
        for number, file in enumerate(files):
            os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
        os._exit(status(code, words))
    return child

def ended(child, options):
    pid, state = os.waitpid(child, options)
    return os.waitstatus_to_exitcode(state) if pid else None

for line in sys.stdin:
    name, *given = json.loads(line)
    print(json.dumps({"begin": begin, "ended": ended}[name](*given)), flush=True)
"""


class Begun:
    """A script that runs, as `Popen` shows a process; it leads a session of its own."""

    def __init__(
        self, ask: Callable[..., int | None], pid: int, stdout: Path, stderr: Path
    ) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self.returncode: int | None = None
        self._ask = ask

    def poll(self) -> int | None:
        """Its exit status, once it has ended."""
        if self.returncode is None:
            self.returncode = self._ask("ended", self.pid, os.WNOHANG)
        return self.returncode

    def wait(self, timeout: float = 600) -> int:
        """Its exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not ended by then.
        """
        limit = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > limit:
                raise subprocess.TimeoutExpired("a script", timeout)
            time.sleep(0.005)
        return status

    def send_signal(self, number: int) -> None:
        """To this process alone, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """By SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Forks:
    """Runs scripts in this environment, with these modules imported."""

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._numbers = itertools.count()
        self._begun: list[Begun] = []
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORK, *modules],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, script: str, *words: str) -> Begun:
        """As `python -c SCRIPT WORDS` does."""
        number = next(self._numbers)
        files = [Path(self._folder.name) / f"{number}-{name}" for name in ("stdout", "stderr")]
        pid = self._ask("begin", script, words, [os.devnull, *map(str, files)])
        assert pid is not None
        self._begun.append(Begun(self._ask, pid, *files))
        return self._begun[-1]

    def run(self, script: str, *words: str) -> "CompletedProcess[str]":
        """The same, to its end."""
        begun = self.begin(script, *words)
        status = begun.wait()
        return CompletedProcess(words, status, begun.stdout.read_text(), begun.stderr.read_text())

    def _ask(self, *what: Any) -> int | None:
        """Has the process that forks do something."""
        assert self._process.stdin and self._process.stdout
        with self._one_at_a_time:
            print(json.dumps(what), file=self._process.stdin, flush=True)
            answer: int | None = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for begun in self._begun:
            begun.kill()
            begun.wait()
        self._process.communicate(timeout=60)
        self._folder.cleanup()
