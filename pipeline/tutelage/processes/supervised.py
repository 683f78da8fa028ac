"""A command that ends with its parent: it runs under a reaper, which watches a pipe to the parent."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tutelage.processes import reaper


class Supervised:
    """One running command with its log. Its whole process group ends with it."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Starts `command`; its output is appended to `log`.

        Args:
            environment: added to this process's own.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._reaper = subprocess.Popen(
                [sys.executable, "-I", "-S", reaper.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | (environment or {}),
            )

    @property
    def pid(self) -> int:
        """Process id of the reaper, the command's parent."""
        return self._reaper.pid

    def is_alive(self) -> bool:
        """Whether the command is running."""
        return self._reaper.poll() is None

    def wait(self) -> int:
        """Waits until the command has ended; returns its exit status."""
        status = self._reaper.wait()
        self.hang_up()
        return status

    def hang_up(self) -> None:
        """Tells the reaper to end the command. Callable from any thread, repeatedly."""
        if self._reaper.stdin and not self._reaper.stdin.closed:
            self._reaper.stdin.close()

    def end(self, within_s: float) -> None:
        """Ends the command and waits until it is gone; uses force after `within_s` seconds."""
        self.hang_up()
        try:
            self._reaper.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            self._reaper.kill()
            self._reaper.wait()
