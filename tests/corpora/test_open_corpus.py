"""Opening corpora: what a spec may be, and what a person is told when it is wrong."""

import json
import pickle
from pathlib import Path

import pytest

from tutelage.corpora import FORMATS, GENERATORS, load, open_corpus
from tutelage.errors import CorpusError

GSM = {"question": "What is 1 + 1?", "answer": "1 + 1 = <<1+1=2>>2\n#### 2"}


@pytest.fixture
def gsm(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.jsonl"
    path.write_text(json.dumps(GSM) + "\n")
    return path


def test_every_name_in_the_tables_loads() -> None:
    for name in FORMATS:
        form = load(name, FORMATS, "format")()
        assert form.name == name and form.reads and not form.fits({})
        assert pickle.loads(pickle.dumps(form)) == form
    for name in GENERATORS:
        assert callable(load(name, GENERATORS, "generator").open)


def test_a_path_a_glob_a_forced_format_and_a_dotted_one(gsm: Path) -> None:
    dotted = "tutelage.corpora.gsm8k:Gsm8k"
    ids = {
        next(open_corpus(spec, format=form).rows()).problem.problem_id  # type: ignore[union-attr]
        for spec, form in (
            (str(gsm), ""),
            (str(gsm.parent / "*.jsonl"), ""),
            (f"gsm8k={gsm}", ""),
            (f"{dotted}={gsm}", ""),
            (str(gsm), "gsm8k"),
            (str(gsm), dotted),
        )
    }
    assert len(ids) == 1


def test_a_glob_is_sorted_and_counts_on_over_its_files(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        rows = [{"statement": f"{name}{n}?", "answer": n} for n in range(3)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = str(tmp_path / "*.jsonl")
    rows = list(open_corpus(spec).rows())
    assert [row.index for row in rows] == list(range(9))
    assert [row.problem.statement for row in rows if row.problem] == [
        f"{name}{n}?" for name in "abc" for n in range(3)
    ]
    assert all(row.source == spec for row in rows)


def test_a_url_is_read_through_fsspec() -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://room/tiny.jsonl", "w") as stream:
        stream.write(json.dumps(GSM))
    for spec in ("memory://room/tiny.jsonl", "memory://room/*.jsonl"):
        rows = list(open_corpus(spec).rows())
        assert [row.problem.gold.value for row in rows if row.problem] == ["2"]
    with pytest.raises(CorpusError, match="nothing lies at"):
        open_corpus("memory://room/none.jsonl")


def test_a_generator_of_ones_own_is_named_by_its_dotted_name() -> None:
    corpus = open_corpus("tutelage.corpora.starter:Starter?size=2")
    assert len(list(corpus.rows())) == 2


def test_a_file_named_like_a_forced_format_is_a_file(
    gsm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gsm.parent)
    gsm.rename("year=2024.jsonl")
    assert len(list(open_corpus("year=2024.jsonl").rows())) == 1


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("none.jsonl", "there is no file 'none.jsonl'"),
        ("startr", "the nearest is 'starter'"),
        ("*.none", "no file matches"),
        ("folder", "is a folder"),
        ("gsm8q=tiny.jsonl", "the nearest is 'gsm8k'"),
        ("nothing.like:This=tiny.jsonl", "cannot be loaded"),
        ("starter?sise=5", "the nearest is 'size'"),
        ("starter?size=many", "whole number"),
        ("starter:more", "options only"),
        ("empty.jsonl", "holds no rows"),
        ("broken.jsonl", "none of the first rows"),
        ("unknown.jsonl", "of no known format (fields: colour, size)"),
        ("x" * 5000, "cannot be read"),
        ("sftp-of-nobody://a/b.jsonl", "no way to read sftp-of-nobody://"),
        ("reasoning-gym:chain_sun", "chain_sum"),
        ("reasoning-gym:chain_sum?colour=red", "refuses its options"),
    ],
)
def test_mistakes_are_one_line_that_says_what_to_do(
    spec: str, told: str, gsm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gsm.parent)
    Path("folder").mkdir()
    Path("empty.jsonl").write_text("\n \n")
    Path("broken.jsonl").write_text("{'a': 1}\n{")
    Path("unknown.jsonl").write_text('{"size": 3, "colour": "red"}')
    if spec.startswith("reasoning-gym"):
        pytest.importorskip("reasoning_gym")
    with pytest.raises(CorpusError) as caught:
        open_corpus(spec)
    assert told in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "form", "told"),
    [
        ({"statment": "question"}, "", "the nearest is 'statement'"),
        ({"statement": "quesion", "answer": "answer"}, "", "no row of"),
        ({"statement": "question"}, "gsm8k", "goes with the generic format"),
    ],
)
def test_a_wrong_mapping_is_a_mistake(
    fields: dict[str, str], form: str, told: str, gsm: Path
) -> None:
    with pytest.raises(CorpusError, match=told):
        open_corpus(str(gsm), fields, form)


def test_what_is_made_takes_no_format() -> None:
    with pytest.raises(CorpusError, match="made, not read"):
        open_corpus("starter", {"statement": "a"})
