"""Scripts in another environment, each in a process of its own; what they import is imported once.

A process costs seconds of imports where it wants Beam or torch. Here one process imports them, and
each script runs in a fork of it, which has its environment, opened nothing and computed nothing.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Self

_FORK = """
import importlib, json, os, sys, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)

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
        sys.stdout.flush()
        sys.stderr.flush()
    return 0

for line in sys.stdin:
    code, words, *files = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
        os._exit(status(code, words))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forks:
    """Runs scripts one after another in this environment, with these modules imported."""

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._numbers = itertools.count()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORK, *modules],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *words: str) -> "CompletedProcess[str]":
        """As `python -c SCRIPT WORDS` does."""
        assert self._process.stdin and self._process.stdout
        number = next(self._numbers)
        files = [Path(self._folder.name) / f"{number}-{name}" for name in ("stdout", "stderr")]
        line = json.dumps([script, words, *map(str, files)])
        print(line, file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        return CompletedProcess(words, status, *(file.read_text() for file in files))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)
        self._folder.cleanup()
