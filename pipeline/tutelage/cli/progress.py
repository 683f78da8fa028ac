"""What a waiting person sees: a live line on a terminal, plain lines otherwise, a closing summary.

Nobody may be there to see it: a terminal that was closed, a reader that has gone, a full disk. That
ends no run.
"""

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tutelage.session.telemetry import Progress, Watch

_PLAIN_EVERY_S = 10.0


class Live:
    """Context of one run; `watch` goes to `flow.run`."""

    def __init__(self, quiet: bool, out: str) -> None:
        self._quiet = quiet
        self._out = out
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._phase = ""
        self._said_at = 0.0
        # An engine may silence standard error while it starts; what goes here is seen anyway.
        self._stderr = os.dup(2) if sys.stderr is not None else -1

    @property
    def watch(self) -> "Watch":
        """What the run reports to."""
        from tutelage.session.telemetry import Watch

        return Watch() if self._quiet else Watch(self._show, self._say)

    def __enter__(self) -> "Live":
        if self._terminal and not self._quiet:
            from rich.console import Console
            from rich.progress import Progress as Bar
            from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            console = Console(file=os.fdopen(os.dup(self._stderr), "w"), force_terminal=True)
            self._bar = Bar(*columns, console=console, transient=True)
            self._task = self._bar.add_task("")
            with _unheard():
                self._bar.start()
            self._say("opening the corpora")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with _unheard():
                self._bar.stop()

    def conclude(self, manifest: dict[str, Any]) -> None:
        """The run in four lines, on standard output; a note where the engine starved."""
        from tutelage.shards import RunFolder
        from tutelage.storage import location

        balance, dialogues = manifest["balance"], manifest["dialogues"]
        click.echo(
            f"problems   {balance['input']} in = {balance['kept']} kept + {balance['filtered']} "
            f"filtered + {balance['duplicate']} duplicate + {balance['dead']} dead"
        )
        click.echo(
            f"dialogues  {dialogues['kept']} kept, {dialogues['solved']} solved, "
            f"{dialogues['near_duplicates']} near-duplicates, {dialogues['dead']} dead"
        )
        at = ", ".join(f"turn {t}: {n}" for t, n in manifest["solved_at"].items())
        click.echo(f"solved at  {at or 'none'}")
        click.echo(f"run        {self._out}   (look at it: tutelage show {shlex.quote(self._out)})")
        if starved := RunFolder(location(self._out)).read_json("telemetry.json").get("starved"):
            with _unheard():
                click.echo(f"note: {starved}", err=True)

    def interrupted(self) -> None:
        """One line that says what is safe and how to go on."""
        from tutelage.shards import RunFolder
        from tutelage.shards.journal import done
        from tutelage.storage import location

        journal = RunFolder(location(self._out)).journal
        # In a store, counting means to fetch the whole journal.
        count = len(done(journal)) if isinstance(journal, Path) else "the"
        words = (
            f"interrupted: {count} results are safe in {journal}; "
            "run the same command again to go on from there\n"
        )
        with contextlib.suppress(OSError, AttributeError):
            sys.stdout.flush()
        with contextlib.suppress(OSError):
            os.write(self._stderr, words.encode())

    def _say(self, words: str) -> None:
        """A new phase; the time beside it begins anew."""
        with _unheard():
            if self._bar is not None:
                from rich.markup import escape

                self._bar.reset(self._task, description=escape(words))
            else:
                click.echo(words, err=True)
        self._phase = words

    def _show(self, now: "Progress") -> None:
        """How dialogues get on; on a terminal several times a second, in a log every ten seconds."""
        words = line(now)
        if self._bar is not None and self._phase == "dialogues":
            with _unheard():
                self._bar.update(self._task, description=words)
        elif self._bar is not None or time.monotonic() - self._said_at > _PLAIN_EVERY_S:
            self._said_at = time.monotonic()
            self._say(words)
            self._phase = "dialogues"


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Suppresses that standard error takes nothing any more; from then on it goes nowhere."""
    try:
        yield
    except OSError:
        # What was not written is kept, and would fail once more at the end of the process.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def line(now: "Progress") -> str:
    """One line of progress."""
    planned = f"/{now.planned}" if now.planned else ""
    parts = [f"{now.ended}{planned} dialogues", f"{now.in_play} in play"]
    if now.solved_at:
        solved = " ".join(f"{turn}:{count}" for turn, count in now.solved_at.items())
        parts.append(f"solved at turn {solved}")
    if now.failed:
        parts.append(f"{now.failed} failed")
    if now.seconds:
        parts.append(f"{now.tokens / now.seconds:.0f} tokens/s")
    if now.busy:
        parts.append(f"engine busy {min(now.busy, 1):.0%}")
    if now.eta_s is not None:
        parts.append(f"{int(now.eta_s) // 60}:{int(now.eta_s) % 60:02d} left")
    return ", ".join(parts)
