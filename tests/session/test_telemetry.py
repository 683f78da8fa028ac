"""What the workers of a run counted, added up."""

from pathlib import Path
from typing import Any

import pytest

from tutelage.driver import Scheduler
from tutelage.engines import Players
from tutelage.session import telemetry
from tutelage.shards import RunFolder


class Reader:
    """An engine that answers nobody and tells what it is given."""

    capacity = 1

    def __init__(self, **told: float) -> None:
        self.told = told

    async def reply(self, request: Any) -> Any:
        raise NotImplementedError

    def gauges(self) -> dict[str, float]:
        return self.told

    def close(self) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path)
    made.create()
    return made


def write(folder: RunFolder, *told: dict[str, float]) -> None:
    """Each worker's heartbeat, from engines that tell these."""
    for number, gauges in enumerate(told):
        readers = (Reader(**gauges), Reader(**gauges))
        with Scheduler(Players(*readers, readers), None, 1, lambda _: None) as scheduler:  # type: ignore[arg-type]
            heartbeat = telemetry.figures(scheduler, Players(*readers, readers).gauges())
        folder.write_json(f"{folder.logs.name}/heartbeat-{number}.json", heartbeat)


def test_one_server_is_counted_once_by_all_engines_and_workers(folder: RunFolder) -> None:
    here = {f"{name}@http://a": 7.0 for name in ("preemptions", "prefix_cache_hits")}
    here |= {"prefix_cache_queries@http://a": 28.0, "retries": 1.0}
    write(folder, here, here | {"preemptions@http://a": 5.0}, here | {"preemptions@http://b": 2.0})
    told = telemetry.summary(folder, 1.0, 1.0)
    assert told["preemptions"] == 7 + 2
    assert told["prefix_cache_hit_rate"] == 0.25
    assert told["workers"][0]["engine"] == {
        "preemptions": 7,
        "prefix_cache_hits": 7,
        "prefix_cache_queries": 28,
        "retries": 2,
    }


def test_no_worker_is_nothing(folder: RunFolder) -> None:
    told = telemetry.summary(folder, 1.0, 1.0)
    assert (told["preemptions"], told["prefix_cache_hit_rate"], told["dialogues"]) == (0, 0, 0)


def test_the_time_that_is_left_is_of_turns(folder: RunFolder) -> None:
    """Seven dialogues of four turns, five seconds a turn: long ones do not make it hours."""
    calm = {"planned": 7, "turns_at_most": 4, "in_play": 7}
    first = telemetry.Progress(turns=7, seconds=35.0, **calm)
    assert first.eta_s == pytest.approx(21 * 5)
    assert telemetry.Progress(**calm).eta_s is None
    assert telemetry.Progress(turns=1, seconds=40.0, **calm).eta_s is None, "first turns are slow"
    one_ended = telemetry.Progress(
        turns=8, turns_of_ended=1, ended=1, in_play=6, planned=7, turns_at_most=4, seconds=40.0
    )
    assert one_ended.eta_s == pytest.approx((25 - 8) * 5)
    done = telemetry.Progress(
        turns=20, turns_of_ended=20, ended=7, planned=7, turns_at_most=4, seconds=100.0
    )
    assert done.eta_s == 0.0
