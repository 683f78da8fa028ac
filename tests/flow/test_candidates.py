"""What may be played is decided alike on this machine and elsewhere, on a blank run and on a resumed
one; here both graphs are executed in this process.
"""

import json

import pytest

from runs import scripted
from tutelage.flow import beam_options, contamination, generate, reading
from tutelage.flow.execution import execute
from tutelage.flow.play import Job
from tutelage.session import provenance
from tutelage.session.inputs import open_inputs
from tutelage.shards import RunFolder, entries, fetch
from tutelage.shards.journal import files


@pytest.fixture
def problems(tmp_path, monkeypatch):
    """Two files in many blocks, with statements that come again within and between them."""
    monkeypatch.setattr(reading, "BLOCK", 300)
    rows = [{"statement": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(20)]
    lines = [json.dumps(row) for row in rows]
    again = [json.dumps(row | {"statement": row["statement"].upper()}) for row in rows[:5]]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines[3:], "", "{broken", *again, "[]"]) + "\n")
    (tmp_path / "b.jsonl").write_text("\n".join([*lines[:6], "", "{broken"]) + "\n")
    (tmp_path / "evals.jsonl").write_text(lines[8] + "\n")
    return str(tmp_path / "[ab].jsonl")


def played(root, settings, elsewhere):
    """Plays what is missing."""
    folder = RunFolder(root)
    inputs = open_inputs(settings, folder)
    folder.create()
    job = Job(
        settings,
        inputs.corpora,
        folder,
        provenance.stamp(settings),
        "a-session",
        elsewhere,
        1 << 62,
    )
    options = beam_options.parse([])
    execute(options, generate.build, job, inputs.evaluations, 3)


def told(root):
    """What the journal says of each key, in any order of work."""
    lines = [entry for file in files(RunFolder(root).journal) for entry in entries(file)]
    rows = fetch(entry.span for entry in lines)
    return sorted(
        (entry.key, entry.kind, row["statement"], row["outcome"]["reason"] or "")
        for entry, row in zip(lines, rows, strict=True)
    )


def test_here_and_elsewhere(problems, tmp_path):
    options = {
        "corpora": (problems, "starter?size=9"),
        "decontaminate__paths": (str(tmp_path / "evals.jsonl"),),
    }
    for samples, limit in ((1, 7), (1, 0), (2, 0)):
        settings = scripted(**options, limit=limit, samples=samples)
        for name in ("here", "elsewhere"):
            played(tmp_path / name, settings, name == "elsewhere")
        here = told(tmp_path / "here")
        assert told(tmp_path / "elsewhere") == here
        assert len({key for key, *_ in here}) == len(here), "nothing is played twice"
        for name in (generate.INPUT, contamination.SUMMARY):
            one, other = (
                RunFolder(tmp_path / way).read_json(name) for way in ("here", "elsewhere")
            )
            assert one == other != {}
    kinds = [kind for _, kind, *_ in here]
    assert (kinds.count("duplicate"), kinds.count("dead"), kinds.count("filtered")) == (8, 3, 1)
    assert kinds.count("kept") == 2 * (19 + 9)
    reasons = [reason for *_, reason in here]
    assert any("a.jsonl:19: not readable" in reason for reason in reasons), (
        "lines are those of a file"
    )
    before = told(tmp_path / "elsewhere")
    played(tmp_path / "elsewhere", settings, True)
    assert told(tmp_path / "elsewhere") == before
