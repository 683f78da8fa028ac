"""A run is killed, starved, lied to and locked out; resumed, it ends as if nothing had happened.

The short form runs with all tests. `TUTELAGE_CHAOS=long` (`make chaos`) plays 2,000 dialogues and
kills the process 20 times. Every undisturbed run here is byte-identical to the disturbed one.
"""

import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from forked import COMMAND, GENERATE, Begun, Forks
from proc import lives
from tutelage import settings as settings_room
from tutelage.engines.launch import free_port
from tutelage.errors import EngineError, Mistake, OutputError, RunFailed
from tutelage.flow import run
from tutelage.shards import RunFolder, entries, read_rows
from tutelage.shards.journal import files

LONG = os.environ.get("TUTELAGE_CHAOS") == "long"
SIZE = 2_000 if LONG else 36
KILLS = 20 if LONG else 2
WAIT = "0.003" if LONG else "0.05"
"""Seconds before an answer: as long as it takes for a few dialogues to be caught in play."""
CORPUS = f"starter?size={SIZE}"
PLACES = 12
_DUMMY = Path(__file__).with_name("dummy.py")


class Dummies:
    """The process that forks the servers, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_DUMMY), CORPUS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, *given: str) -> int:
        """Starts one, and gives its process id once it listens."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps(given), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=60)


class Server:
    """The dummy in a process of its own, at a port that it keeps over its lives."""

    def __init__(self, folder: Path, dummies: Dummies) -> None:
        self.port = free_port()
        self.log = folder / "answers.log"
        self.log.touch()
        self._dummies = dummies
        self._pid = 0

    def start(self, *options: str) -> "Server":
        self.kill()
        self._pid = self._dummies.begin(str(self.port), str(self.log), f"--wait={WAIT}", *options)
        return self

    def kill(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            while lives(self._pid):
                time.sleep(0.001)
            self._pid = 0

    def answers(self) -> Counter[str]:
        """How often each request was answered, over all lives."""
        return Counter(self.log.read_text().split())


@pytest.fixture(scope="module")
def dummies() -> Iterator[Dummies]:
    made = Dummies()
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path, dummies: Dummies) -> Iterator[Server]:
    made = Server(tmp_path, dummies)
    yield made
    made.kill()


def words(server: Server, *sets: str) -> list[str]:
    """Settings of a run against the dummy, as `--set` takes them."""
    return [
        "student.engine=server",
        "student.model=dummy",
        f"server.url=http://127.0.0.1:{server.port}/v1",
        f"driver.concurrency={PLACES}",
        "server.retries=8",
        *sets,
    ]


def settings(server: Server, *sets: str) -> settings_room.Settings:
    return settings_room.load("", words(server, *sets), corpora=(CORPUS,))


def scripted() -> settings_room.Settings:
    return settings_room.load(
        "", ["student.engine=scripted", "teacher.engine=scripted"], corpora=(CORPUS,)
    )


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that have imported the command."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Forks(environment, GENERATE) as made:
        yield made


def begin(forks: Forks, out: Path, sets: list[str]) -> Begun:
    """The command as a person types it."""
    words = [f"--set={pair}" for pair in sets]
    return forks.begin(COMMAND, "generate", CORPUS, "--out", str(out), "--quiet", *words)


def digests(out: Path) -> dict[str, str]:
    """Of every file that a run publishes, the manifest included."""
    found = [*out.rglob("*.parquet"), out / "manifest.json", out / "README.md"]
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found
    }


def journaled(out: Path) -> Counter[str]:
    """How often each key is in the journal."""
    return Counter(entry.key for file in files(RunFolder(out).journal) for entry in entries(file))


def lines(out: Path) -> int:
    """Dialogues in the journal."""
    return sum(path.read_bytes().count(b"\n") for path in files(RunFolder(out).journal))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, dummies: Dummies) -> Path:
    """An undisturbed run against the dummy."""
    folder = tmp_path_factory.mktemp("calm")
    made = Server(folder, dummies).start()
    manifest = run(settings(made), str(folder / "run"))
    assert manifest["balance"]["kept"] == SIZE
    assert set(made.answers().values()) == {1}, "an undisturbed run asks nothing twice"
    made.kill()
    return folder / "run"


