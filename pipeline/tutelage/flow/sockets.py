"""Puts Beam's services of a local run on sockets that only this user can reach.

Beam binds its control, data, state and logging services to all interfaces without authentication:
anyone who reaches one can make the workers run code. Inside `private_services`, the services that this
thread starts listen on Unix sockets in a folder of mode 700 instead. Workers in containers or external
pools cannot use Unix sockets; runs with those get Beam's own ports.
"""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.runners.portability.fn_api_runner import worker_handlers

_FOLDER: ContextVar[Path | None] = ContextVar("folder of sockets", default=None)
_LONGEST_PATH = 60
"""A Unix socket's path may have 107 bytes; ours adds the names of a folder and a socket."""


@contextmanager
def private_services() -> Iterator[None]:
    """While entered, services that this thread starts can be reached by this user only."""
    parent = None if len(tempfile.gettempdir()) < _LONGEST_PATH else "/tmp"
    with tempfile.TemporaryDirectory(prefix="tutelage-", dir=parent) as folder:
        token = _FOLDER.set(Path(folder))
        try:
            yield
        finally:
            _FOLDER.reset(token)


class _Grpc:
    """Replaces the module `grpc` within Beam's; it differs in the address where a server listens."""

    def __getattr__(self, name: str) -> Any:
        return getattr(grpc, name)

    def server(self, *args: Any, **options: Any) -> Any:
        """A server that listens on Unix sockets while `private_services` is entered."""
        server = grpc.server(*args, **options)
        folder = _FOLDER.get()
        if folder is not None:
            listen = server.add_insecure_port

            def add_insecure_port(_: str) -> str:
                address = f"unix:{folder / uuid.uuid4().hex[:12]}"
                listen(address)
                return address

            server.add_insecure_port = add_insecure_port
        return server


def _port_from_worker(handler: Any, port: int | str) -> str:
    """The address of a port as a worker needs it; a socket's path is already one."""
    return port if isinstance(port, str) else f"{handler.host_from_worker()}:{port}"


worker_handlers.grpc = _Grpc()
worker_handlers.GrpcWorkerHandler.port_from_worker = _port_from_worker
