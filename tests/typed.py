"""The command line, as a person types it, in this process: what it prints, and its exit status.

A process of its own costs seconds of imports; only what a test says of processes needs one.
"""

import contextlib
import io
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from tutelage.cli import main


def tutelage(*args: str, cwd: Path | None = None) -> "CompletedProcess[str]":
    """`tutelage ARGS`, in the folder `cwd`."""
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(io.StringIO()) as stdout,
        contextlib.redirect_stderr(io.StringIO()) as stderr,
        mock.patch("sys.argv", ["tutelage", *args]),
    ):
        status: object = 0
        try:
            main(list(args))
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    return CompletedProcess(args, status, stdout.getvalue(), stderr.getvalue())
