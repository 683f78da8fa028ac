"""The pool: nothing that a judgement does reaches its caller but as a verdict."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from proc import descendants
from tutelage.errors import SettingsError
from tutelage.records import Gold, Problem
from tutelage.verifiers import VerifierPool, load

ROGUE = """
import os, time
from tutelage.records import Verdict

class Rogue:
    def verify(self, problem, answer):
        if answer == "hang":
            while True:
                pass
        if answer == "hang in C":
            7 ** (7 ** 12)
        if answer == "sleep":
            time.sleep(0.3)
        if answer == "grow":
            return Verdict("correct", str(len(bytearray(4 * 2**30))))
        if answer == "exit":
            os._exit(3)
        if answer == "crash":
            os.kill(os.getpid(), 11)
        if answer == "raise":
            raise RuntimeError("no such luck")
        if answer == "print":
            print('{"status": "correct"}', flush=True)
            os.write(1, b"garbage\\n")
        return Verdict("incorrect", answer, str(os.getpid()), "rogue")
"""


@pytest.fixture
def rogue(tmp_path, monkeypatch):
    (tmp_path / "rogue_verifier.py").write_text(ROGUE)
    monkeypatch.syspath_prepend(tmp_path)
    with VerifierPool(timeout=1, workers=1, memory_mb=512, verifier="rogue_verifier:Rogue") as pool:
        yield pool


def problem(gold: str = "18") -> Problem:
    return Problem("p", "math", "test", "CC0-1.0", "", Gold("answer", gold))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("hang", "timeout"),
        ("hang in C", "timeout"),
        ("grow", "memory"),
        ("exit", "died: exit status 3"),
        ("crash", "died: exit status -11"),
        ("raise", "error: RuntimeError: no such luck"),
    ],
)
def test_what_goes_wrong_is_unjudged_and_costs_the_next_nothing(rogue, answer, reason):
    verdict = rogue.verify(problem(), answer)
    assert (verdict.status, verdict.reason) == ("unjudged", reason)
    assert rogue.verify(problem(), "fine").status == "incorrect"


def test_a_child_is_kept_and_its_prints_are_no_verdict(rogue):
    first = rogue.verify(problem(), "fine")
    noisy = rogue.verify(problem(), "print")
    assert noisy.status == "incorrect"
    assert first.reason == noisy.reason, "another process"
    assert first.reason != str(os.getpid())


def test_a_child_killed_between_two_orders_is_replaced(rogue):
    os.kill(int(rogue.verify(problem(), "fine").reason), signal.SIGKILL)
    assert rogue.verify(problem(), "fine").status == "incorrect"


def test_easy_answers_need_no_child():
    before = descendants(os.getpid())
    with VerifierPool() as pool:
        assert pool.verify(problem(), "The answer is 18.").status == "correct"
        assert pool.verify(problem(), "The answer is 19.").status == "incorrect"
        assert pool.verify(problem(), "").reason == "no answer"
        assert descendants(os.getpid()) == before


def test_many_in_flight_do_not_block_the_loop(rogue):
    async def drive() -> int:
        ticks = 0
        judging = [rogue.verify_async(problem(), a) for a in ("sleep", "fine", "hang", "fine")]
        tasks = [asyncio.ensure_future(judgement) for judgement in judging]
        while not all(task.done() for task in tasks):
            ticks += 1
            await asyncio.sleep(0.005)
        assert [t.result().status for t in tasks] == [
            "incorrect",
            "incorrect",
            "unjudged",
            "incorrect",
        ]
        return ticks

    assert asyncio.run(drive()) > 20


def test_judges_from_many_threads(rogue):
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(rogue.verify(problem(), str(n)).extracted))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [str(n) for n in range(12)]


def ticks(pid: int) -> int:
    """What a process has used of the processor."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def test_close_ends_what_is_running(tmp_path, monkeypatch):
    (tmp_path / "rogue_closing.py").write_text(ROGUE)
    monkeypatch.syspath_prepend(tmp_path)
    pool = VerifierPool(timeout=60, workers=1, verifier="rogue_closing:Rogue")
    pid = int(pool.verify(problem(), "fine").reason)
    before = ticks(pid)
    verdicts: list[str] = []
    thread = threading.Thread(target=lambda: verdicts.append(pool.verify(problem(), "hang").reason))
    thread.start()
    while ticks(pid) < before + 10:
        time.sleep(0.01)
    pool.close()
    pool.close()
    thread.join()
    assert verdicts == ["closed"]
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
def test_children_die_with_a_killed_parent(tmp_path):
    (tmp_path / "rogue_orphan.py").write_text(ROGUE)
    script = textwrap.dedent("""
        import sys, threading
        from tutelage.records import Gold, Problem
        from tutelage.verifiers import VerifierPool
        p = Problem("p", "math", "test", "CC0-1.0", "", Gold("answer", "1"))
        pool = VerifierPool(timeout=60, workers=1, verifier="rogue_orphan:Rogue")
        print(pool.verify(p, "fine").reason, flush=True)
        pool.verify(p, "hang in C")
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        if not Path(f"/proc/{child}").exists():
            break
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def test_a_child_does_not_import_the_callers_main(tmp_path):
    script = tmp_path / "caller.py"
    script.write_text(
        textwrap.dedent("""
        from tutelage.records import Gold, Problem
        from tutelage.verifiers import VerifierPool
        print("imported", flush=True)
        p = Problem("p", "math", "test", "CC0-1.0", "", Gold("answer", "2x"))
        with VerifierPool(timeout=20, workers=1) as pool:
            print(pool.verify(p, "\\\\boxed{x + x}").status)
        """)
    )
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run(
        [sys.executable, "-P", str(script)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["imported", "correct"], done.stderr


def test_a_corpus_may_have_a_verifier_of_its_own(rogue):
    one = {"ours": "rogue_verifier:Rogue"}
    with VerifierPool(timeout=60, workers=1, by_corpus=one) as pool:
        assert pool.verify(replace(problem(), source="ours"), "18").verifier == "rogue"
        assert pool.verify(problem(), "18").verifier == "math"
    with pytest.raises(SettingsError, match="cannot be loaded"):
        VerifierPool(by_corpus={"ours": "no.such.module:Class"})


def test_an_unknown_verifier_is_the_persons_mistake():
    with pytest.raises(SettingsError, match="math, code, reasoning"):
        load("algebra")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        VerifierPool(verifier="no.such.module:Class")


def test_odd_characters_pass_the_pipe(rogue):
    answer = "\ud800 \x00 \u2028 é\n{"
    assert rogue.verify(problem(), answer).extracted == answer
    assert json.dumps(answer)