def whole(out: Path, calm: Path) -> None:
    """Nothing is lost, nothing is there twice, and every byte is as it would have been."""
    assert digests(out) == digests(calm)
    found = pq.ParquetDataset(sorted((out / "shards").rglob("*.parquet"))).read(["dialogue_id"])
    ids = found.column("dialogue_id").to_pylist()
    assert len(ids) == len(set(ids)) == SIZE


def test_killed_at_random_instants(
    tmp_path: Path, server: Server, calm: Path, forks: Forks
) -> None:
    server.start()
    out = tmp_path / "run"
    drawn = random.Random(4)
    for at in sorted(drawn.sample(range(SIZE), KILLS)):
        process = begin(forks, out, words(server))
        kill(process, lambda at=at: lines(out) >= at)
        time.sleep(drawn.random() / 20)
    before = lines(out)
    run(settings(server), str(out))
    whole(out, calm)
    assert 0 < before < SIZE
    assert set(journaled(out).values()) == {1}
    answers = server.answers()
    again = sum(answers.values()) - len(answers)
    assert again <= KILLS * PLACES, "more was asked again than had been in flight"


def kill(process: Begun, when: Callable[[], bool]) -> None:
    while process.poll() is None and not when():
        time.sleep(0.01)
    process.kill()
    process.wait()


def test_killed_while_it_publishes(tmp_path: Path, forks: Forks) -> None:
    calm, out = tmp_path / "calm", tmp_path / "run"
    run(scripted(), str(calm))
    kill(
        begin(forks, out, ["student.engine=scripted", "teacher.engine=scripted"]),
        RunFolder(out).spool.exists,
    )
    with pytest.raises(Mistake, match="is not published yet"):
        list(read_rows(str(out)))
    run(scripted(), str(out))
    whole(out, calm)
    assert set(journaled(out).values()) == {1}


