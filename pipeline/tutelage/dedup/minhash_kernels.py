"""From bytes of text to MinHash signatures: inner loops, compiled by numba.

Each kernel takes and returns flat arrays, holds no Python object and releases the GIL, so threads
can divide the documents. Letters: n documents, s shingle hashes, K permutations.

`sketches` gives the numbers their meaning; `small_inputs` handles texts too few to be worth
compiling.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

F = TypeVar("F", bound=Callable[..., Any])
Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint32]
Bounds = npt.NDArray[np.int64]

_P1, _P2, _P3 = np.uint32(2654435761), np.uint32(2246822519), np.uint32(3266489917)
_P4, _P5 = np.uint32(668265263), np.uint32(374761393)
_M1, _M2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_MOST = np.uint32(0xFFFFFFFF)
_U = np.uint32
_AT = np.uint64
"""Index type of the hottest loops: numba then skips the check for negative indices."""
_TINY = 40
"""Up to this many hashes, insertion sort alone is fastest."""


def compiled(function: F) -> F:
    """Compiles at the first call; caches the result on disk if possible."""
    try:
        kernel: F = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # neither the package's folder nor a cache folder can be written
        kernel = numba.njit(function, nogil=True)
    return kernel


@compiled
def _mul(x: Any, y: Any) -> Any:
    return _U(_U(x) * _U(y))


@compiled
def _rotl(x: Any, by: int) -> Any:
    return _U((_U(x) << _U(by)) | (_U(x) >> _U(32 - by)))


@compiled
def _word(data: Any, i: int) -> Any:
    """Four bytes starting at `i`, little-endian."""
    low = _U(data[_AT(i)]) | (_U(data[_AT(i + 1)]) << _U(8))
    return _U(low | (_U(data[_AT(i + 2)]) << _U(16)) | (_U(data[_AT(i + 3)]) << _U(24)))


@compiled
def _fmix(h: Any) -> Any:
    """MurmurHash3's finaliser, with which datasketch mixes every hash before permuting it."""
    h = _mul(h ^ (h >> _U(16)), _M1)
    h = _mul(h ^ (h >> _U(13)), _M2)
    return _U(h ^ (h >> _U(16)))


@compiled
def _xxh32(data: Any, i: int, end: int) -> Any:
    """XXH32 with seed 0 of `data[i:end]`."""
    size = end - i
    if size >= 16:
        v1, v2, v3, v4 = _U(_P1 + _P2), _P2, _U(0), _U(_U(0) - _P1)
        while i <= end - 16:
            v1 = _mul(_rotl(v1 + _mul(_word(data, i), _P2), 13), _P1)
            v2 = _mul(_rotl(v2 + _mul(_word(data, i + 4), _P2), 13), _P1)
            v3 = _mul(_rotl(v3 + _mul(_word(data, i + 8), _P2), 13), _P1)
            v4 = _mul(_rotl(v4 + _mul(_word(data, i + 12), _P2), 13), _P1)
            i += 16
        h = _U(_rotl(v1, 1) + _rotl(v2, 7) + _rotl(v3, 12) + _rotl(v4, 18))
    else:
        h = _P5
    h = _U(h + _U(size))
    while i <= end - 4:
        h = _mul(_rotl(h + _mul(_word(data, i), _P3), 17), _P4)
        i += 4
    while i < end:
        h = _mul(_rotl(h + _mul(data[i], _P5), 11), _P1)
        i += 1
    h = _mul(h ^ (h >> _U(15)), _P2)
    h = _mul(h ^ (h >> _U(13)), _P3)
    return _U(h ^ (h >> _U(16)))


