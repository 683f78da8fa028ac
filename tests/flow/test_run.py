"""The whole flow on the scripted engine: balance, resume, identity, rejects."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

import students
from tutelage import settings as settings_room
from tutelage.engines.scripted import Scripted
from tutelage.errors import (
    CorpusError,
    ModelError,
    Permanent,
    RunFailed,
    SettingsError,
    TemplateError,
)
from tutelage.flow import run
from tutelage.session import provenance
from tutelage.session.telemetry import starvation
from tutelage.shards import RunFolder, read_rows
from tutelage.shards.figures import figures


def scripted(*corpora, **options):
    return settings_room.load(
        corpora=corpora, student__engine="scripted", teacher__engine="scripted", **options
    )


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    manifest = run(scripted("starter", limit=60, samples=2, arms=("sml", "single")), str(folder))
    return folder, manifest


def test_the_balance_holds_and_says_what_the_shards_say(done):
    folder, manifest = done
    assert manifest["balance"] == {
        "input": 60,
        "kept": 60,
        "filtered": 0,
        "duplicate": 0,
        "dead": 0,
    }
    rows = list(read_rows(str(folder)))
    assert len(rows) == 240 == manifest["dialogues"]["planned"]
    assert len({row["dialogue_id"] for row in rows}) == 240
    assert manifest["dialogues"]["solved"] == sum(bool(r["outcome"]["solved_turn"]) for r in rows)
    assert sum(manifest["solved_at"].values()) == manifest["dialogues"]["solved"]


def test_solved_rows_that_are_no_duplicates_lie_apart(done):
    folder, _ = done
    solved = list(read_rows(str(folder), kind="solved"))
    assert solved
    assert all(r["outcome"]["status"] == "solved" and not r["duplicate_of"] for r in solved)
    rest = list(read_rows(str(folder), kind="rest"))
    assert all(r["outcome"]["status"] != "solved" or r["duplicate_of"] for r in rest)


def test_groups_are_whole_and_arms_share_problems(done):
    folder, _ = done
    groups = {}
    for row in read_rows(str(folder)):
        groups.setdefault(row["group_id"], []).append((row["problem_id"], row["arm"]))
    assert len(groups) == 120
    assert all(len(members) == 2 and len(set(members)) == 1 for members in groups.values())


def test_the_single_arm_takes_one_turn(done):
    folder, _ = done
    single = list(read_rows(str(folder), where="arm = 'single'"))
    assert {row["outcome"]["turns"] for row in single} == {1}


def test_a_solved_dialogue_ends_at_its_first_correct_attempt(done):
    folder, _ = done
    for row in read_rows(str(folder)):
        verdicts = [t["verdict"]["status"] for t in row["trail"] if t["act"] == "attempt"]
        if not verdicts:  # every turn was a question
            assert row["outcome"]["status"] == "exhausted"
            continue
        assert verdicts[:-1] == ["incorrect"] * (len(verdicts) - 1)
        assert (verdicts[-1] == "correct") == (row["outcome"]["status"] == "solved")


def test_figures_are_those_of_the_shards(done):
    folder, manifest = done
    found = figures(str(folder))
    rows = list(read_rows(str(folder), where="arm = 'sml'"))
    arm = found["arms"]["sml"]
    assert arm["dialogues"] == len(rows)
    assert arm["solved"] == sum(r["outcome"]["status"] == "solved" for r in rows)
    assert arm["student_completion_tokens"] == sum(
        len(t["token_ids"]) for r in rows for t in r["trail"] + r["replaced_attempts"]
    )
    assert found["balance"] == manifest["balance"]
    repeats = later = 0
    for row in rows:
        said = [t["verdict"] for t in row["trail"] if t["act"] == "attempt"]
        later += max(0, len(said) - 1)
        for before, now in pairwise(said):
            repeats += (
                now["status"] == "incorrect" and now["extracted"] == before["extracted"] != ""
            )
    assert (arm["repeated_wrong_answers"], arm["later_attempts"]) == (repeats, later)


def test_a_second_run_gives_the_same_bytes(done, tmp_path):
    folder, _ = done
    run(scripted("starter", limit=60, samples=2, arms=("sml", "single")), str(tmp_path))
    assert digests(tmp_path) == digests(folder)


def test_datasets_reads_the_card(done, tmp_path):
    datasets = pytest.importorskip("datasets")
    folder, manifest = done
    load = {"cache_dir": str(tmp_path)}
    everything = datasets.load_dataset(str(folder), "rl", split="train", **load)
    assert len(everything) == manifest["dialogues"]["kept"]
    solved = datasets.load_dataset(str(folder), "sft", split="train", **load)
    assert {row["status"] for row in solved["outcome"]} == {"solved"}


def test_every_bad_row_ends_as_what_it_is(tmp_path):
    corpus = tmp_path / "rows.jsonl"
    good = {"question": "What is 2 + 3?", "answer": "2 + 3 = 5\n#### 5"}
    lines = [json.dumps(good), "{broken", json.dumps({"question": "What is 1 + 1?"})]
    lines += [json.dumps(good | {"question": "  WHAT is 2 +  3? "}), "[]", ""]
    lines += [json.dumps({"question": "What is 4 + 4?", "answer": "4 + 4 = 8\n#### 8"})]
    corpus.write_text("\n".join(lines) + "\n")
    manifest = run(scripted(str(corpus)), str(tmp_path / "out"))
    balance = manifest["balance"]
    assert (balance["kept"], balance["duplicate"]) == (2, 1)
    assert balance["input"] == balance["kept"] + balance["duplicate"] + balance["dead"]
    import pyarrow.parquet as pq

    folder = RunFolder(tmp_path / "out")
    rejects = pq.ParquetDataset(folder.rejects).read().to_pylist()
    reasons = [row["outcome"]["reason"] for row in rejects]
    assert any(reason.startswith("unreadable: ") and ":2" in reason for reason in reasons)
    assert any(reason.startswith("no-answer: ") for reason in reasons)
    assert any(reason.startswith("duplicate: same statement as row 0") for reason in reasons)


def test_the_same_command_again_does_nothing_twice(tmp_path):
    settings = scripted("starter", limit=20)
    run(settings, str(tmp_path))
    before = digests(tmp_path)
    size = sum(p.stat().st_size for p in (tmp_path / "journal").glob("*.jsonl"))
    run(settings, str(tmp_path))
    assert digests(tmp_path) == before
    assert sum(p.stat().st_size for p in (tmp_path / "journal").glob("*.jsonl")) == size


def test_a_run_can_be_extended(tmp_path):
    run(scripted("starter", limit=20), str(tmp_path / "a"))
    run(scripted("starter", limit=30), str(tmp_path / "a"))
    run(scripted("starter", limit=30), str(tmp_path / "b"))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_other_settings_are_refused_and_named(tmp_path):
    run(scripted("starter", limit=5), str(tmp_path))
    with pytest.raises(SettingsError, match="turns: 4 -> 2"):
        run(scripted("starter", limit=5, turns=2), str(tmp_path))


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(SettingsError, match="neither empty nor a run"):
        run(scripted("starter", limit=5), str(tmp_path))


def test_nothing_is_begun_on_a_mistake(tmp_path):
    out = str(tmp_path / "out")
    (tmp_path / "p" / "student").mkdir(parents=True)
    (tmp_path / "p" / "student" / "small.j2").write_text("{{ statment }}")
    with pytest.raises(CorpusError, match="no corpus was named"):
        run(scripted(), out)
    with pytest.raises(TemplateError, match="statment"):
        run(scripted("starter", prompts=str(tmp_path / "p")), out)
    with pytest.raises(ModelError, match=r"no config\.json"):
        run(settings_room.load(corpora=("starter",), student__model=str(tmp_path / "p")), out)
    with pytest.raises(SettingsError, match="Beam has no option --nope"):
        run(scripted("starter"), out, ["--nope=1"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--runner=Nope"], "Beam has no runner Nope here: Unexpected"),
        (["--direct_num_workers=x"], "invalid int value: 'x'"),
        (["--direct_num_workers=-1"], r"wanted 0 \(all cores\) or more, got -1"),
        (["--direct_running_mode=bogus"], "invalid choice: 'bogus'"),
        (["bogus"], "Beam has no option bogus"),
        (["--direct_num_workers=1", "-x"], "Beam has no option -x"),
    ],
)
def test_what_beam_does_not_take_is_one_line(tmp_path, options, said):
    with pytest.raises(SettingsError, match=said) as refused:
        run(scripted("starter", limit=2), str(tmp_path / "out"), options)
    assert "\n" not in str(refused.value)


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    size = 150
    corpus, engine = f"starter?size={size}", "students:Slow"
    command = [sys.executable, "-m", "tutelage", "generate", corpus, "--engine", engine]
    command += ["--out", str(tmp_path / "a"), "--quiet"]
    paced = os.environ | {students.WAIT: "0.2", "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(command, env=paced)
    journal = tmp_path / "a" / "journal"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        if sum(p.stat().st_size for p in journal.glob("*.jsonl")) > 100_000:
            break
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    done_before = sum(p.read_bytes().count(b"\n") for p in journal.glob("*.jsonl"))
    assert 0 < done_before < size
    settings = settings_room.load(corpora=(corpus,), student__engine=engine, teacher__engine=engine)
    manifest = run(settings, str(tmp_path / "a"))
    assert manifest["dialogues"]["kept"] == size
    lines = sum(p.read_bytes().count(b"\n") for p in journal.glob("*.jsonl"))
    assert lines <= size + 1
    run(settings, str(tmp_path / "b"))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_what_starved_the_engine_is_said_of_a_run_that_filled_its_slots():
    told = {"engine": {"busy_s": 1.0}, "seconds": 10.0, "starved_s": {"verifier": 8.0}}
    few, many = ({**told, "submitted": submitted, "slots": 96} for submitted in (6, 600))
    assert starvation([few]) == ""
    assert "80% of the time" in starvation([many])
    assert "verifier.workers" in starvation([few, many])


class Refusing(Scripted):
    """An engine that refuses everything, as a server with a wrong model does."""

    async def reply(self, request):
        raise Permanent("the server does not like this")


def test_a_run_in_which_all_dialogues_failed_is_a_failed_run(tmp_path):
    chosen = settings_room.load(
        corpora=("starter?size=4",),
        student__engine=f"{__name__}:Refusing",
        teacher__engine="scripted",
    )
    words = "all 4 dialogues failed, 4 of them with: permanent: the server does not like this"
    with pytest.raises(RunFailed, match=words):
        run(chosen, str(tmp_path / "run"))
    assert (tmp_path / "run" / "manifest.json").exists()


def test_another_version_of_the_verifier_is_refused_unless_it_is_asked_for(tmp_path):
    chosen = {"corpora": ("starter?size=3",), "student__engine": "scripted"}
    out = tmp_path / "run"
    manifest = run(settings_room.load(**chosen), str(out))
    begun = json.loads((out / "run.json").read_text())
    assert manifest["code"] == begun["source"]["code"] == provenance.source_code()
    begun["source"]["code"]["verifier"] = "another"
    (out / "run.json").write_text(json.dumps(begun))
    with pytest.raises(SettingsError, match=r"another version of the code .*resume\.code=any"):
        run(settings_room.load(**chosen), str(out))
    run(settings_room.load("", ["resume.code=any"], **chosen), str(out))
