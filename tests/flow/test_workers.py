"""A run's worker processes: they end with it, and what ends them is reports."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tutelage.errors import RunFailed
from tutelage.flow import workers
from tutelage.flow.workers import WorkerPool
from tutelage.processes.supervised import Supervised


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def pool(tmp_path: Path, reports: list[str]) -> WorkerPool:
    return WorkerPool(tmp_path / "logs" / "workers.log", reports.append)


def start(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, code: str) -> Supervised:
    """A worker that runs `code` in place of Beam's."""
    folder = pool.log.parent.parent
    (folder / "stand_in.py").write_text(code)
    monkeypatch.setattr(workers, "_MODULE", "stand_in")
    # Two codes of one second may have one size, and byte code is told from another by no more.
    return pool.start({"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"})


def test_what_killed_a_worker_is_said(
    pool: WorkerPool, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = "import sys\nprint('hello')\nraise ValueError('no\\nroom')"
    why = pool.await_end(start(pool, monkeypatch, dies), 0)
    assert why == f"a worker process died: ValueError: no (log: {pool.log})"
    since = pool.log.stat().st_size
    killed = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    why = pool.await_end(start(pool, monkeypatch, killed), since)
    assert why == f"a worker process was killed by signal 9 (log: {pool.log})"
    quits = "print('ValueError: long ago')\nraise SystemExit(3)"
    assert "died: ValueError: long ago" in pool.await_end(start(pool, monkeypatch, quits), 0)
    assert len(reports) == 3 and all("run the same command again" in words for words in reports)


def test_a_worker_whose_work_is_done_is_no_news(
    pool: WorkerPool, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pool.await_end(start(pool, monkeypatch, "print('done')"), 0) == ""
    assert reports == []
    assert pool.log.read_text() == "done\n"


def test_a_crew_that_is_told_to_end_ends(
    pool: WorkerPool, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = [start(pool, monkeypatch, "import time; time.sleep(600)") for _ in range(2)]
    waiting = [threading.Thread(target=pool.await_end, args=(each, 0)) for each in processes]
    for each in waiting:
        each.start()
    pool.end()
    assert all(not process.is_alive() for process in processes)
    for each in waiting:
        each.join(30)
    assert reports == []
    with pytest.raises(RunFailed):
        pool.start({})
    pool.end()


def test_workers_are_of_no_terminal(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "import os\nprint(os.getpgid(0), os.getsid(0))"
    process = start(pool, monkeypatch, told)
    pool.await_end(process, 0)
    group, session = map(int, pool.log.read_text().split())
    mine = subprocess.check_output(
        [sys.executable, "-c", "import os; print(os.getpgid(0), os.getsid(0))"], text=True
    )
    assert str(group) not in mine.split() and str(session) not in mine.split()