@compiled
def _flatten(
    source: Bytes, bounds: Bounds, lower: Bytes, space: Bytes, text: Bytes, ends: Bounds
) -> tuple[Bounds, Bounds]:
    """Lower case and single spaces. Returns the ends of words in `text`, and the words of each text."""
    n = len(bounds) - 1
    word_ends = np.empty(len(source) // 2 + n + 1, np.int64)
    words = np.empty(n, np.int64)
    position = 0
    word = 0
    for d in range(n):
        first_word = word
        begin = position
        before: Any = 1
        for i in range(bounds[d], bounds[d + 1]):
            byte = source[_AT(i)]
            blank: Any = np.int64(space[byte])
            # No branch: a branch per byte would be mispredicted once per word.
            word_ends[_AT(word)] = position
            word += blank & (1 - before)
            text[_AT(position)] = lower[byte]
            position += 1 - (blank & before)
            before = blank
        if before == 0:
            word_ends[_AT(word)] = position
            word += 1
        elif position > begin:
            position -= 1
        ends[d + 1] = position
        words[d] = word - first_word
    return word_ends, words


@compiled
def _hash_runs(
    text: Bytes, ends: Bounds, word_ends: Bounds, words: Bounds, size: int
) -> tuple[Hashes, Bounds]:
    """One hash for each run of `size` words; the whole text if it has fewer."""
    n = len(words)
    offsets = np.zeros(n + 1, np.int64)
    for d in range(n):
        runs = words[d] - size + 1 if words[d] >= size else min(words[d], 1)
        offsets[d + 1] = offsets[d] + runs
    hashes = np.empty(offsets[n], np.uint32)
    out = 0
    word = 0
    for d in range(n):
        if 0 < words[d] < size:
            hashes[out] = _xxh32(text, ends[d], ends[d + 1])
            out += 1
        for run in range(words[d] - size + 1):
            begin = ends[d] if run == 0 else word_ends[word + run - 1] + 1
            hashes[out] = _xxh32(text, begin, word_ends[word + run + size - 1])
            out += 1
        word += words[d]
    return hashes, offsets


def shingle(
    source: Bytes, bounds: Bounds, size: int, lower: Bytes, space: Bytes
) -> tuple[Bytes, Bounds, Hashes, Bounds]:
    """Normalised texts and their shingle hashes, in text order, with repetitions.

    `source[bounds[d]:bounds[d + 1]]` is text d: unchanged ASCII, or normalised UTF-8. Returns text
    (uint8), its ends (int64 [n + 1]), hashes (uint32 [s]), offsets (int64 [n + 1]).
    """
    text = np.empty(len(source) + 1, np.uint8)
    ends = np.zeros(len(bounds), np.int64)
    word_ends, words = _flatten(source, bounds, lower, space, text, ends)
    hashes, offsets = _hash_runs(text, ends, word_ends, words, size)
    return text, ends, hashes, offsets


@compiled
def distinct(hashes: Hashes, offsets: Bounds) -> tuple[Hashes, Bounds]:
    """Each document's distinct hashes, sorted."""
    n = len(offsets) - 1
    kept = np.empty(len(hashes), np.uint32)
    bounds = np.zeros(n + 1, np.int64)
    counts = np.empty(1 << 16, np.int64)
    buffer = np.empty(1, np.uint32)
    out = 0
    for d in range(n):
        begin = offsets[d]
        size = offsets[d + 1] - begin
        if size > len(buffer):
            buffer = np.empty(2 * size, np.uint32)
        # Hashes are evenly distributed: a bucket sort by their top bits leaves them nearly sorted.
        bits = 0
        while size > _TINY and (1 << bits) < size and bits < 16:
            bits += 1
        if bits == 0:
            for i in range(size):
                buffer[i] = hashes[begin + i]
        else:
            shift = _U(32 - bits)
            counts[: 1 << bits] = 0
            for i in range(begin, begin + size):
                counts[hashes[i] >> shift] += 1
            total = 0
            for b in range(1 << bits):
                total += counts[b]
                counts[b] = total
            for i in range(begin, begin + size):
                b = hashes[i] >> shift
                counts[b] -= 1
                buffer[counts[b]] = hashes[i]
        for i in range(1, size):
            value = buffer[i]
            j = i - 1
            while j >= 0 and buffer[j] > value:
                buffer[j + 1] = buffer[j]
                j -= 1
            buffer[j + 1] = value
        for i in range(size):
            if i == 0 or buffer[i] != buffer[i - 1]:
                kept[out] = buffer[i]
                out += 1
        bounds[d + 1] = out
    return kept[:out].copy(), bounds


@compiled
def signatures(hashes: Hashes, offsets: Bounds, a: Hashes, b: Hashes) -> Hashes:
    """MinHash signatures, uint32 [n, K]; all ones for a document without shingles."""
    n = len(offsets) - 1
    minima = np.empty((n, len(a)), np.uint32)
    longest = 0
    for d in range(n):
        longest = max(longest, offsets[d + 1] - offsets[d])
    mixed = np.empty(longest, np.uint32)
    for d in range(n):
        size = offsets[d + 1] - offsets[d]
        for i in range(size):
            mixed[i] = _fmix(hashes[offsets[d] + i])
        for k in range(len(a)):
            least = _MOST
            factor, term = a[k], b[k]
            for i in range(size):
                least = min(least, _U(_mul(factor, mixed[i]) + term))
            minima[d, k] = least
    return minima
