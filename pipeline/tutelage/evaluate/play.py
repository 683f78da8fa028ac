"""Plays the runs of an evaluation: one resumable `generate` per model.

One server serves several vLLM models one after another, with hot-swapped weights. A single model
runs in this process. Either way the driver is the one that generates training data.
"""

import os
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.engines.vllm_options import fits
from tutelage.evaluate.conditions import Played
from tutelage.evaluate.plan import Plan, Play
from tutelage.shards import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tutelage.session.telemetry import Watch


def play(plan: Plan, watch: "Watch", beam_args: Sequence[str] = ()) -> list[Played]:
    """Plays all missing runs; returns all runs.

    Raises:
        Mistake: settings, corpora, a model or a folder are invalid.
        RunFailed: a run failed; finished work is kept, and the same command resumes.
        KeyboardInterrupt: interrupted by a signal; likewise.
    """
    from tutelage.flow import run

    pending = [planned for planned in plan.plays if not _is_done(planned)]
    models = {
        player.model
        for planned in plan.plays
        for player in (planned.settings.student, planned.settings.teacher)
        if player.engine == "vllm"
    }
    is_distributed = any("runner" in word or "multi_processing" in word for word in beam_args)
    is_used = len(models) > 1 and not is_distributed and bool(pending)
    if is_used:
        of_players = plan.settings.student.engine, plan.settings.teacher.engine
        fits(of_players.count("vllm"), plan.settings.vllm)
        plan.out.mkdir(parents=True, exist_ok=True)
    with HotSwapServers(plan.out, watch.say, lambda: False, is_used=is_used) as servers:
        for number, planned in enumerate(pending, 1):
            watch.say(
                f"{number}/{len(pending)}: {planned.run.name}, {planned.settings.student.model}"
            )
            with servers.playing(planned.settings) as variables, environment(variables):
                run(planned.settings, str(planned.run), beam_args, watch)
    return [Played(planned.label, str(planned.run)) for planned in plan.plays]


@contextmanager
def environment(more: "Mapping[str, str]") -> "Iterator[None]":
    """Context with additional environment variables in this process."""
    previous = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _is_done(planned: Play) -> bool:
    """Whether the folder holds exactly this run, published and complete.

    If it holds anything else, `flow.run` resumes or refuses it.
    """
    folder = RunFolder(planned.run)
    stored = folder.read_json("run.json")
    return (
        (planned.run / "manifest.json").is_file()
        and stored.get("run_id") == planned.settings.run_id()
        and stored["settings"]["samples"] == planned.settings.samples
        and stored["settings"]["limit"] == planned.settings.limit
    )
