"""Length-prefixed JSON messages between two processes, with a deadline on every wait.

What it uses it has by name, so that it works in a process that replaces parts of the library.
"""

import os
from json import dumps, loads
from os import read, write
from select import POLLIN, POLLOUT, poll
from time import monotonic
from typing import Any


class Broken(BaseException):
    """The other side is gone, too slow, or sends invalid data; the text says which.

    Not an `Exception`, so that code that catches those does not hide it.
    """


class Pipe:
    """One end, over two file descriptors.

    Args:
        source: descriptor to read from.
        sink: descriptor to write to.
        largest: size limit of a received message in bytes.
    """

    def __init__(self, source: int, sink: int, largest: int = 1 << 30) -> None:
        self._source, self._sink, self._largest = source, sink, largest
        os.set_blocking(sink, False)
        self.deadline = 0.0
        """`time.monotonic()` at which waiting ends; 0: never."""
        self.fate = ""
        """How the pipe broke: `ended`, `timeout`, `output`, `garbled`; empty if it did not."""

    def broken(self, fate: str) -> Broken:
        """Records the fate and returns the exception to raise."""
        self.fate = self.fate or fate
        return Broken(fate)

    def send(self, message: object) -> None:
        """Sends one message.

        Raises:
            Broken: `ended`, `timeout`.
        """
        data = dumps(message).encode()
        view = memoryview(len(data).to_bytes(4, "big") + data)
        while view:
            self._wait(self._sink, POLLOUT)
            try:
                view = view[write(self._sink, view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self.broken("ended") from None

    def receive(self) -> Any:
        """The next message.

        Raises:
            Broken: `ended`, `timeout`, `output` (it is too long) or `garbled`.
        """
        size = int.from_bytes(self._read(4), "big")
        if size > self._largest:
            raise self.broken("output")
        try:
            return loads(self._read(size))
        except (ValueError, RecursionError, MemoryError):
            raise self.broken("garbled") from None

    def _read(self, size: int) -> bytes:
        blocks = bytearray()
        while len(blocks) < size:
            self._wait(self._source, POLLIN)
            block = read(self._source, min(size - len(blocks), 1 << 20))
            if not block:
                raise self.broken("ended")
            blocks += block
        return bytes(blocks)

    def _wait(self, descriptor: int, event: int) -> None:
        waiting = poll()
        waiting.register(descriptor, event)
        timeout_ms = max(0.0, self.deadline - monotonic()) * 1000 if self.deadline else None
        if not waiting.poll(timeout_ms):
            raise self.broken("timeout")
