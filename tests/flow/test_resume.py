"""Sessions of one run: what is refused, what is extended, what is played again and what is not."""

import hashlib
import json
import resource
import signal
import threading
import time

import pytest

from builders import Puppet, finished, problem
from tutelage import contract, corpora
from tutelage import dialogue as protocol
from tutelage import settings as settings_room
from tutelage.driver import Scheduler
from tutelage.engines import Players
from tutelage.engines.replay import Replies, remembering, tidy
from tutelage.errors import Fatal, OutputError, RunFailed, SettingsError
from tutelage.flow import publish, run
from tutelage.flow.candidates import Candidate
from tutelage.flow.play import Job, Play
from tutelage.records import Reply, Rules, Usage, Verdict
from tutelage.session import provenance
from tutelage.session.circuit_breaker import CircuitBreaker
from tutelage.session.plan import standing
from tutelage.session.shutdown import Shutdown, request_file
from tutelage.shards import Journal, RunFolder, entries
from tutelage.shards.journal import done, files

STAMP = contract.Stamp("run")


def scripted(*given, sets=(), **options):
    return settings_room.load(
        sets=sets, corpora=given, student__engine="scripted", teacher__engine="scripted", **options
    )


def digests(folder):
    found = [*folder.rglob("*.parquet"), folder / "manifest.json"]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


def lines(folder):
    return sum(path.read_bytes().count(b"\n") for path in files(RunFolder(folder).journal))


# What a folder may hold.


@pytest.mark.parametrize(
    ("resume", "there", "said"),
    [("never", True, "holds a run, and"), ("always", False, "holds no run to go on with")],
)
def test_resume_says_what_the_folder_must_be(tmp_path, resume, there, said):
    settings = scripted("starter", limit=3)
    if there:
        run(settings, str(tmp_path / "run"))
    with pytest.raises(SettingsError, match=said):
        run(settings, str(tmp_path / "run"), resume=resume)
    if not there:
        assert not (tmp_path / "run").exists()
    other = "always" if there else "never"
    assert run(settings, str(tmp_path / "run"), resume=other)["balance"]["kept"] == 3


def test_a_run_is_extended_by_samples_and_problems(tmp_path):
    run(scripted("starter", limit=10), str(tmp_path / "a"))
    first = lines(tmp_path / "a")
    run(scripted("starter", limit=12, samples=3), str(tmp_path / "a"))
    run(scripted("starter", limit=12, samples=3), str(tmp_path / "b"))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert (first, lines(tmp_path / "a")) == (10, 36)


def test_other_input_is_refused_and_more_of_it_is_not(tmp_path):
    rows = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(6)]
    file, out = tmp_path / "c.jsonl", tmp_path / "run"
    settings = scripted(str(file), map={"statement": "question", "answer": "answer"})

    def give(given):
        file.write_text("".join(json.dumps(row) + "\n" for row in given))

    give(rows[:4])
    run(settings, str(out))
    before = digests(out)
    for other in (rows[1:5], rows[:3], [{"question": "What is 0 + 1?", "answer": "2"}, *rows[1:]]):
        give(other)
        with pytest.raises(SettingsError, match="the first 4 rows of corpus 1 are not what"):
            run(settings, str(out))
        assert digests(out) == before
    give(rows)
    assert run(settings, str(out))["balance"]["kept"] == 6


def test_a_run_that_came_to_nothing_binds_nobody(tmp_path):
    with pytest.raises(SettingsError, match="cannot be loaded"):
        run(
            settings_room.load(corpora=("starter",), student__engine="no.such:Engine"),
            str(tmp_path),
        )
    assert (tmp_path / "run.json").exists()
    assert run(scripted("starter", limit=2), str(tmp_path))["balance"]["kept"] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [({"limit": 5}, "limit: 8 -> 5"), ({"limit": 8, "samples": 1}, "samples: 2 -> 1")],
)
def test_a_run_is_not_cut(tmp_path, options, said):
    run(scripted("starter", limit=8, samples=2), str(tmp_path))
    with pytest.raises(SettingsError, match=said):
        run(scripted("starter", **({"samples": 2} | options)), str(tmp_path))


