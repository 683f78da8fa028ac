"""Plays what an evaluation is of: `generate` once for each model, resumable as that is.

Several models on vLLM are served one after another by one server, which is handed their weights; a
single one has its engine in this process. Either way it is the driver that generates training data.
"""

import os
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.engines.vllm_options import has_gpu
from tutelage.errors import SettingsError
from tutelage.evaluate.conditions import Played
from tutelage.evaluate.plan import Plan, Play
from tutelage.settings import Settings
from tutelage.shards import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tutelage.session.telemetry import Watch


def play(plan: Plan, watch: "Watch", beam_args: Sequence[str] = ()) -> list[Played]:
    """Plays every run that is not there yet; which runs there are.

    Raises:
        Mistake: settings, corpora, a model or a folder are not what they should be.
        RunFailed: a run failed; what was finished stays, and the same command goes on.
        KeyboardInterrupt: a signal came; the same holds.
    """
    from tutelage.flow import run

    waiting = [one for one in plan.plays if not _is_done(one)]
    models = {
        player.model
        for one in plan.plays
        for player in (one.settings.student, one.settings.teacher)
        if player.engine == "vllm"
    }
    apart = any("runner" in word or "multi_processing" in word for word in beam_args)
    is_used = len(models) > 1 and not apart and bool(waiting)
    if is_used:
        _room_for_two(plan.settings)
        plan.out.mkdir(parents=True, exist_ok=True)
    with HotSwapServers(plan.out, watch.say, lambda: False, is_used=is_used) as servers:
        for number, one in enumerate(waiting, 1):
            watch.say(f"{number}/{len(waiting)}: {one.run.name}, {one.settings.student.model}")
            with servers.playing(one.settings) as more, environment(more):
                run(one.settings, str(one.run), beam_args, watch)
    return [Played(one.label, str(one.run)) for one in plan.plays]


@contextmanager
def environment(more: "Mapping[str, str]") -> "Iterator[None]":
    """This process's environment with something added, while entered."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _is_done(one: Play) -> bool:
    """Whether the folder holds this very run, published, with as much in it as is wanted.

    Whatever else it holds is for `flow.run` to go on with, or to refuse.
    """
    folder = RunFolder(one.run)
    stored = folder.read_json("run.json")
    return (
        (one.run / "manifest.json").is_file()
        and stored.get("run_id") == one.settings.run_id()
        and stored["settings"]["samples"] == one.settings.samples
        and stored["settings"]["limit"] == one.settings.limit
    )


def _room_for_two(settings: Settings) -> None:
    """Raises `SettingsError` where student and teacher are two engines that one GPU cannot hold."""
    two = settings.teacher.engine == "vllm" and settings.student.engine == "vllm"
    if two and has_gpu() and settings.vllm.gpu_memory_utilization > 0.5:
        raise SettingsError(
            "vllm.gpu_memory_utilization: the student and its teacher are two engines on one GPU; "
            "give each 0.45 or less, or the teacher a server.url"
        )
