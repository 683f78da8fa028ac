"""A run's worker processes: they end with it, and what ends them is said."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tutelage.errors import RunFailed
from tutelage.flow import workers
from tutelage.flow.workers import WorkerPool


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def crew(tmp_path: Path, said: list[str]) -> WorkerPool:
    return WorkerPool(tmp_path / "logs" / "workers.log", said.append)


def start(
    crew: WorkerPool, monkeypatch: pytest.MonkeyPatch, code: str
) -> "subprocess.Popen[bytes]":
    """A worker that runs `code` in place of Beam's."""
    folder = crew.log.parent.parent
    (folder / "stand_in.py").write_text(code)
    monkeypatch.setattr(workers, "_MODULE", "stand_in")
    return crew.start({"PYTHONPATH": str(folder)})


def test_what_killed_a_worker_is_said(
    crew: WorkerPool, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = "import sys\nprint('hello')\nraise ValueError('no\\nroom')"
    why = crew.await_end(start(crew, monkeypatch, dies), 0)
    assert why == f"a worker process died: ValueError: no (log: {crew.log})"
    since = crew.log.stat().st_size
    killed = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    why = crew.await_end(start(crew, monkeypatch, killed), since)
    assert why == f"a worker process was killed by signal 9 (log: {crew.log})"
    quits = "print('ValueError: long ago')\nraise SystemExit(3)"
    assert "died: ValueError: long ago" in crew.await_end(start(crew, monkeypatch, quits), 0)
    assert len(said) == 3 and all("run the same command again" in words for words in said)


def test_a_worker_whose_work_is_done_is_no_news(
    crew: WorkerPool, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert crew.await_end(start(crew, monkeypatch, "print('done')"), 0) == ""
    assert said == []
    assert crew.log.read_text() == "done\n"


def test_a_crew_that_is_told_to_end_ends(
    crew: WorkerPool, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = [start(crew, monkeypatch, "import time; time.sleep(600)") for _ in range(2)]
    waiting = [threading.Thread(target=crew.await_end, args=(each, 0)) for each in processes]
    for each in waiting:
        each.start()
    crew.end()
    assert all(process.poll() is not None for process in processes)
    for each in waiting:
        each.join(30)
    assert said == []
    with pytest.raises(RunFailed):
        crew.start({})
    crew.end()


def test_workers_are_of_no_terminal(crew: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "import os\nprint(os.getpgid(0), os.getsid(0))"
    process = start(crew, monkeypatch, told)
    crew.await_end(process, 0)
    group, session = map(int, crew.log.read_text().split())
    mine = subprocess.check_output(
        [sys.executable, "-c", "import os; print(os.getpgid(0), os.getsid(0))"], text=True
    )
    assert str(group) not in mine.split() and str(session) not in mine.split()
