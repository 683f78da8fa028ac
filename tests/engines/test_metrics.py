"""Counters are of a place: since somebody began to read there, and once however many read."""

from tutelage.engines.metrics import Meter, merged, total


def test_what_was_counted_before_the_first_look_is_somebody_elses() -> None:
    meter = Meter()
    told = [meter.read({"preemptions": n, "running": n})["preemptions"] for n in (7, 7, 9)]
    assert told == [0, 0, 2]
    assert meter.read({"preemptions": 9, "running": 5})["running"] == 5


def test_a_restart_loses_nothing_and_takes_nothing_away() -> None:
    meter = Meter()
    pages = [(5, 100), (6, 200), (6, 50), (8, 60), (1, 70)]
    read = [meter.read({"preemptions": a, "prompt_tokens": b}) for a, b in pages]
    assert [page["preemptions"] for page in read] == [0, 1, 7, 9, 10]
    assert [page["prompt_tokens"] for page in read] == [0, 100, 150, 160, 230]


def test_a_server_that_is_away_keeps_its_count() -> None:
    meter = Meter()
    assert meter.read({}) == {}
    meter.read({"preemptions": 3})
    meter.read({"preemptions": 4, "waiting": 9})
    assert meter.read({}) == {"preemptions": 1}
    assert meter.read({"preemptions": 5})["preemptions"] == 2


def test_a_place_counts_once_and_all_else_is_summed() -> None:
    told = [{"preemptions@a": 2.0, "retries": 1.0}, {"preemptions@a": 1.0, "preemptions@b": 5.0}]
    assert merged(told) == {"preemptions@a": 2, "preemptions@b": 5, "retries": 1}
    assert merged([merged(told), *told]) == {"preemptions@a": 2, "preemptions@b": 5, "retries": 2}
    assert total(told) == {"preemptions": 7, "retries": 1}
    assert total([]) == {}
