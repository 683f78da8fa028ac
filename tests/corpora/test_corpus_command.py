"""`tutelage corpus`, as a person calls it."""

import json
from pathlib import Path

import pytest

from tutelage.cli import main
from tutelage.records import Verdict


def call(*args: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["corpus", *map(str, args)])
    return int(ended.value.code or 0)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list", "--json") == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert {"starter", "reasoning-gym", "gsm8k", "svamp", "generic", "lic"} <= names
    assert call("list") == 0


def test_show_marks_what_is_privileged(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", "starter", "--limit", 2) == 0
    out = capsys.readouterr().out
    assert out.count("privileged answer:") == 2 and "The answer is" in out


def test_make_then_check_then_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, shards = tmp_path / "made.jsonl", tmp_path / "deep" / "shards.jsonl"
    assert call("make", "starter", "--size", 12, "--seed", 4, "--out", made) == 0
    assert len(made.read_text().splitlines()) == 12
    capsys.readouterr()
    assert call("check", made, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gold correct"] == told["mutant incorrect"] == 12 and told["failures"] == []
    assert call("shard", made, "--out", shards) == 0
    rows = [json.loads(line) for line in shards.read_text().splitlines()]
    assert len(rows) == 12 and all(len(row["shards"]) >= 2 for row in rows)
    assert not list(tmp_path.glob("**/*.partial"))


def test_check_fails_on_a_gold_that_does_not_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"statement": "a?", "answer": "4"}, {"statement": "b?"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert call("check", path) == 0
    assert "no problem: no-answer 1" in capsys.readouterr().out
    for status, said in (("incorrect", "gold judged incorrect"), ("correct", "mutant judged")):
        verdict = Verdict(status, reason="two\nlines")  # type: ignore[arg-type]
        monkeypatch.setattr("tutelage.verifiers.VerifierPool.verify", lambda *_, v=verdict: v)
        assert call("check", path) == 1
        out = capsys.readouterr().out
        assert said in out and "row 0 " in out and "two lines" in out


def test_check_with_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"q": "a?", "gold": {"value": 4}}))
    assert call("check", path) == 2
    assert call("check", path, "--map", "statement=q,answer=gold.value") == 0


@pytest.mark.parametrize(
    "args",
    [
        ("show", "none.jsonl"),
        ("check", "startr"),
        ("make", "starter", "--out", "/dev/null/x"),
        ("make", "pyproject.toml", "--size", 3, "--out", "x"),
        ("show", "starter", "--map", "statement"),
        ("show", "starter", "--limit", 0),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    args: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*args) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_cannot_be_cut_is_status_1(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"statement": "How many?", "answer": "4"}))
    assert call("shard", path, "--out", tmp_path / "out.jsonl") == 1


def test_every_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ((), ("list",), ("show",), ("check",), ("make",), ("shard",)):
        assert call(*name, "--help") == 0
        assert "Example: tutelage corpus" in capsys.readouterr().out
