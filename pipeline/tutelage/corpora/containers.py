"""JSON lines, JSON arrays and Parquet: streams of records, never a whole file in memory.

What a file is, is told by its content: `svamp.json` may well be JSON lines. Each container yields
(line, load) pairs; `load()` gives the record or raises ValueError, so that a reader that wants
every eighth row parses no other where the container allows it (lines and Parquet do, an array has
to be walked). What the iteration itself raises means that the rest of the file is lost.
"""

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tutelage.corpora.paths import unpacked
from tutelage.corpora.row import LONGEST_ROW

Load = Callable[[], object]
Loads = Iterator[tuple[int, Load]]

_CHUNK = 1 << 16
_BATCH = 1 << 26
"""Bytes of Parquet that are held at once, about."""
_BLANK = re.compile(r"[\s\x1e]*")
_BETWEEN = re.compile(r"[\s,]*")


def loads(path: str, longest: int = LONGEST_ROW) -> Loads:
    """The records of one file; `line` counts from 1 (rows, in Parquet). One of more than `longest`
    bytes cannot be loaded, and is never held in memory.

    Raises:
        OSError, EOFError, ValueError: the file, or the rest of it, cannot be read.
    """
    with unpacked(path) as stream:
        head = _head(stream)
        if head.startswith(b"PAR1"):
            yield from _parquet(stream, longest)
        elif head.startswith(b"["):
            yield from _values(stream, longest, array=True)
        elif head.strip() == b"{":  # indented objects, one after another
            yield from _values(stream, longest, array=False)
        else:
            yield from _lines(stream, longest)


def _head(stream: io.BufferedReader) -> bytes:
    """The first line that is not blank, left in the stream."""
    return stream.peek(_CHUNK).removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]


def _lines(stream: io.BufferedReader, longest: int) -> Loads:
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        if len(line) > longest:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_CHUNK)
            yield number, partial(_refused, longest)
        elif line.strip():
            yield number, partial(_parsed, line)


def _refused(longest: int) -> object:
    raise ValueError(_too_long(longest))


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("not readable as JSON: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not readable as JSON: {error}") from None


def _values(stream: io.BufferedReader, longest: int, array: bool) -> Loads:
    """The elements of one JSON array, or JSON objects one after another over several lines."""
    text = _Text(stream, longest)
    text.skip(_BLANK)
    if array:
        text.drop(1)
    while True:
        text.skip(_BETWEEN if array else _BLANK)
        if array and text.next() == "]":
            text.drop(1)
            text.skip(_BLANK)
            if text.next():
                raise ValueError("something follows the end of the array")
            return
        if not text.next():
            if array:
                raise ValueError("the array has no end")
            return
        line = text.line
        value = text.value()
        yield line, partial(_same, value)


def _same(value: object) -> object:
    return value


class _Text:
    """A growing window over a stream of JSON, which knows its line."""

    def __init__(self, stream: io.BufferedReader, longest: int) -> None:
        self.line = 1
        self._stream, self._longest = stream, longest
        self._text = ""
        self._at = 0
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decoder = json.JSONDecoder()

    def skip(self, what: re.Pattern[str]) -> None:
        """Moves past all that matches, reading on as needed."""
        while True:
            match = what.match(self._text, self._at)
            end = match.end() if match else self._at
            self.drop(end - self._at)
            if self._at < len(self._text) or not self._more(_CHUNK):
                return

    def next(self) -> str:
        """The next character, empty at the end."""
        return self._text[self._at : self._at + 1]

    def drop(self, count: int) -> None:
        """Moves on by `count` characters of the window."""
        self.line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def value(self) -> object:
        """The JSON value that begins here.

        Raises:
            ValueError: it is broken; there is no telling where the next one begins.
        """
        size = _CHUNK
        while True:
            if len(self._text) - self._at > self._longest + _CHUNK:
                raise ValueError(_too_long(self._longest))
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # not whole yet, as far as can be told? then read on, twice as much each time
                cut = "Unterminated" in error.msg or error.pos >= len(self._text) - 16
                if cut and self._more(size):
                    size *= 2
                    continue
                raise ValueError(f"not readable as JSON: {error.msg}") from None
            except RecursionError:
                raise ValueError("not readable as JSON: nested too deeply") from None
            if end == len(self._text) and self._more(size):
                continue  # a number may go on
            self.drop(end - self._at)
            return value

    def _more(self, size: int) -> bool:
        """Reads on; false at the end. What was passed over is let go."""
        data = self._stream.read(size)
        fresh = self._decode(data, final=not data)
        self._text = self._text[self._at :] + fresh
        self._at = 0
        return bool(data)


def _parquet(stream: io.BufferedReader, longest: int) -> Loads:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        file = pq.ParquetFile(stream)
        for group in range(file.num_row_groups):
            about = file.metadata.row_group(group)
            mean = about.total_byte_size // max(1, about.num_rows) + 1
            size = max(1, min(1024, _BATCH // mean))
            for batch in file.iter_batches(batch_size=size, row_groups=[group]):
                for at in range(batch.num_rows):
                    row += 1
                    yield row, partial(_picked, batch, at, longest)
    except pa.ArrowException as error:
        raise ValueError(f"not readable as Parquet: {error}") from error


def _picked(batch: Any, at: int, longest: int) -> object:
    one = batch.slice(at, 1)
    if one.nbytes > longest:
        raise ValueError(_too_long(longest))
    [record] = one.to_pylist()
    return {name: _as_written(value, one.schema.field(name).type) for name, value in record.items()}


def _as_written(value: Any, kind: Any) -> Any:
    """A value of Arrow's: a number of 32 bits as it was written (0.1), not as 64 bits have it."""
    import numpy as np
    import pyarrow as pa

    if value is None:
        return None
    if pa.types.is_float32(kind):
        return float(str(np.float32(value)))
    if pa.types.is_struct(kind):
        return {name: _as_written(inner, kind.field(name).type) for name, inner in value.items()}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_as_written(inner, kind.value_type) for inner in value]
    return value


def _too_long(longest: int) -> str:
    return f"a row longer than {longest} bytes (setting longest_row)"
