"""JSON lines, JSON arrays and Parquet as streams of records; no file is read into memory as a
whole.

The type of a file is detected from its content: `svamp.json` may well be JSON lines. Each container
yields (line, load) pairs; `load()` returns the record or raises ValueError. A reader that needs
every eighth row thus parses no others, if the container allows it: lines and Parquet do, an array
has to be parsed in order. If the iteration itself raises, the rest of the file is lost.

Uncompressed lines and Parquet can be read from the middle: `cuts` says where, so that several
workers can share a large file. One worker reads an array or a compressed file as a whole.
"""

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tutelage.corpora.paths import is_compressed, size, unpacked
from tutelage.corpora.row import LONGEST_ROW

Load = Callable[[], object]
Loads = Iterator[tuple[int, Load]]

END = 1 << 62
"""Beyond the end of any file."""
_CHUNK = 1 << 16
_BATCH = 1 << 26
"""Approximate bytes of Parquet held in memory at a time."""
_BLANK = re.compile(r"[\s\x1e]*")
_BETWEEN = re.compile(r"[\s,]*")


def loads(path: str, longest: int = LONGEST_ROW, begin: int = 0, end: int = END) -> Loads:
    """The records of one file; `line` counts from 1 (rows, in Parquet), from where reading began.
    Loading a record of more than `longest` bytes raises; it is never held in memory.

    Args:
        path: of the file.
        longest: size limit of a record in bytes.
        begin: from `cuts`. For lines: a byte offset; lines that begin at it or later are read. For
            Parquet: the first row group.
        end: where to stop, in the same unit.

    Raises:
        OSError, EOFError, ValueError: the file, or the rest of it, cannot be read.
    """
    with unpacked(path) as stream:
        head = _head(stream)
        if head.startswith(b"PAR1"):
            yield from _parquet(stream, longest, begin, end)
        elif head.startswith(b"["):
            yield from _values(stream, longest, array=True)
        elif _is_indented(head):
            yield from _values(stream, longest, array=False)
        else:
            yield from _lines(stream, longest, begin, end)


