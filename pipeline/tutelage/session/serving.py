"""One vLLM server for all worker processes of this machine, watched while the run lasts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tutelage.engines import access
from tutelage.engines.launch import VllmServer
from tutelage.engines.supervisor import Supervisor
from tutelage.errors import SettingsError
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.folder import near

Say = Callable[[str], None]


@contextmanager
def serving(settings: Settings, folder: RunFolder, say: Say, give_up: Say) -> Iterator[Settings]:
    """Starts the server, and gives the settings by which workers find it.

    Args:
        say: is told what a waiting person wants to know.
        give_up: is told why, from any thread, when the server is beyond help.

    Raises:
        SettingsError: the players want different models.
        ModelError: the model does not load.
    """
    players = {
        "student": settings.student,
        "teacher": settings.teacher,
        "judge": settings.judge,
    }
    on_vllm = {side: player for side, player in players.items() if player.engine == "vllm"}
    if not on_vllm:
        yield settings
        return
    if len({player.model for player in on_vllm.values()}) > 1:
        raise SettingsError(
            "two models in several local processes want two servers: start one yourself and name "
            "it by server.url, or use one process"
        )
    model = next(iter(on_vllm.values())).model
    log = near(folder.logs) / "vllm.log"
    with (
        VllmServer(settings, model, log, say) as server,
        Supervisor(server, settings.vllm, say, give_up),
    ):
        update: dict[str, Any] = {
            side: player.model_copy(update={"engine": "server"}) for side, player in on_vllm.items()
        }
        update["server"] = settings.server.model_copy(
            update={"url": server.url, "api_key_env": access.KEY_VARIABLE}
        )
        yield settings.model_copy(update=update)
