"""Several servers of one model as one engine.

All requests of a dialogue go to the same server, whose cache holds their prefix.
"""

from collections.abc import Mapping
from zlib import crc32

from tutelage.engines import metrics
from tutelage.engines.server import Client
from tutelage.records import Reply, Request
from tutelage.settings import Player, Settings

SEPARATOR = ","
"""Separates the URLs in `server.url`."""


class Replicas:
    """The `server` engine when `server.url` has several URLs."""

    def __init__(self, player: Player, settings: Settings) -> None:
        """Probes the servers. Raises as `Client` does."""
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
        """Sum over all servers."""
        return sum(client.capacity for client in self._clients)

    async def reply(self, request: Request) -> Reply:
        """Returns one reply; see `Engine`."""
        checksum = crc32(request.dialogue.dialogue_id.encode())
        return await self._clients[checksum % len(self._clients)].reply(request)

    def gauges(self) -> Mapping[str, float]:
        """Merged gauges of all servers."""
        return metrics.merged(client.gauges() for client in self._clients)

    def close(self) -> None:
        """Closes each client."""
        for client in self._clients:
            client.close()
