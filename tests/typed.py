"""The command line, as a person types it, in this process: what it prints, and its exit status.

A process of its own costs seconds of imports; only what a test says of processes needs one.
"""

import contextlib
import tempfile
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from tutelage.cli import main


def tutelage(*args: str, cwd: Path | None = None) -> "CompletedProcess[str]":
    """`tutelage ARGS`, in the folder `cwd`."""
    with (
        contextlib.chdir(cwd or Path.cwd()),
        tempfile.TemporaryFile("w+") as stdout,  # of which vLLM asks for the number
        tempfile.TemporaryFile("w+") as stderr,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        mock.patch("sys.argv", ["tutelage", *args]),
    ):
        status: object = 0
        try:
            main(list(args))
        except SystemExit as end:
            status = end.code
        assert isinstance(status, int)
        for printed in (stdout, stderr):
            printed.seek(0)
        return CompletedProcess(args, status, stdout.read(), stderr.read())
