"""What Beam starts for a local run is nobody's but the user's who runs it."""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import worker_handlers

from tutelage.flow import beam_options, sockets

MODES = ["multi_threading", "multi_processing"]
LISTEN = "0A"


def tree() -> set[int]:
    """This process and all below it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    known, new = set(), {os.getpid()}
    while new:
        known |= new
        new = {child for child, parent in parents.items() if parent in new} - known
    return known


def listening() -> set[int]:
    """Ports at which this process or one below it listens for TCP, on whatever interface."""
    inodes = set()
    for process in tree():
        for descriptor in Path(f"/proc/{process}/fd").glob("*"):
            with contextlib.suppress(OSError):
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def try_as_nobody(folder: str) -> str:
    """What another user is told who looks for the sockets in a folder."""
    code = f"import os; os.setgid(65534); os.setuid(65534); print(os.listdir({folder!r}))"
    tried = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    return tried.stderr


@pytest.mark.parametrize("mode", MODES)
def test_a_local_run_listens_on_sockets_of_its_user(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/net/tcp").exists():
        pytest.skip("looks for processes in /proc")
    before, seen = listening(), []
    close = worker_handlers.GrpcServer.close

    def look(server: worker_handlers.GrpcServer) -> None:
        ports = (server.control_port, server.data_port, server.state_port, server.logging_port)
        folder = str(Path(str(server.control_port).removeprefix("unix:")).parent)
        seen.append((ports, listening() - before, folder, Path(folder).stat().st_mode & 0o777))
        if os.geteuid() == 0:
            assert "PermissionError" in try_as_nobody(folder)
        close(server)

    monkeypatch.setattr(worker_handlers.GrpcServer, "close", look)
    options = beam_options.parse([f"--direct_running_mode={mode}", "--direct_num_workers=2"])
    with beam.Pipeline(runner=beam_options.runner(options), options=options) as pipeline:
        _ = pipeline | beam.Create([1, 2, 3]) | beam.Map(lambda number: number + 1)
    assert seen
    for ports, opened, folder, access in seen:
        assert all(str(port).startswith("unix:") for port in ports)
        assert opened == set()
        assert access == 0o700
        assert not Path(folder).exists(), "the sockets go with the run"


def test_a_long_temporary_folder_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp/" + "a" * 120)
    with sockets.private_services():
        server = worker_handlers.grpc.server(ThreadPoolExecutor(1))
        port = server.add_insecure_port("[::]:0")
        assert Path(port.removeprefix("unix:")).is_socket()
        server.stop(None)
