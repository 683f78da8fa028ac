"""The lock of a run: the system's on disk, an object in a store."""

import json
import os
import subprocess
import sys
import time

import pytest

from stores import bucket
from tutelage.errors import SettingsError
from tutelage.shards.lock import alone

LOCK = "bucket/run/lock"


def hold(**words):
    holder = {"token": "t", "host": "other", "machine": "", "pid": 7, "since": "then", "renewed": 0}
    return json.dumps(holder | words).encode()


def take(folder=None, lost=lambda words: None):
    return alone(folder or bucket(), lambda words: None, lost)


@pytest.mark.parametrize("kind", ["disk", "store"])
def test_only_one_process_holds_the_lock(store, tmp_path, kind):
    folder = tmp_path if kind == "disk" else bucket()
    said = rf"is being written by process {os.getpid()}\b"
    with take(folder), pytest.raises(SettingsError, match=said), take(folder):
        pass
    with take(folder):
        pass


def test_a_renewed_lock_is_not_taken_over(store):
    store.objects[LOCK] = hold()
    beats = iter(range(1, 10_000))
    store.refuses = lambda what, name: bool(
        name == LOCK and store.objects.update({LOCK: hold(renewed=next(beats))})
    )
    with pytest.raises(SettingsError, match=r"process 7 of other \(since then\)"), take():
        pass


def test_a_lock_that_nobody_renews_is_taken_over(store):
    store.objects[LOCK] = hold()
    said = []
    begun = time.monotonic()
    with alone(bucket(), said.append, lambda _: None):
        assert time.monotonic() - begun > 0.4
        assert json.loads(store.objects[LOCK])["pid"] == os.getpid()
    assert "process 7 of other (since then) held this run" in said[0]
    assert LOCK not in store.objects


def test_a_dead_process_of_this_machine_is_not_waited_for(store):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with take():
        mine = json.loads(store.objects[LOCK])
    store.objects[LOCK] = hold(machine=mine["machine"], pid=gone.pid)
    begun = time.monotonic()
    with take():
        assert time.monotonic() - begun < 0.4


def test_a_process_whose_lock_was_overwritten_stops(store):
    lost = []
    with take(lost=lost.append):
        store.objects[LOCK] = hold()
        while not lost:
            time.sleep(0.02)
    assert lost == ["process 7 of other (since then) has taken over mem://bucket"]
    assert store.objects[LOCK] == hold(), "it is not ours to remove"


def test_the_later_of_two_simultaneous_processes_keeps_the_lock(store):
    def overwrite(name):
        store.objects[LOCK] = hold()

    store.written = overwrite
    with pytest.raises(SettingsError, match="process 7 of other"), take():
        pass


def test_a_brief_outage_of_the_store_does_not_lose_the_lock(store):
    lost = []
    with take(lost=lost.append):
        store.refuses = lambda what, _: True
        time.sleep(0.3)
        store.refuses = lambda what, _: False
        before = store.objects[LOCK]
        deadline = time.monotonic() + 10
        while store.objects[LOCK] == before and time.monotonic() < deadline:
            time.sleep(0.02)
        assert store.objects[LOCK] != before
    assert not lost