@contextlib.contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Does something else beside a run."""
    with ThreadPoolExecutor(1) as beside:
        doing = beside.submit(act)
        yield
        doing.result()


def until(out: Path, count: int) -> None:
    """Waits for so many dialogues."""
    limit = time.monotonic() + 300
    while lines(out) < count and time.monotonic() < limit:
        time.sleep(0.01)


def test_the_server_dies_and_comes_back(tmp_path: Path, server: Server, calm: Path) -> None:
    server.start()
    out = tmp_path / "run"

    def act() -> None:
        for part in range(1, KILLS + 1):
            until(out, part * SIZE // (KILLS + 1))
            server.start()

    with meanwhile(act):
        run(settings(server), str(out))
    whole(out, calm)
    assert set(journaled(out).values()) == {1}, "nobody was given up"


def test_a_server_that_stays_away_stops_the_run(tmp_path: Path, server: Server, calm: Path) -> None:
    server.start()
    out = tmp_path / "run"

    def act() -> None:
        until(out, SIZE // 2)
        server.kill()

    with meanwhile(act), pytest.raises(EngineError, match="nobody has listened at http"):
        run(settings(server, "server.patience_s=0.5"), str(out))
    assert 0 < lines(out) < SIZE
    run(settings(server.start()), str(out))
    whole(out, calm)


FAULTS = {
    "errors": ["--fault=500=0.1", "--fault=503=0.05", "--fault=429=0.05"],
    "garbage": ["--fault=garbage=0.2"],
    "dropped connections": ["--fault=drop=0.2"],
    "all of it": ["--fault=500=0.07", "--fault=garbage=0.07", "--fault=drop=0.07"],
}


@pytest.mark.parametrize("name", FAULTS if LONG else ["all of it"])
def test_what_passes_is_tried_again(
    tmp_path: Path, server: Server, calm: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tutelage.engines.tries._LONGEST_WAIT_S", 0.01)
    out = tmp_path / "run"
    run(settings(server.start(*FAULTS[name])), str(out))
    run(settings(server.start()), str(out))
    whole(out, calm)


def test_a_reply_that_is_never_right_costs_its_own_dialogue_until_it_is(
    tmp_path: Path, server: Server, calm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tutelage.engines.tries._LONGEST_WAIT_S", 0.01)
    out = tmp_path / "run"
    server.start("--fault=500=0.3")
    manifest = run(settings(server, "server.retries=0", "driver.failure_limit=1"), str(out))
    dead = manifest["dialogues"]["dead"]
    assert 0 < dead < SIZE
    assert manifest["balance"]["kept"] + manifest["balance"]["dead"] == SIZE
    run(settings(server.start()), str(out))
    whole(out, calm)
    assert Counter(journaled(out).values()) == {1: SIZE - dead, 2: dead}


def test_a_server_that_only_fails_stops_the_run(tmp_path: Path, server: Server, calm: Path) -> None:
    out = tmp_path / "run"
    server.start("--fault=401=1")
    with pytest.raises(RunFailed, match=r"dialogues failed.*of: permanent: HTTP 401"):
        run(settings(server, "driver.window=12"), str(out))
    assert len(journaled(out)) < SIZE, "it stopped early"
    run(settings(server.start()), str(out))
    whole(out, calm)


def test_a_server_that_hangs_stops_the_run(tmp_path: Path, server: Server, calm: Path) -> None:
    out = tmp_path / "run"
    server.start(f"--hang-after={SIZE}")
    with pytest.raises(EngineError, match="it hangs"):
        run(settings(server, "server.timeout_s=1"), str(out))
    assert 0 < lines(out) < SIZE
    run(settings(server.start()), str(out))
    whole(out, calm)


def test_a_poisoned_prompt_is_one_dead_letter(tmp_path: Path, server: Server, calm: Path) -> None:
    before = pq.read_table(calm / "shards").to_pylist()
    poisoned = before[7]
    out = tmp_path / "run"
    manifest = run(settings(server.start(f"--poison={poisoned['statement']}")), str(out))
    assert (manifest["balance"]["kept"], manifest["balance"]["dead"]) == (SIZE - 1, 1)
    (dead,) = pq.read_table(out / "rejects").to_pylist()
    assert dead["dialogue_id"] == poisoned["dialogue_id"]
    assert dead["outcome"]["reason"].startswith("permanent: HTTP 400")
    after = pq.read_table(out / "shards").to_pylist()
    kept = [row for row in before if row["dialogue_id"] != poisoned["dialogue_id"]]
    assert {row["dialogue_id"]: row["messages"] for row in after} == {
        row["dialogue_id"]: row["messages"] for row in kept
    }
    size = lines(out)
    run(settings(server.start(f"--poison={poisoned['statement']}")), str(out))
    assert lines(out) == size, "a permanent failure is not tried again"


def test_a_file_that_may_not_grow(tmp_path: Path, server: Server, calm: Path) -> None:
    out = tmp_path / "run"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    server.start()
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE * 1_000, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot write"):
            run(settings(server), str(out))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 < len(journaled(out)) < SIZE
    run(settings(server), str(out))
    whole(out, calm)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is too small for the journal."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SIZE * 2}k", "tmpfs", str(place)], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"no small file system can be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(tmp_path: Path, server: Server, calm: Path, small_disk: Path) -> None:
    server.start()
    out = small_disk / "run"
    with pytest.raises(OutputError, match="No space left"):
        run(settings(server), str(out))
    assert 0 < len(journaled(out)) < SIZE
    subprocess.run(["mount", "-o", "remount,size=1g", str(small_disk)], check=True)
    run(settings(server), str(out))
    whole(out, calm)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM] if LONG else [signal.SIGINT])
def test_interrupted(tmp_path: Path, server: Server, calm: Path, number: int, forks: Forks) -> None:
    server.start()
    out = tmp_path / "run"
    process = begin(forks, out, words(server))
    while process.poll() is None and lines(out) < SIZE // 6:
        time.sleep(0.01)
    asked = time.monotonic()
    process.send_signal(number)
    status = process.wait(timeout=60)
    assert status == 130
    assert time.monotonic() - asked < 10
    assert process.stderr.read_text() == (
        f"interrupted: {len(journaled(out))} results are safe in {out / 'journal'}; "
        "run the same command again to go on from there\n"
    )
    assert 0 < lines(out) < SIZE
    run(settings(server), str(out))
    whole(out, calm)
    # On a slow machine the grace may end before a dialogue does; then its last ask is played again.
    again = sum(count - 1 for count in server.answers().values())
    assert again <= PLACES, "more was asked again than had been in flight"
