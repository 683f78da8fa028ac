"""Engines: messages in; text, token ids, log-probabilities and usage out.

    name        what answers                                        for
    vllm        vLLM in this process, or a server we started        students and teachers
    server      any OpenAI-compatible URL                           students and teachers
    batch       batch files of an OpenAI-compatible API             teachers and readers
    worked      rules over the worked solution, no model            teachers
    scripted    draws by digest, no model                           tests, load, demonstrations

An engine knows nothing of dialogues' rules: it answers one `Request` at a time, as many at once as it
likes. A failure is an `EngineError` whose class says whether to try again; a bad reply is a reply.
Wherever a name is accepted, so is `package.module:Class`.
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
"""Variable of the environment: `{model: URL}` as JSON, of servers that `engines.hot_swap` keeps. A
player on vLLM with such a model is answered there; what the run's settings say is the same."""
HOT_SWAP_MODEL = "resident"
"""What such a server calls its model, whatever it holds."""


NO_TOKEN_IDS = (
    "note: the student's server gives no token ids, so that `train sft` can use the rows and "
    "`train rl` cannot; for RL, let vLLM serve the student"
)


class Engine(Protocol):
    """Answers requests, many at once, on the caller's event loop."""

    @property
    def capacity(self) -> int:
        """Asks that it works on at once; more of them wait inside."""

    async def reply(self, request: Request) -> Reply:
        """One reply. Raises `Transient`, `Permanent` or `Fatal`, and nothing else."""

    def gauges(self) -> Mapping[str, float]:
        """Counters and gauges for telemetry, as they stand.

        What is not this object's own, such as a server's counters, is marked with its place: see
        `engines.metrics`.
        """

    def close(self) -> None:
        """Gives back what it holds. Called once."""


@dataclass(frozen=True, slots=True)
class Players:
    """Who speaks for each side. One engine may play both."""

    student: Engine
    teacher: Engine
    distinct: tuple[Engine, ...] = field(default=())
    reader: Engine | None = None

    def player(self, name: str) -> Engine:
        """The engine behind a player of a request; questions are written by the student's."""
        if name == "reader" and self.reader is not None:
            return self.reader
        return self.teacher if name == "teacher" else self.student

    @property
    def capacity(self) -> int:
        """Asks that all players together work on at once."""
        return sum(engine.capacity for engine in self.distinct)

    def gauges(self) -> dict[str, float]:
        """The engines' gauges, summed by name; a place that several read is counted once."""
        return metrics.merged(engine.gauges() for engine in self.distinct)

    def close(self) -> None:
        """Closes each engine once."""
        for engine in self.distinct:
            engine.close()


def players(settings: Settings) -> Players:
    """The engines of a run; student and teacher share one where engine and model are the same.

    Raises:
        ModelError: a model is not there.
        SettingsError: an engine cannot be built from these settings.
    """
    engines: dict[tuple[str, ...], Engine] = {}

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
    """What a person wants to know of the engines before anything is generated."""
    if settings.student.engine != "server":
        return []
    try:
        student = build(settings.student, settings)
    except TutelageError:  # whoever starts the engines says so
        return []
    gives_ids = getattr(student, "is_vllm", True)
    student.close()
    return [] if gives_ids else [NO_TOKEN_IDS]


def build(player: Player, settings: Settings) -> Engine:
    """The engine of one side."""
    path = ENGINES.get(player.engine, player.engine)
    if player.engine == "vllm" and (url := _hot_swap_url(player.model)):
        path = ENGINES["server"]
        player = player.model_copy(update={"model": HOT_SWAP_MODEL})
        server = settings.server.model_copy(update={"url": url, "api_key_env": access.KEY_VARIABLE})
        settings = settings.model_copy(update={"server": server})
    if player.url or player.api_key_env:
        given = {"url": player.url, "api_key_env": player.api_key_env}
        server = settings.server.model_copy(update={k: v for k, v in given.items() if v})
        settings = settings.model_copy(update={"server": server})
    if path == ENGINES["server"] and "," in settings.server.url:
        path = "tutelage.engines.replicas:Replicas"
    engine: Engine = plugins.load(path, ENGINES, "engine", _NEEDS)(player, settings)
    return engine


def _hot_swap_url(model: str) -> str:
    """URL of a resident server that holds `model`; empty where none does."""
    urls: dict[str, str] = json.loads(os.environ.get(HOT_SWAP_SERVERS) or "{}")
    return urls.get(model, "")
