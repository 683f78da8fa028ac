"""Reads the journal on remote workers, file by file, without keeping copies."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tutelage.shards.folder import near
from tutelage.shards.journal import FULL, Span, files
from tutelage.storage import Location, Remote


def texts(file: Location, spans: Iterable[Span]) -> Iterator[bytes]:
    """The rows of one file at these spans, as JSON."""
    with io.BytesIO(file.read_bytes()) if isinstance(file, Remote) else file.open("rb") as stream:
        for _, offset, length in spans:
            stream.seek(offset)
            yield stream.read(length)


@contextmanager
def at_hand(file: Location) -> Iterator[None]:
    """Context in which `entries` and `fetch` may copy the file here; removes the copy at the end."""
    try:
        yield
    finally:
        if isinstance(file, Remote):
            near(file).unlink(missing_ok=True)


def size(folder: Location) -> int:
    """Approximate size of the journal in bytes: the objects of a store are counted as full."""
    if isinstance(folder, Remote):
        return FULL * len(files(folder))
    return sum(file.stat().st_size for file in folder.glob("*.jsonl"))
