"""The Python API: the same as the command line, in a few names."""

import subprocess
import sys
from pathlib import Path

import pytest

import tutelage as tt


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tt.Run:
    return tt.generate(
        "starter",
        out=tmp_path_factory.mktemp("api") / "run",
        limit=12,
        samples=2,
        settings={"student.engine": "scripted", "teacher.engine": "scripted"},
    )


def test_every_public_name_is_there() -> None:
    assert all(hasattr(tt, name) for name in tt.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tt.nothing  # type: ignore[attr-defined]


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, tutelage; print(sorted({m.split('.')[0] for m in sys.modules}))"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert not any(name in listed for name in ("apache_beam", "pyarrow", "torch", "pydantic"))


def test_a_run_is_read_counted_and_cut(run: tt.Run, tmp_path: Path) -> None:
    assert run.manifest["balance"]["input"] == 12
    rows = list(run.rows())
    assert len(rows) == 24
    count = run.table().execute("SELECT count(*) FROM dialogues").fetchone()
    assert count == (24,)
    solved = sum(row["outcome"]["status"] == "solved" for row in rows)
    kept = run.filter(solved=True, break_groups=True, out=tmp_path / "solved")
    assert len(list(kept.rows("outcome.status = 'solved'"))) == solved == len(list(kept.rows()))
    assert tt.open_run(tmp_path / "solved") == kept
    report = kept.export("openai", tmp_path / "solved.jsonl")
    assert sum(report.rows.values()) == len((tmp_path / "solved.jsonl").read_text().splitlines())


def test_the_same_call_goes_on(run: tt.Run) -> None:
    again = tt.generate(
        "starter",
        out=run.path,
        limit=14,
        samples=2,
        settings={"student.engine": "scripted", "teacher.engine": "scripted"},
    )
    assert again.manifest["balance"]["input"] == 14


def test_mistakes_are_one_line(run: tt.Run, tmp_path: Path) -> None:
    with pytest.raises(tt.Mistake, match="not a run"):
        tt.open_run(tmp_path)
    with pytest.raises(tt.Mistake, match="studnt"):
        tt.generate("starter", out=tmp_path / "x", settings={"studnt.model": "x"})
    with pytest.raises(tt.Mistake, match="unexpected keyword argument 'solvd'"):
        run.filter(solvd=True, out=tmp_path / "y")