def test_templates_that_have_changed_are_refused(tmp_path):
    own, out = tmp_path / "own", tmp_path / "run"
    (own / "student").mkdir(parents=True)
    template = own / "student" / "small.j2"
    template.write_text("Think.")
    settings = scripted("starter", limit=3, prompts=str(own))
    run(settings, str(out))
    template.write_text("Think twice.")
    with pytest.raises(
        SettingsError, match=r"other templates, weights or columns \(prompts\.student: "
    ):
        run(settings, str(out))
    template.write_text("Think.")
    begun = json.loads((out / "run.json").read_text())
    assert begun["source"]["prompts"].keys() == {"student", "teacher"}
    del begun["source"]  # as runs had it that were begun before it was kept
    (out / "run.json").write_text(json.dumps(begun))
    assert run(settings, str(out))["balance"]["kept"] == 3


def test_another_process_at_work_is_named(tmp_path):
    run(scripted("starter", limit=2), str(tmp_path))
    import fcntl

    with (tmp_path / "journal" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SettingsError, match=r"is being written by process \d+"):
            run(scripted("starter", limit=2), str(tmp_path))
    run(scripted("starter", limit=2), str(tmp_path))


def test_what_a_kill_at_the_very_beginning_leaves_is_no_obstacle(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create()
    (folder.journal / "lock").write_text("77")
    (tmp_path / ".run.json.77.part").write_text("{")
    assert run(scripted("starter", limit=2), str(tmp_path))["balance"]["kept"] == 2


@pytest.mark.parametrize(
    "name", ["notes.txt", "journal/notes.txt", "logs/mine.jsonl", "journal/x/y"]
)
def test_a_folder_of_somebody_else_is_left_alone(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match="neither empty nor a run"):
        run(scripted("starter", limit=2), str(tmp_path))
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]


# What counts in a journal.


@pytest.mark.parametrize(
    ("kinds", "finished_with"),
    [
        (["kept"], True),
        (["passing"], False),
        (["passing", "kept"], True),
        (["passing", "passing"], False),
        (["passing", "dead"], True),
        (["dead", "passing"], False),
        (["dead", "passing", "kept"], True),
        (["kept", "passing"], True),
        (["kept", "kept"], True),
    ],
)
@pytest.mark.parametrize("sessions", [1, 3])
def test_which_entry_stands(tmp_path, kinds, finished_with, sessions):
    row = contract.row(finished(["5"]), STAMP)
    journal = Journal(tmp_path)
    for place, kind in enumerate(kinds):
        if sessions > 1:
            journal.close()
            journal = Journal(tmp_path)
        journal.append("x", kind, row | {"seed": place})
    journal.close()
    folder = RunFolder(tmp_path / "run")
    how = scripted().dedup
    names = [publish.sketch(str(file), how, folder) for file in files(tmp_path)]
    facts, _ = publish.gathered(names, how, folder)
    stands = kinds.index("kept") if "kept" in kinds else len(kinds) - 1
    assert standing(facts()).tolist() == [stands]
    assert ("x" in done(tmp_path)) == finished_with
    assert len(done(tmp_path)) == finished_with


def test_a_line_that_the_disk_had_no_room_for_is_taken_back(tmp_path):
    row = contract.row(finished(["5"]), STAMP)
    journal = Journal(tmp_path)
    journal.append("a", "kept", row)

    (file,) = files(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 300, before[1]))
    try:
        with pytest.raises(OutputError, match="No space left"):
            journal.append("b", "kept", row)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal.append("c", "kept", row)
    journal.close()
    assert [entry.key for entry in entries(files(tmp_path)[0])] == ["a", "c"]


# A bundle that Beam tries again.


def played(settings, folder, fail=None):
    """Plays all rows as Beam does one bundle; `fail` raises at (`process`, n) or at `finish`."""
    (corpus,) = [corpora.open_corpus(spec) for spec in settings.corpora]
    play = Play(Job(settings, [corpus], folder, provenance.stamp(settings), "now"))
    play.setup()
    try:
        for row in corpus.rows():
            if fail == ("process", row.index):
                raise RuntimeError("the bundle is lost")
            assert not list(play.process(Candidate((0, row.index), row, (0, row.index))))
        play.finish_bundle()
        if fail == "finish":
            raise RuntimeError("the bundle is lost")
    finally:
        play.teardown()


