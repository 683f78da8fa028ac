"""A journal changed by a disk, a power cut or a person: damage costs only the damaged lines."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from builders import finished
from tutelage import contract, settings
from tutelage.flow import run
from tutelage.session import mending
from tutelage.shards import Damage, Journal, RunFolder, entries, fetch
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
def test_a_damaged_line_costs_only_its_own_dialogue(tmp_path: Path, change: str, nth: int) -> None:
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


def test_a_last_line_cut_short_by_a_kill_is_not_damage(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes()[:-30])
    damage: list[Damage] = []
    assert [entry.key for entry in entries(file, damage.append)] == ["a", "b"]
    assert damage == []


def test_lines_without_checksums_are_read(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(re.sub(rb"(?m)^(\w\tkept\t)[0-9a-f]{8}\t", rb"\1", file.read_bytes()))
    assert [entry.key for entry in entries(file)] == KEYS
    assert next(fetch(entry.span for entry in entries(file)))["dialogue_id"] == "a"


def test_a_run_continues_after_damage_and_reports_it(tmp_path: Path) -> None:
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


def test_a_line_of_another_run_is_set_aside(tmp_path: Path) -> None:
    file = written(tmp_path)
    quoting = {**ROW, "dialogue_id": "d", "run_id": "another", "statement": 'say "run_id":"a-run"'}
    journal = Journal(tmp_path)
    journal.append("d", "kept", quoting)
    journal.close()
    foreign = next(path for path in files(tmp_path) if path != file)
    damage: list[Damage] = []
    own = done(tmp_path, damage.append, "a-run")
    assert [key in own for key in [*KEYS, "d"]] == [True, True, True, False]
    assert [(each.file, each.offset) for each in damage] == [(str(foreign), 0)]
    assert "another run" in damage[0].reason
    assert "d" in done(tmp_path)


SPLIT = {"train": 0.6, "validation": 0.4}


def halves(limit: int) -> settings.Settings:
    return settings.load(
        corpora=("starter?size=40",),
        student__engine="scripted",
        teacher__engine="scripted",
        splits__ratios=SPLIT,
        limit=limit,
    )


def moved(text: str) -> str:
    """The same JSON with one dialogue in the other split."""
    record = json.loads(text)
    record["validation"].append(record["train"].pop())
    return json.dumps(record)


DAMAGED_SPLITS = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "zeros": lambda text: "\0" * len(text),
    "a list": lambda text: "[]",
    "another word": moved,
    "no lists": lambda text: '{"train": 3}',
    "nested": lambda text: "[" * 100_000,
}


@pytest.fixture(scope="module")
def split_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("split") / "run"
    run(halves(20), str(out))
    return out


@pytest.mark.parametrize("change", DAMAGED_SPLITS)
def test_damaged_splits_are_rebuilt_from_the_shards(
    tmp_path: Path, split_run: Path, change: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(split_run, out)
    before = (out / "splits.json").read_text()
    (out / "splits.json").write_text(DAMAGED_SPLITS[change](before))
    spoken: list[str] = []
    mending.mend(RunFolder(out), spoken.append)
    assert json.loads((out / "splits.json").read_text()) == json.loads(before)
    assert len(spoken) == 1 and "rebuilt" in spoken[0]
    spoken.clear()
    mending.mend(RunFolder(out), spoken.append)
    assert spoken == []


def test_a_run_with_damaged_splits_goes_on_with_the_same_ones(
    tmp_path: Path, split_run: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(split_run, out)
    before = json.loads((out / "splits.json").read_text())
    (out / "splits.json").write_bytes(b"\0\0\0")
    run(halves(40), str(out))
    after = json.loads((out / "splits.json").read_text())
    assert all(set(before[name]) <= set(after[name]) for name in SPLIT)


def test_splits_beyond_repair_are_drawn_anew(tmp_path: Path, split_run: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(split_run, out)
    (out / "splits.json").write_text("{")
    for shard in (out / "shards").rglob("*.parquet"):
        shard.write_bytes(b"no parquet")
    spoken: list[str] = []
    mending.mend(RunFolder(out), spoken.append)
    assert not (out / "splits.json").exists()
    assert "anew" in spoken[0]
    assert run(halves(20), str(out))["balance"]["kept"] == 20


DAMAGED_INPUTS = {
    "cut": lambda text: text[: len(text) // 2],
    "zeros": lambda text: "\0" * 50,
    "another number": lambda text: text.replace('"rows": 20', '"rows": 21'),
    "another type": lambda text: "17",
    "no number": lambda text: '{"rows": "many"}',
}


@pytest.mark.parametrize("change", DAMAGED_INPUTS)
def test_a_damaged_record_of_the_input_is_said_and_written_anew(
    tmp_path: Path, split_run: Path, change: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(split_run, out)
    file = out / "journal" / "input.json"
    before = file.read_text()
    file.write_text(DAMAGED_INPUTS[change](before))
    assert file.read_text() != before
    spoken: list[str] = []
    mending.mend(RunFolder(out), spoken.append)
    assert len(spoken) == 1 and "input.json is damaged" in spoken[0]
    run(halves(20), str(out))
    assert file.read_text() == before