def cuts(path: str, piece: int) -> list[tuple[int, int]]:
    """(begin, end) of each piece of a file, about `piece` bytes long; a single one if it cannot be
    cut.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    whole = [(0, END)]
    length = size(path)
    if length <= piece or is_compressed(path):
        return whole
    with unpacked(path) as stream:
        head = _head(stream)
        if head.startswith(b"PAR1"):
            begins = _groups(stream, piece)
        elif head.startswith(b"[") or _is_indented(head):
            return whole
        else:
            begins = list(range(0, length, piece))
    return list(zip(begins, [*begins[1:], END], strict=True))


def count(path: str, longest: int, begin: int, end: int, most: int = 0) -> tuple[int, int] | None:
    """(rows, lines) of a piece of a line file or Parquet file, counted without parsing; None for
    other files. If `most` is not 0, counting may stop after that many rows.

    Raises:
        OSError, EOFError, ValueError: the file cannot be read.
    """
    with unpacked(path) as stream:
        head = _head(stream)
        if head.startswith(b"["):
            return None
        if head.startswith(b"PAR1"):
            rows = sum(rows for rows, _ in _sizes(stream)[begin:end])
            return rows, rows
        if _is_indented(head):
            return None
        rows = lines = 0
        for _, line in _every_line(stream, longest, begin, end):
            lines += 1
            rows += bool(line.strip())
            if rows == most != 0:
                break
    return rows, lines


def _is_indented(head: bytes) -> bool:
    """Whether the file has JSON objects in sequence, each over several lines."""
    return head.strip() == b"{"


def _head(stream: io.BufferedReader) -> bytes:
    """The first non-blank line, without consuming the stream."""
    return stream.peek(_CHUNK).removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]


def _lines(stream: io.BufferedReader, longest: int, begin: int, end: int) -> Loads:
    for number, line in _every_line(stream, longest, begin, end):
        if len(line) > longest:
            yield number, partial(_refused, longest)
        elif line.strip():
            yield number, partial(_parsed, line)


def _every_line(
    stream: io.BufferedReader, longest: int, begin: int, end: int
) -> Iterator[tuple[int, bytes]]:
    """(number, line) of the lines that begin in the range, truncated to `longest` + 1 bytes."""
    number, at = 0, begin
    if begin:
        stream.seek(begin - 1)
        at += _skip_line(stream) - 1  # the rest of a line that begins before the range
    while at < end and (line := stream.readline(longest + 1)):
        number += 1
        at += len(line)
        if len(line) > longest and not line.endswith(b"\n"):
            at += _skip_line(stream)
        yield number, line


def _skip_line(stream: io.BufferedReader) -> int:
    """Skips to the end of the line; returns the number of bytes."""
    skipped = 0
    while line := stream.readline(_CHUNK):
        skipped += len(line)
        if line.endswith(b"\n"):
            break
    return skipped


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
    """The elements of one JSON array, or a sequence of JSON objects that span several lines."""
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
    """A growing window over a JSON stream that counts lines."""

    def __init__(self, stream: io.BufferedReader, longest: int) -> None:
        self.line = 1
        self._stream, self._longest = stream, longest
        self._text = ""
        self._at = 0
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decoder = json.JSONDecoder()

    def skip(self, what: re.Pattern[str]) -> None:
        """Moves past everything that matches, reading on as needed."""
        while True:
            match = what.match(self._text, self._at)
            end = match.end() if match else self._at
            self.drop(end - self._at)
            if self._at < len(self._text) or not self._extend(_CHUNK):
                return

    def next(self) -> str:
        """The next character; empty at the end."""
        return self._text[self._at : self._at + 1]

    def drop(self, count: int) -> None:
        """Advances by `count` characters of the window."""
        self.line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def value(self) -> object:
        """The JSON value at the current position.

        Raises:
            ValueError: it is malformed, so the start of the next one is unknown.
        """
        size = _CHUNK
        while True:
            if len(self._text) - self._at > self._longest + _CHUNK:
                raise ValueError(_too_long(self._longest))
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # If the value seems incomplete, reads on, doubling the size each time.
                cut = "Unterminated" in error.msg or error.pos >= len(self._text) - 16
                if cut and self._extend(size):
                    size *= 2
                    continue
                raise ValueError(f"not readable as JSON: {error.msg}") from None
            except RecursionError:
                raise ValueError("not readable as JSON: nested too deeply") from None
            if end == len(self._text) and self._extend(size):
                continue  # more digits of a number may follow
            self.drop(end - self._at)
            return value

    def _extend(self, size: int) -> bool:
        """Reads on and drops what was consumed; false at the end."""
        data = self._stream.read(size)
        fresh = self._decode(data, final=not data)
        self._text = self._text[self._at :] + fresh
        self._at = 0
        return bool(data)


def _parquet(stream: io.BufferedReader, longest: int, begin: int, end: int) -> Loads:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        file = pq.ParquetFile(stream)
        for group in range(begin, min(end, file.num_row_groups)):
            group_metadata = file.metadata.row_group(group)
            mean = group_metadata.total_byte_size // max(1, group_metadata.num_rows) + 1
            size = max(1, min(1024, _BATCH // mean))
            for batch in file.iter_batches(batch_size=size, row_groups=[group]):
                for at in range(batch.num_rows):
                    row += 1
                    yield row, partial(_picked, batch, at, longest)
    except pa.ArrowException as error:
        raise ValueError(f"not readable as Parquet: {error}") from error


def _sizes(stream: io.BufferedReader) -> list[tuple[int, int]]:
    """(rows, bytes) of each row group. Raises `ValueError`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        contents = pq.ParquetFile(stream).metadata
    except pa.ArrowException as error:
        raise ValueError(f"not readable as Parquet: {error}") from error
    groups = [contents.row_group(number) for number in range(contents.num_row_groups)]
    return [(group.num_rows, group.total_byte_size) for group in groups]


def _groups(stream: io.BufferedReader, piece: int) -> list[int]:
    """The row groups at which pieces of `piece` bytes begin."""
    begins, filled = [0], 0
    for group, (_, length) in enumerate(_sizes(stream)):
        if filled and filled + length > piece:
            begins.append(group)
            filled = 0
        filled += length
    return begins


def _picked(batch: Any, at: int, longest: int) -> object:
    single = batch.slice(at, 1)
    if single.nbytes > longest:
        raise ValueError(_too_long(longest))
    [record] = single.to_pylist()
    return {
        name: _as_written(value, single.schema.field(name).type) for name, value in record.items()
    }


def _as_written(value: Any, kind: Any) -> Any:
    """A value from Arrow; a 32-bit float is converted by its shortest decimal form (0.1)."""
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
