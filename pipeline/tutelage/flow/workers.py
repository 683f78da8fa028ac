"""The worker processes of a local run, where Beam is asked for several (`multi_processing`).

Beam's own worker processes belong to the terminal's process group, so Ctrl-C ends them before they
can drain; they survive a killed parent and keep writing to the journal; they print dozens of lines to
standard error; and if one dies, the others and the parent wait for it forever. Ours each have a reaper
(`processes.reaper`) and log to the run's folder. The code that they run is Beam's.
"""

import re
import sys
import threading
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import grpc  # type: ignore[import-untyped]
from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    GrpcWorkerHandler,
    WorkerHandler,
)

from tutelage.errors import RunFailed
from tutelage.flow.sockets import private_services
from tutelage.processes.supervised import Supervised

_URN = "tutelage:worker_process"
_HERE = (
    _URN,
    python_urns.EMBEDDED_PYTHON,
    python_urns.EMBEDDED_PYTHON_GRPC,
    python_urns.EMBEDDED_PYTHON_LOOPBACK,
    python_urns.SUBPROCESS_SDK,
)
"""Environments whose workers are processes or threads of this machine."""
_MODULE = "apache_beam.runners.worker.sdk_worker_main"
_END_S = 10.0
"""Seconds that a reaper gets to end its process, which takes milliseconds."""
_TELLING = re.compile(r"^[\w.]*(?:Error|Exception|Killed|Fatal)\b.*", re.MULTILINE)

_POOLS: "WeakValueDictionary[str, WorkerPool]" = WeakValueDictionary()
"""By name, because a name is all that Beam passes to the code that starts a worker."""


class WorkerPool:
    """All worker processes of one run."""

    def __init__(self, log: Path, lost: Callable[[str], None]) -> None:
        """`log` receives their output; `lost` is called, with a reason, when one dies."""
        self.log = log
        self._lost = lost
        self._alive: set[Supervised] = set()
        self._ended = False
        self._lock = threading.Lock()
        self.name = uuid.uuid4().hex
        _POOLS[self.name] = self

    def start(self, environment: dict[str, str]) -> Supervised:
        """One more worker.

        Raises:
            RunFailed: the pool was told to end.
        """
        _hush()
        with self._lock:
            if self._ended:
                raise RunFailed("the run was told to end")
            process = Supervised([sys.executable, "-m", _MODULE], self.log, environment)
            self._alive.add(process)
        return process

    def await_end(self, process: Supervised, since: int) -> str:
        """Waits until a worker has ended; the reason, unless it simply finished."""
        status = process.wait()
        with self._lock:
            self._alive.discard(process)
            if not status:
                return ""
            if self._ended:
                return "the run was told to end"
        why = f"a worker process {_fate(status, self.log, since)} (log: {self.log})"
        self._lost(f"{why}; run the same command again to go on")
        return why

    def end(self) -> None:
        """Ends all workers at once, and waits until they are gone. No further one is started."""
        with self._lock:
            self._ended = True
            alive = list(self._alive)
        for process in alive:
            process.hang_up()
        for process in alive:
            process.end(_END_S)


class LocalRunner(FnApiRunner):
    """`FnApiRunner` with our worker processes, and services that only this user can reach."""

    def __init__(self, pool: WorkerPool | None = None) -> None:
        super().__init__()
        self._pool = pool

    def run_via_runner_api(self, pipeline_proto: Any, options: Any) -> Any:
        """As Beam's, but we start the workers, and they reach this process by private sockets."""
        environments = pipeline_proto.components.environments.values()
        for environment in environments:
            if environment.urn == python_urns.SUBPROCESS_SDK and self._pool is not None:
                environment.urn = _URN
                environment.payload = self._pool.name.encode()
        if any(environment.urn not in _HERE for environment in environments):
            return super().run_via_runner_api(pipeline_proto, options)
        with private_services():
            return super().run_via_runner_api(pipeline_proto, options)


@WorkerHandler.register_environment(_URN, bytes)
class _Worker(GrpcWorkerHandler):
    """Beam's handle of one worker: starts it, and waits for its end."""

    def __init__(self, pool: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._pool = _POOLS[pool.decode()]

    def start_worker(self) -> None:
        """Starts the process, which finds this one by environment variables."""
        since = self._pool.log.stat().st_size if self._pool.log.exists() else 0
        process = self._pool.start(
            {
                "CONTROL_API_SERVICE_DESCRIPTOR": f'url: "{self.control_address}"',
                "WORKER_ID": self.worker_id,
                # glibc has one arena per thread, and returns little of the memory that is freed in it.
                "MALLOC_ARENA_MAX": "2",
            }
        )

        def follow() -> None:
            if why := self._pool.await_end(process, since):
                self.control_conn.abort(RunFailed(why))

        self._thread = threading.Thread(target=follow, name="worker", daemon=True)
        self._thread.start()

    def stop_worker(self) -> None:
        """Waits for the worker, which ends by itself when it has no more work."""
        self._thread.join()


def _fate(status: int, log: Path, since: int) -> str:
    """How a worker ended, from its exit status and its log, in a few words."""
    if status < 0 or status > 192:  # a signal, as a negative number, which the reaper passes on
        return f"was killed by signal {-status if status < 0 else 256 - status}"
    with log.open("rb") as file:
        file.seek(since)
        text = file.read()[-20_000:].decode("utf-8", "replace")
    last = (_TELLING.findall(text) or text.strip().splitlines() or [f"status {status}"])[-1]
    return f"died: {' '.join(last.split())[:300]}"


@cache
def _hush() -> None:
    """Silences the tracebacks of Beam's threads when a worker is gone: we report that ourselves."""
    before = threading.excepthook

    def report(fault: threading.ExceptHookArgs) -> None:
        if not issubclass(fault.exc_type, grpc.RpcError):
            before(fault)

    threading.excepthook = report
