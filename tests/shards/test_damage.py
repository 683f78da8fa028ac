"""A journal that a disk, a power cut or a hand has changed: what is wrong costs itself."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from builders import finished
from tutelage import contract, settings
from tutelage.flow import run
from tutelage.shards import Damage, Journal, entries, fetch
from tutelage.shards.journal import done, files

ROW = contract.row(finished(["It is 4", "It is 5"]), contract.Stamp("a-run"))
KEYS = ["a", "b", "c"]


def written(folder: Path) -> Path:
    journal = Journal(folder)
    for key in KEYS:
        journal.append(key, "kept", {**ROW, "dialogue_id": key})
    journal.close()
    (file,) = files(folder)
    assert isinstance(file, Path)
    return file


def garbled(line: bytes) -> bytes:
    return line[:40] + b"\xff\xfe\x00garbled" + line[50:]


CHANGES = {
    "garbled bytes": garbled,
    "zeros after a power cut": lambda line: b"\0" * (len(line) - 1) + b"\n",
    "a changed word": lambda line: line.replace(b"It is 5", b"It is 6"),
    "another kind": lambda line: line.replace(b"\tkept\t", b"\tdead\t"),
    "an unknown kind": lambda line: line.replace(b"\tkept\t", b"\tKEPT\t"),
    "another key": lambda line: b"z" + line[1:],
    "no tabs": lambda line: line.replace(b"\t", b" "),
    "half a line": lambda line: line[: len(line) // 2] + b"\n",
    "a number": lambda line: b"17\n",
    "an empty line": lambda line: b"\n",
    "a lost checksum": lambda line: re.sub(rb"\t[0-9a-f]{8}\t", b"\t00000000\t", line),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("nth", range(len(KEYS)))
def test_a_damaged_line_costs_itself(tmp_path: Path, change: str, nth: int) -> None:
    file = written(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    lines[nth] = CHANGES[change](lines[nth])
    file.write_bytes(b"".join(lines))
    damage: list[Damage] = []
    intact = list(entries(file, damage.append))
    assert [entry.key for entry in intact] == [key for key in KEYS if key != KEYS[nth]]
    assert [row["dialogue_id"] for row in fetch(e.span for e in intact)] == [e.key for e in intact]
    assert [each.offset for each in damage] == [sum(map(len, lines[:nth]))]
    assert damage[0].file == str(file) and damage[0].length == len(lines[nth])
    assert KEYS[nth] not in done(tmp_path)


def test_a_line_that_was_cut_short_by_a_kill_is_no_damage(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes()[:-30])
    damage: list[Damage] = []
    assert [entry.key for entry in entries(file, damage.append)] == ["a", "b"]
    assert damage == []


def test_lines_of_before_checksums_are_read(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(re.sub(rb"(?m)^(\w\tkept\t)[0-9a-f]{8}\t", rb"\1", file.read_bytes()))
    assert [entry.key for entry in entries(file)] == KEYS
    assert next(fetch(entry.span for entry in entries(file)))["dialogue_id"] == "a"


def test_a_run_goes_on_over_damage_and_says_so(tmp_path: Path) -> None:
    chosen = settings.load(
        corpora=("starter?size=6",), student__engine="scripted", teacher__engine="scripted"
    )
    out, calm = tmp_path / "run", tmp_path / "calm"
    run(chosen, str(calm))
    run(chosen, str(out))
    (file,) = (out / "journal").glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    lines[2], lines[4] = garbled(lines[2]), b"\0" * 50 + b"\n"
    file.write_bytes(b"".join(lines))
    manifest = run(chosen, str(out))
    assert manifest["damaged_journal_lines"] == 2
    (aside,) = (out / "rejects" / "journal").glob("*.jsonl")
    notes: list[dict[str, Any]] = [json.loads(line) for line in aside.read_text().splitlines()]
    assert [note["offset"] for note in notes] == [
        len(b"".join(lines[:2])),
        len(b"".join(lines[:4])),
    ]
    for shard in calm.rglob("shards/**/*.parquet"):
        assert (out / shard.relative_to(calm)).read_bytes() == shard.read_bytes()
