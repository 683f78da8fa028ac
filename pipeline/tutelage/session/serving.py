"""The vLLM servers of one machine, for all processes on it that play, watched while the run lasts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from tutelage.engines import access
from tutelage.engines.launch import VllmServer
from tutelage.engines.supervisor import Supervisor
from tutelage.engines.vllm_options import replicas
from tutelage.errors import SettingsError
from tutelage.settings import Player, Settings
from tutelage.shards import RunFolder
from tutelage.shards.folder import near

Say = Callable[[str], None]


@contextmanager
def serving(settings: Settings, folder: RunFolder, say: Say, give_up: Say) -> Iterator[Settings]:
    """Starts a server, or as many as `vllm.replicas` says, and gives the settings by which workers
    find them.

    Args:
        settings: of the run.
        folder: of the run, or another in whose logs the servers write.
        say: is told what a waiting person wants to know.
        give_up: is told why, from any thread, when a server is beyond help.

    Raises:
        SettingsError: the players want different models, or more GPUs than there are.
        ModelError: the model does not load.
    """
    players = on_vllm(settings)
    if not players:
        yield settings
        return
    if len({player.model for player in players.values()}) > 1:
        raise SettingsError(
            "two models in several local processes want two servers: start one yourself and name "
            "it by server.url, or use one process"
        )
    model = next(iter(players.values())).model
    environments = replicas(settings.vllm)
    names = [f"vllm-{n}.log" if n else "vllm.log" for n in range(len(environments))]
    start = partial(VllmServer, settings, model)
    with ExitStack() as stack:
        urls = []
        for server in _started(
            start, [near(folder.logs) / name for name in names], environments, say
        ):
            running = stack.enter_context(server)
            stack.enter_context(Supervisor(running, settings.vllm, say, give_up))
            urls.append(running.url)
        yield served(settings, ",".join(urls))


def on_vllm(settings: Settings) -> dict[str, Player]:
    """The players that vLLM plays, by side."""
    players = {"student": settings.student, "teacher": settings.teacher, "judge": settings.judge}
    return {side: player for side, player in players.items() if player.engine == "vllm"}


def served(settings: Settings, url: str) -> Settings:
    """The same, with the players on vLLM behind servers of ours."""
    update: dict[str, Any] = {
        side: player.model_copy(update={"engine": "server"})
        for side, player in on_vllm(settings).items()
    }
    update["server"] = settings.server.model_copy(
        update={"url": url, "api_key_env": access.KEY_VARIABLE}
    )
    return settings.model_copy(update=update)


def _started(
    start: Callable[..., VllmServer],
    logs: Sequence[Any],
    environments: Sequence[Mapping[str, str]],
    say: Say,
) -> list[VllmServer]:
    """The servers, started at once; none is left where one does not start."""
    access.key()  # one for all, before any thread asks for it
    with ThreadPoolExecutor(len(logs)) as pool:
        starting = [
            pool.submit(start, log, say, environment=environment)
            for log, environment in zip(logs, environments, strict=True)
        ]
    if any(one.exception() for one in starting):
        for one in starting:
            if not one.exception():
                one.result().close()
    return [one.result() for one in starting]
