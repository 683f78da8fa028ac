"""The problems that a run's contamination report names, for those who train on the run."""

import json

import pytest

from tutelage.errors import Mistake
from tutelage.shards import RunFolder
from tutelage.shards.contaminated import REPORT, marked


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_json("run.json", {})
    return folder


def test_each_problem_is_named_once(run):
    lines = [
        {"problem_id": name, "action": "mark", "ours": "a\u2028b \x85 c\nd"}
        for name in ("p-1", "p-ü", "p-1")
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    run.write_text(REPORT, text)
    assert marked(str(run.root)) == {"p-1", "p-ü"}


@pytest.mark.parametrize("text", [None, ""])
def test_a_clean_run_has_none(run, text):
    if text is not None:
        run.write_text(REPORT, text)
    assert marked(str(run.root)) == frozenset()


@pytest.mark.parametrize("text", ['{"problem_id": "p-1"', '{"row": 1}\n', "[]\n"])
def test_a_broken_report_is_a_mistake(run, text):
    run.write_text(REPORT, text)
    with pytest.raises(Mistake, match=r"contamination\.jsonl is broken"):
        marked(str(run.root))


def test_a_folder_that_is_not_a_run_is_a_mistake(tmp_path):
    with pytest.raises(Mistake, match="is not a run"):
        marked(str(tmp_path))
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / REPORT).write_bytes(b"\xff")
    with pytest.raises(Mistake, match="cannot read"):
        marked(str(tmp_path))
