"""Sketches: what deduplication keeps of a document instead of its text, and how they are made.

A `Sketches` holds many documents in a few flat arrays: a digest of the normalised text (16 bytes),
a key per band (84 bytes at the defaults) and the hashes of its shingles (4 bytes for each distinct
one, about as many as the text has words). A Beam step passes on blocks of it, and one worker
gathers them; the text itself is not moved. The signature (512 bytes) is not kept: after banding,
verification reads the shingles, which are exact.

`pairs` finds the duplicates.
"""

import hashlib
import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.dedup import small_inputs
from tutelage.dedup.scheme import Scheme, permutations
from tutelage.dedup.words import encode, spread
from tutelage.errors import OutputError

Id = str | int
Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint32]
Bounds = npt.NDArray[np.int64]

_BLOCK = 2_000
"""Documents per block: arrays of a few megabytes, which fit into the processor's cache."""

_LOWER = np.arange(256, dtype=np.uint8)
_LOWER[65:91] += 32
_SPACE = np.zeros(256, np.uint8)
_SPACE[[*range(9, 14), *range(28, 33)]] = 1  # the ASCII characters at which str.split splits
_LOWER[_SPACE > 0] = 32


@dataclass(frozen=True, slots=True, eq=False)
class Sketches:
    """n documents, ready to be compared."""

    ids: list[Id]
    """All of one type, without repetition."""
    digests: Bytes
    """uint8 [n, 16]: equal if the normalised texts are."""
    keys: Hashes
    """uint32 [n, bands]."""
    shingles: Hashes
    """uint32: the sorted, distinct shingle hashes of each document, one document after another."""
    bounds: Bounds
    """int64 [n + 1]: document d has `shingles[bounds[d]:bounds[d + 1]]`."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def size(self) -> int:
        """Size of the arrays in bytes (ids not counted)."""
        return sum(part.nbytes for part in (self.digests, self.keys, self.shingles, self.bounds))

    def only(self, places: Sequence[int]) -> "Sketches":
        """The documents at the positions `places`, in that order."""
        bounds = self.bounds
        parts = [self.shingles[bounds[i] : bounds[i + 1]] for i in places]
        cuts = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(run) for run in parts], out=cuts[1:])
        return Sketches(
            [self.ids[i] for i in places],
            self.digests[places],
            self.keys[places],
            np.concatenate(parts) if parts else self.shingles[:0],
            cuts,
        )

    @classmethod
    def concat(cls, blocks: Iterable["Sketches"], scheme: Scheme) -> "Sketches":
        """Concatenates blocks in the given order. Holds each block only until it is copied.

        Keys and shingles, the largest part, go to unnamed memory-mapped files; see `let_go`.

        Raises:
            OutputError: the folder for temporary files is full.
        """
        ids: list[Id] = []
        digests, keys = Grown(np.uint8), _Mapped(np.uint32)
        shingles, sizes = _Mapped(np.uint32), Grown(np.int64)
        for block in blocks:
            ids += block.ids
            digests.add(block.digests.ravel())
            keys.add(block.keys.ravel())
            shingles.add(block.shingles)
            sizes.add(np.diff(block.bounds))
        bounds = np.zeros(len(ids) + 1, np.int64)
        np.cumsum(sizes.done(), out=bounds[1:])
        return cls(
            ids,
            digests.done().reshape(-1, 16),
            keys.done().reshape(-1, scheme.bands),
            shingles.done(),
            bounds,
        )


class Grown:
    """A flat array that grows in place, so that concatenation never holds all parts twice."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._data = np.empty(1024, kind)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, part: npt.NDArray[Any]) -> None:
        """Appends `part`."""
        end = self._size + len(part)
        if end > len(self._data):
            self._data.resize(max(end, len(self._data) * 9 // 8), refcheck=False)
        self._data[self._size : end] = part
        self._size = end

    def done(self) -> npt.NDArray[Any]:
        """The finished array; nothing can be appended any more."""
        self._data.resize(self._size, refcheck=False)
        return self._data


class _Mapped:
    """A flat array in an unnamed file."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = np.dtype(kind)
        self._size = 0
        with _writing():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed by `done`

    def add(self, part: npt.NDArray[Any]) -> None:
        with _writing():
            self._file.write(np.ascontiguousarray(part).data)
        self._size += len(part)

    def done(self) -> npt.NDArray[Any]:
        with self._file, _writing():
            self._file.flush()
            if not self._size:
                return np.empty(0, self._kind)
            # Writable, though nothing writes to it: the kernels are compiled for writable arrays.
            mapped = np.memmap(self._file, self._kind, mode="c", shape=(self._size,))
        return mapped.view(np.ndarray)


def let_go(array: npt.NDArray[Any]) -> None:
    """Releases the memory of a mapped array; it is read again when needed."""
    base: Any = array
    while isinstance(base, np.ndarray):  # follows views to the memory map
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write to {tempfile.gettempdir()}: {error.strerror or error}; free space there, "
            "or name another folder by TMPDIR"
        ) from error


def shingles(text: str, scheme: Scheme) -> Hashes:
    """The sorted, distinct hashes of a text's shingles; none for an empty text.

    A shingle is `scheme.shingle` words (`words.spread`) joined by spaces; its hash is XXH32 of
    their UTF-8. A text with fewer words is one shingle.
    """
    return shingle_sets([text], scheme)[0]


def shingle_sets(texts: Sequence[str], scheme: Scheme) -> tuple[Hashes, Bounds]:
    """`shingles` of many texts: those of text d are `values[bounds[d]:bounds[d + 1]]`."""
    shingled = _shingle(texts, scheme)
    return shingled.hashes, shingled.bounds


def sign(texts: Sequence[str], scheme: Scheme) -> Hashes:
    """MinHash signatures, uint32 [n, num_perm].

    Identical to datasketch's: `MinHash.bulk(shingles, num_perm=…, seed=…,
    hashfunc=xxhash.xxh32_intdigest)`, where shingles are the UTF-8 of each text's word runs.
    """
    return _signatures(_shingle(texts, scheme), scheme)


def sketch(ids: Sequence[Id], texts: Sequence[str], scheme: Scheme) -> Sketches:
    """A block of sketches. Most efficient with some hundred documents or more."""
    if len(ids) != len(texts):
        raise ValueError(f"wanted as many ids as texts, got {len(ids)} and {len(texts)}")
    shingled = _shingle(texts, scheme)
    digests = b"".join(
        [hashlib.blake2b(text, digest_size=16).digest() for text in shingled.normalised]
    )
    return Sketches(
        list(ids),
        np.frombuffer(digests, np.uint8).reshape(-1, 16),
        band_keys(_signatures(shingled, scheme), scheme),
        shingled.hashes,
        shingled.bounds,
    )


def band_keys(signatures: Hashes, scheme: Scheme) -> Hashes:
    """One hash per band of each signature, uint32 [n, bands]."""
    n, bands, rows = len(signatures), scheme.bands, scheme.rows
    minima = np.ascontiguousarray(signatures[:, : bands * rows].T).reshape(bands, rows, n)
    keys = np.repeat(np.arange(bands, dtype=np.uint32)[:, None], n, axis=1)
    for row in range(rows):
        keys += minima[:, row]
        _mix(keys)
    return np.ascontiguousarray(keys.T)


def _mix(hashes: Hashes) -> None:
    """MurmurHash3's finaliser, in place."""
    hashes ^= hashes >> np.uint32(16)
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    hashes *= np.uint32(0xC2B2AE35)
    hashes ^= hashes >> np.uint32(16)


def sketch_all(
    documents: Iterable[tuple[Id, str]], scheme: Scheme, threads: int = 1
) -> Iterator[Sketches]:
    """Blocks of sketches of a stream, in its order, with any number of threads."""
    stream = iter(documents)
    blocks = iter(lambda: list(islice(stream, _BLOCK)), [])

    def work(block: list[tuple[Id, str]]) -> Sketches:
        return sketch([name for name, _ in block], [text for _, text in block], scheme)

    if threads == 1:
        yield from map(work, blocks)
        return
    with ThreadPoolExecutor(threads) as pool:
        while batch := list(islice(blocks, threads * 2)):
            yield from pool.map(work, batch)


@dataclass(frozen=True, slots=True)
class _Shingled:
    """Texts as their shingles."""

    normalised: Sequence[bytes | memoryview]
    """UTF-8 of each text."""
    hashes: Hashes
    """Each text's distinct hashes, sorted, one text after another."""
    bounds: Bounds
    """int64 [n + 1]: the start of each text's hashes."""
    few: bool
    """Whether it was computed without compiled kernels; then the rest is too."""


def _shingle(texts: Sequence[str], scheme: Scheme) -> _Shingled:
    if small_inputs.suffices(sum(map(len, texts))):
        return _Shingled(*small_inputs.shingle(texts, scheme.shingle), True)
    from tutelage.dedup import minhash_kernels as kernels

    # Most texts are ASCII; for those the kernel does the same as `spread`.
    parts = [text.encode() if text.isascii() else encode(spread(text)) for text in texts]
    bounds = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=bounds[1:])
    source = np.frombuffer(b"".join(parts), np.uint8)
    text, ends, hashes, offsets = kernels.shingle(source, bounds, scheme.shingle, _LOWER, _SPACE)
    view = memoryview(text.data)
    normalised = [view[begin:end] for begin, end in pairwise(ends.tolist())]
    return _Shingled(normalised, *kernels.distinct(hashes, offsets), False)


def _signatures(shingled: _Shingled, scheme: Scheme) -> Hashes:
    if shingled.few:
        return small_inputs.signatures(shingled.hashes, shingled.bounds, scheme)
    from tutelage.dedup import minhash_kernels as kernels

    a, b = permutations(scheme.num_perm, scheme.seed)
    minima: Hashes = kernels.signatures(shingled.hashes, shingled.bounds, a, b)
    return minima