def test_a_bundle_that_fails_three_times_makes_no_second_copy(tmp_path):
    settings = scripted("starter?size=30")
    run(settings, str(tmp_path / "calm"))
    folder = RunFolder(tmp_path / "run")
    folder.create()
    for fail in [("process", 11), ("process", 29), "finish"]:
        with pytest.raises(RuntimeError, match="lost"):
            played(settings, folder, fail)
    assert lines(folder.root) == 30
    played(settings, folder)
    assert lines(folder.root) == 30
    (tmp_path / "run" / "run.json").write_bytes((tmp_path / "calm" / "run.json").read_bytes())
    run(settings, str(folder.root), resume="always")
    assert digests(folder.root) == digests(tmp_path / "calm")


def test_two_workers_with_one_bundle_make_no_second_row(tmp_path):
    settings = scripted("starter?size=30")
    run(settings, str(tmp_path / "calm"))
    folder = RunFolder(tmp_path / "run")
    folder.create()
    both = [threading.Thread(target=played, args=(settings, folder)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    (tmp_path / "run" / "run.json").write_bytes((tmp_path / "calm" / "run.json").read_bytes())
    run(settings, str(folder.root))
    assert digests(folder.root) == digests(tmp_path / "calm")


# Too much fails.


def failed(number):
    return protocol.fail(
        protocol.begin(problem(name=f"p{number}"), Rules(), 0, 0), "permanent", "no"
    )


@pytest.mark.parametrize(
    ("ended", "cleared", "rings"),
    [
        ("f" * 19, False, False),
        ("f" * 20, False, True),
        ("f" * 11 + "." * 9, False, True),
        ("f" * 10 + "." * 10, False, False),
        ("f" * 40 + "." * 10, False, False),
        ("f" * 9, True, False),
        ("f" * 10, True, True),
        ("f" * 5 + "." * 7, True, False),
        ("", True, False),
    ],
)
def test_when_the_breaker_trips(ended, cleared, rings):
    breaker = CircuitBreaker(20, 0.5)
    for number, what in enumerate(ended):
        breaker.record(failed(number) if what == "f" else finished(["5"]))
    assert breaker.tripped(cleared) == rings


def test_the_breaker_says_the_commonest_reason():
    breaker = CircuitBreaker(20, 0.5)
    for number in range(12):
        words = "HTTP 401" if number else "context: too long"
        begun = protocol.begin(problem(name=f"p{number}"), Rules(), 0, 0)
        breaker.record(protocol.fail(begun, "permanent", words))
    assert "12 of the last 12 dialogues failed, most often (11) of: permanent: HTTP 401" in str(
        breaker.fault()
    )


# Replies outlive the process that asked for them.


class Verifiers:
    async def verify_async(self, posed, answer, finish_reason=""):
        return Verdict("correct" if answer == posed.gold.value else "incorrect", answer)


def turns(request):
    """Right at the fourth turn."""
    if request.player == "teacher":
        return Reply("Look again \ud83d\n\t.", form="hint", usage=Usage(3, 2, 1))
    turn = sum(m.speaker == "student" for m in request.dialogue.messages) + 1
    ids, logprobs = (turn, 2), (-0.1, -1.5e-7)
    return Reply("5" if turn == 4 else "wrong", ids, logprobs, "stop", Usage(9, 0, 2))


def session(folder, act, count=12):
    puppet, ended, replies = Puppet(act), [], Replies(folder)
    cast = remembering(Players(puppet, puppet, (puppet,)), replies)
    try:
        with Scheduler(cast, Verifiers(), 5, ended.append) as scheduler:
            for number in range(count):
                scheduler.submit(protocol.begin(problem(name=f"p{number}"), Rules(), 0, 0))
            scheduler.drain()
    finally:
        replies.close()
    return ended, cast.gauges()["replayed"]


def test_a_resumed_session_asks_only_what_was_not_answered(tmp_path):
    calm, _ = session(tmp_path / "calm", turns)
    answered = []

    def act(request):
        if len(answered) == 23:
            return Fatal("the engine is gone")
        answered.append(request.chat)
        return turns(request)

    with pytest.raises(Fatal):
        session(tmp_path / "replies", act)
    first = len(answered)
    asked = []

    def again(request):
        asked.append(request.chat)
        return turns(request)

    ended, replayed = session(tmp_path / "replies", again)
    assert replayed == first
    assert len(asked) == 12 * 7 - first
    assert {d.dialogue_id: d for d in ended} == {d.dialogue_id: d for d in calm}


def test_replies_of_ended_dialogues_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("tutelage.engines.replay._SLACK", 2_000)
    largest = []

    def act(request):
        largest.append(sum(p.stat().st_size for p in tmp_path.glob("*.jsonl")))
        return turns(request)

    session(tmp_path, act, count=300)
    assert 0 < max(largest) < 20_000, "1.1 kB a dialogue, at most five of them in play"
    kept = {protocol.identify("p299", Rules(), 0, 0)[0]}
    tidy(tmp_path, {protocol.identify(f"p{n}", Rules(), 0, 0)[0] for n in range(300)} - kept)
    (left,) = tmp_path.iterdir()
    assert left.read_bytes().count(b"\n") in (0, 7)


def test_a_torn_line_is_no_reply(tmp_path):
    session(tmp_path, turns, count=1)
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    _, replayed = session(tmp_path, turns, count=1)
    assert replayed == 6


# Stopping.


def test_the_last_pulse_counts_everything(tmp_path):
    run(scripted("starter", limit=8), str(tmp_path))
    took = json.loads((tmp_path / "telemetry.json").read_text())
    assert took["dialogues"] == 8
    assert took["workers"][0]["in_play"] == 0
    assert took["tokens"]["student.completion"] > 0


def test_a_table_that_is_told_to_stop_lets_those_in_play_end():
    puppet, ended = Puppet(turns, wait=0.02), []
    with Scheduler(Players(puppet, puppet, (puppet,)), Verifiers(), 4, ended.append) as scheduler:
        for number in range(11):
            scheduler.submit(protocol.begin(problem(name=f"p{number}"), Rules(), 0, 0))
        scheduler.stop(within_s=30)
        with pytest.raises(RunFailed, match="stopped with 0 dialogues"):
            scheduler.submit(protocol.begin(problem(name="late"), Rules(), 0, 0))
        assert len(ended) == scheduler.tally.submitted == 11


def test_a_table_that_is_told_to_stop_does_not_wait_for_ever():
    puppet = Puppet(turns, wait=60)
    with Scheduler(Players(puppet, puppet, (puppet,)), Verifiers(), 4, lambda _: None) as scheduler:
        scheduler.submit(protocol.begin(problem(), Rules(), 0, 0))
        scheduler.stop(within_s=0.1)
        with pytest.raises(RunFailed, match="stopped with 1 dialogues"):
            scheduler.drain()


def test_a_signal_is_a_wish_that_workers_can_see(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create()
    request_file(folder, "earlier").write_text("left by an earlier session")
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        assert not list(folder.journal.glob("stop-*"))
        signal.raise_signal(signal.SIGTERM)
        file = request_file(folder, halt.session)
        while not file.exists():
            time.sleep(0.01)
        seen.append(file.read_text())

    with pytest.raises(KeyboardInterrupt), Shutdown(folder) as halt:
        halt.run(work, lambda: True, lambda: None)
    assert seen == ["interrupted"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_reason_to_stop_fails_the_run(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create()
    with Shutdown(folder) as halt:
        halt.request("vLLM died for the third time")
        with pytest.raises(RunFailed, match="vLLM died"):
            halt.run(lambda: time.sleep(0.3), lambda: True, lambda: None)


def test_what_the_work_raises_is_raised(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create()
    with pytest.raises(ZeroDivisionError), Shutdown(folder) as halt:
        halt.run(lambda: 1 // 0, lambda: True, lambda: None)  # type: ignore[arg-type]
