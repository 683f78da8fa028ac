"""The vLLM servers of one machine, for all its processes that play; supervised while they run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from tutelage.engines import access
from tutelage.engines.vllm_options import replicas
from tutelage.errors import SettingsError
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.folder import near

if TYPE_CHECKING:
    from tutelage.engines.launch import VllmServer

Say = Callable[[str], None]


@contextmanager
def serving(settings: Settings, folder: RunFolder, say: Say, give_up: Say) -> Iterator[Settings]:
    """Starts `vllm.replicas` servers, and yields settings in which the players use them.

    Args:
        settings: of the run.
        folder: of the run, or another one for the servers' logs.
        say: called with progress, for the user who waits.
        give_up: called with a reason, from any thread, when a server cannot be kept running.

    Raises:
        SettingsError: the players have different models, or there are too few GPUs.
        ModelError: the model does not load.
    """
    players = settings.on_vllm()
    if not players:
        yield settings
        return
    if len({player.model for player in players.values()}) > 1:
        raise SettingsError(
            "two models in several local processes want two servers: start one yourself and name "
            "it by server.url, or use one process"
        )
    from tutelage.engines.launch import VllmServer  # with an HTTP client, for few runs
    from tutelage.engines.supervisor import Supervisor

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


def served(settings: Settings, url: str) -> Settings:
    """The same settings, with the players on vLLM using our servers."""
    update: dict[str, Any] = {
        side: player.model_copy(update={"engine": "server"})
        for side, player in settings.on_vllm().items()
    }
    update["server"] = settings.server.model_copy(
        update={"url": url, "api_key_env": access.KEY_VARIABLE}
    )
    return settings.model_copy(update=update)


def _started(
    start: Callable[..., "VllmServer"],
    logs: Sequence[Any],
    environments: Sequence[Mapping[str, str]],
    say: Say,
) -> "list[VllmServer]":
    """The servers, started in parallel; if one does not start, all are closed."""
    access.key()  # created here, so that all threads use the same
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
