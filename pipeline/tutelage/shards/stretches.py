"""A journal as machines elsewhere read it: file by file and stretch by stretch, and no copy stays."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tutelage.shards.folder import near
from tutelage.shards.journal import FULL, Span, files
from tutelage.storage import Location, Remote


def texts(file: Location, wanted: Iterable[Span]) -> Iterator[bytes]:
    """The rows of one file that lie there, as JSON."""
    with io.BytesIO(file.read_bytes()) if isinstance(file, Remote) else file.open("rb") as stream:
        for _, offset, length in wanted:
            stream.seek(offset)
            yield stream.read(length)


@contextmanager
def at_hand(file: Location) -> Iterator[None]:
    """While entered, `entries` and `fetch` may copy the file to this machine; then the copy goes."""
    try:
        yield
    finally:
        if isinstance(file, Remote):
            near(file).unlink(missing_ok=True)


def size(folder: Location) -> int:
    """Bytes of the journal, about: the objects of a store are taken for full."""
    if isinstance(folder, Remote):
        return FULL * len(files(folder))
    return sum(file.stat().st_size for file in folder.glob("*.jsonl"))
