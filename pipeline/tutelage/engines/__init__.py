"""Engines turn messages into replies: text, token ids, log-probabilities and token usage.

    name        backend                                             used for
    vllm        vLLM in this process, or a server that we start     students and teachers
    server      any OpenAI-compatible URL                           students and teachers
    batch       batch files of an OpenAI-compatible API             teachers and readers
    worked      rules over the worked solution, no model            teachers
    scripted    random draws from a seed, no model                  tests, load, demonstrations

An engine does not know the rules of a dialogue. It answers independent `Request`s, many
concurrently. A failure is an `EngineError` whose class says whether to retry; a bad reply is still
a reply. Wherever a name is accepted, so is `package.module:Class`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tutelage import plugins
from tutelage.engines import access, metrics
from tutelage.errors import SettingsError, TutelageError
from tutelage.records import Reply, Request
from tutelage.settings import Player, Settings

ENGINES: dict[str, str] = {
    "vllm": "tutelage.engines.vllm:InProcess",
    "server": "tutelage.engines.server:Client",
    "batch": "tutelage.engines.batch:Batch",
    "worked": "tutelage.engines.worked:WorkedTeacher",
    "scripted": "tutelage.engines.scripted:Scripted",
}
"""Name -> lazy `module:Class`; each class is built from (player settings, all settings)."""

_NEEDS = ("reply", "gauges", "close", "capacity")

HOT_SWAP_SERVERS = "TUTELAGE_HOT_SWAP_SERVERS"
"""Environment variable with `{model: URL}` as JSON: the servers that `engines.hot_swap` keeps up.
Requests of a vLLM player with such a model go to that URL; the run's settings are unchanged.
"""
HOT_SWAP_MODEL = "resident"
"""The name under which such a server serves its model, whichever weights it holds."""


NO_TOKEN_IDS = (
    "note: the student's server gives no token ids, so that `train sft` can use the rows and "
    "`train rl` cannot; for RL, let vLLM serve the student"
)


class Engine(Protocol):
    """Answers requests concurrently on the caller's event loop."""

    @property
    def capacity(self) -> int:
        """Concurrency limit; further requests queue inside the engine."""

    async def reply(self, request: Request) -> Reply:
        """Returns one reply. Raises `Transient`, `Permanent` or `Fatal`, and nothing else."""

    def gauges(self) -> Mapping[str, float]:
        """Current counters and gauges, for telemetry.

        Values that belong to a shared source, such as a server's counters, carry its name: see
        `engines.metrics`.
        """

    def close(self) -> None:
        """Releases all resources. Called once."""


@dataclass(frozen=True, slots=True)
class Players:
    """The engine of each role. Roles may share an engine."""

    student: Engine
    teacher: Engine
    distinct: tuple[Engine, ...] = field(default=())
    reader: Engine | None = None

    def player(self, name: str) -> Engine:
        """The engine for the player of a request; questions come from the student's engine."""
        if name == "reader" and self.reader is not None:
            return self.reader
        return self.teacher if name == "teacher" else self.student

    @property
    def capacity(self) -> int:
        """Sum of the engines' concurrency limits."""
        return sum(engine.capacity for engine in self.distinct)

    def gauges(self) -> dict[str, float]:
        """The engines' gauges, summed by name; a source shared by several engines counts once."""
        return metrics.merged(engine.gauges() for engine in self.distinct)

    def close(self) -> None:
        """Closes each engine once."""
        for engine in self.distinct:
            engine.close()


def players(settings: Settings) -> Players:
    """Builds the engines of a run; players with the same engine, model and server share one.

    Raises:
        ModelError: a model is not available.
        SettingsError: an engine cannot be built from these settings, or two have no room on a GPU.
    """
    from tutelage.engines.vllm_options import fits

    engines: dict[tuple[str, ...], Engine] = {}
    on_vllm = settings.on_vllm().values()
    fits(
        len({player.model for player in on_vllm if not _hot_swap_url(player.model)}), settings.vllm
    )

    def engine(player: Player) -> Engine:
        model = "" if player.engine == "scripted" else player.model
        key = (player.engine, model, player.url, player.api_key_env)
        if key not in engines:
            engines[key] = build(player, settings)
        if player.reasoning_budget and not getattr(engines[key], "is_vllm", True):
            raise SettingsError(
                f"reasoning_budget is kept by vLLM, and {player.url or settings.server.url} is none: "
                "leave it out, or say it in that server's own words by extra_body"
            )
        return engines[key]

    student, teacher = engine(settings.student), engine(settings.teacher)
    reader = engine(settings.judge) if settings.judge.engine else None
    return Players(student, teacher, tuple(engines.values()), reader)


def notes(settings: Settings) -> list[str]:
    """Warnings about the engines, shown before generation starts."""
    if settings.student.engine != "server":
        return []
    try:
        student = build(settings.student, settings)
    except TutelageError:  # reported when the engines are built for the run
        return []
    gives_ids = getattr(student, "is_vllm", True)
    student.close()
    return [] if gives_ids else [NO_TOKEN_IDS]


def build(player: Player, settings: Settings) -> Engine:
    """Builds the engine of one player."""
    path = ENGINES.get(player.engine, player.engine)
    if player.engine == "vllm" and (url := _hot_swap_url(player.model)):
        path = ENGINES["server"]
        player = player.model_copy(update={"model": HOT_SWAP_MODEL})
        server = settings.server.model_copy(update={"url": url, "api_key_env": access.KEY_VARIABLE})
        settings = settings.model_copy(update={"server": server})
    if player.url or player.api_key_env:
        overrides = {"url": player.url, "api_key_env": player.api_key_env}
        server = settings.server.model_copy(update={k: v for k, v in overrides.items() if v})
        settings = settings.model_copy(update={"server": server})
    if path == ENGINES["server"] and "," in settings.server.url:
        path = "tutelage.engines.replicas:Replicas"
    engine: Engine = plugins.load(path, ENGINES, "engine", _NEEDS)(player, settings)
    return engine


def _hot_swap_url(model: str) -> str:
    """URL of a hot-swap server that holds `model`; empty if there is none."""
    urls: dict[str, str] = json.loads(os.environ.get(HOT_SWAP_SERVERS) or "{}")
    return urls.get(model, "")
