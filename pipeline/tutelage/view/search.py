"""Searches messages for a text, ignoring case; everything else must be the same.

Case is Unicode's simple folding, letter by letter: `é` finds `É` and `σ` finds `ς`, but `ß` does
not find `ss`, a dotted capital I does not match `i`, accents count, and a letter followed by a
combining accent differs from the single precomposed character. The page of `view.static` folds
likewise.

All text is read, because any word may be searched for. Arrow reads only the leaf column that is
needed and searches a row group as if it were one text; only if that contains a match, each message
is examined.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tutelage.errors import Mistake
from tutelage.shards.reader import RowIndices
from tutelage.storage import Location, opened

_CONTENT = "messages.list.element.content"
_NONE: RowIndices = np.empty(0, np.int64)


def matches(
    files: Sequence[Location], text: str, most: int, among: RowIndices | None = None
) -> RowIndices:
    """The first `most` rows with a message that contains the text, in the order of the files.

    Args:
        files: the shards; rows are counted from 0 across all of them.
        text: what to look for.
        most: the number of rows after which the search ends.
        among: the rows to search, sorted; all if None.

    Raises:
        Mistake: the text is too long to search for.
    """
    try:
        pc.match_substring(pa.array([""]), text, ignore_case=True)
    except pa.ArrowInvalid as error:
        raise Mistake(f"cannot search for {len(text):,} characters: search for fewer") from error
    rows, count = [_NONE], 0
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        for search in [pool.submit(_in_group, *group, text) for group in _groups(files, among)]:
            matching = search.result()
            rows.append(matching if among is None else matching[np.isin(matching, among)])
            count += len(rows[-1])
            if count >= most:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    return np.concatenate(rows)[:most]


def _groups(
    files: Sequence[Location], among: RowIndices | None
) -> Iterator[tuple[Location, pq.FileMetaData, int, int]]:
    """(file, its footer, row group, its first row) of every row group with a row to search."""
    begin = 0
    for path in files:
        with opened(path) as source, pq.ParquetFile(source) as file:
            footer = file.metadata
        for group in range(footer.num_row_groups):
            end = begin + footer.row_group(group).num_rows
            if among is None or np.diff(np.searchsorted(among, [begin, end])) > 0:
                yield path, footer, group, begin
            begin = end


def _in_group(
    path: Location, footer: pq.FileMetaData, group: int, begin: int, text: str
) -> RowIndices:
    with opened(path) as source, pq.ParquetFile(source, metadata=footer) as file:
        column = file.read_row_group(group, columns=[_CONTENT], use_threads=False).column(0)
    rows = [_NONE]
    for chunk in column.chunks:
        contents: Any = pc.struct_field(chunk.flatten(), "content")
        if pc.match_substring(_joined(contents), text, ignore_case=True)[0].as_py():
            is_match = pc.match_substring(contents, text, ignore_case=True)
            parents: Any = pc.list_parent_indices(chunk).filter(is_match)
            rows.append(begin + np.unique(parents.to_numpy()))
        begin += len(chunk)
    return np.concatenate(rows)


def _joined(contents: Any) -> Any:
    """All texts as one, without a copy. A match may lie across the border of two."""
    _, offsets, data = contents.buffers()
    ends = np.frombuffer(offsets, np.int32)[[contents.offset, contents.offset + len(contents)]]
    return pa.StringArray.from_buffers(1, pa.py_buffer(ends), data)
