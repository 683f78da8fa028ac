"""Beam's own services of a local run, where nobody but this user can reach them.

Beam binds its control, data, state and logging services to all interfaces, and asks nobody who he
is: whoever reaches one may hand code to the workers. While `private_services` is entered, what this
thread starts listens on Unix sockets instead, in a folder of mode 700. Not for workers in
containers or pools elsewhere, which a Unix socket does not reach: a run that names those gets
Beam's own ports.
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
"""A Unix socket's path has 107 bytes at most; ours ends in the name of a folder and a socket."""


@contextmanager
def private_services() -> Iterator[None]:
    """Services of Beam that are started in here, by this thread, are this user's alone."""
    parent = None if len(tempfile.gettempdir()) < _LONGEST_PATH else "/tmp"
    with tempfile.TemporaryDirectory(prefix="tutelage-", dir=parent) as folder:
        token = _FOLDER.set(Path(folder))
        try:
            yield
        finally:
            _FOLDER.reset(token)


class _Grpc:
    """Stands in for the module `grpc` in Beam's: the same, but for where a server listens."""

    def __getattr__(self, name: str) -> Any:
        return getattr(grpc, name)

    def server(self, *args: Any, **options: Any) -> Any:
        """A server whose ports are paths of sockets, where such were asked for."""
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
    """What a worker is told of a port: a socket is its own address."""
    return port if isinstance(port, str) else f"{handler.host_from_worker()}:{port}"


worker_handlers.grpc = _Grpc()
worker_handlers.GrpcWorkerHandler.port_from_worker = _port_from_worker
