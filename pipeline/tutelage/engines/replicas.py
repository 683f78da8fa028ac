"""Several servers of one model as one engine: a dialogue stays with the server that it began at, whose
cache holds its prefix.
"""

from collections.abc import Mapping
from zlib import crc32

from tutelage.engines import metrics
from tutelage.engines.server import Client
from tutelage.records import Reply, Request
from tutelage.settings import Player, Settings

SEPARATOR = ","
"""Between the URLs of `server.url`."""


class Replicas:
    """The `server` engine where `server.url` names several."""

    def __init__(self, player: Player, settings: Settings) -> None:
        """Finds out what the servers are. Raises as `Client`."""
        urls = [url.strip() for url in settings.server.url.split(SEPARATOR)]
        self._clients = [
            Client(
                player,
                settings.model_copy(
                    update={"server": settings.server.model_copy(update={"url": url})}
                ),
            )
            for url in urls
        ]

    @property
    def capacity(self) -> int:
        """Of all servers together."""
        return sum(client.capacity for client in self._clients)

    async def reply(self, request: Request) -> Reply:
        """One reply; see `Engine`."""
        drawn = crc32(request.dialogue.dialogue_id.encode())
        return await self._clients[drawn % len(self._clients)].reply(request)

    def gauges(self) -> Mapping[str, float]:
        """Of all servers together."""
        return metrics.merged(client.gauges() for client in self._clients)

    def close(self) -> None:
        """Closes each client."""
        for client in self._clients:
            client.close()
