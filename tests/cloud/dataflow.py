"""Dataflow's jobs over loopback, as Beam's client creates, follows and cancels them.

With workers, a job is executed: by Beam's local runner from the pipeline that was *staged*, its
containers replaced by processes that have nothing of ours but the wheel that was staged with it.
"""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from cloud.storage import Answer, Buckets, Request

_JOBS = re.compile(
    r"/v1b3/projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/jobs"
    r"(?:/(?P<job>[^/]+))?(?:/(?P<part>messages|metrics))?"
)


class Dataflow:
    """All jobs. Those that are not executed run until they are cancelled."""

    def __init__(self, buckets: Buckets, folder: Path, workers: int = 0) -> None:
        self.jobs: list[dict[str, Any]] = []
        """As they were submitted, with `currentState` as it stands."""
        self.pipelines: list[Any] = []
        """The pipeline of each job, as it was staged."""
        self.faults: list[str] = []
        self._buckets = buckets
        self._folder = folder
        self._workers = workers

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request about jobs; None where it is none."""
        asked = _JOBS.fullmatch(request.path)
        if asked is None:
            return None
        if request.verb == "POST":
            return Answer.of(self._create(json.loads(request.body), asked))
        job = next(job for job in self.jobs if job["id"] == asked["job"])
        if asked["part"] == "messages":
            return Answer.of({"jobMessages": []})
        if asked["part"] == "metrics":
            return Answer.of({"metrics": []})
        if request.verb == "PUT":
            job["requestedState"] = json.loads(request.body)["requestedState"]
            job["currentState"] = job["requestedState"]
        return Answer.of(job)

    def staged(self, job: dict[str, Any]) -> dict[str, bytes]:
        """The files that were staged with a job."""
        packages = job["environment"]["workerPools"][0].get("packages", [])
        found = {}
        for package in packages:
            location = package["location"].removeprefix("storage.googleapis.com/")
            bucket, _, name = location.partition("/")
            found[package["name"]] = self._buckets.objects[bucket, name]
        return found

    def _create(self, job: dict[str, Any], asked: re.Match[str]) -> dict[str, Any]:
        job |= {
            "id": f"2026-01-01_{len(self.jobs):04d}",
            "projectId": asked["project"],
            "location": asked["region"],
            "currentState": "JOB_STATE_RUNNING",
        }
        location = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
        bucket, _, name = location.removeprefix("gs://").partition("/")
        pipeline = beam_runner_api_pb2.Pipeline.FromString(self._buckets.objects[bucket, name])
        self.jobs.append(job)
        self.pipelines.append(pipeline)
        if self._workers:
            threading.Thread(target=self._execute, args=(job, pipeline), daemon=True).start()
        return job

    def _execute(self, job: dict[str, Any], pipeline: Any) -> None:
        try:
            with _Pool(self._installed(job)) as pool:
                for environment in pipeline.components.environments.values():
                    environment.urn = "beam:env:external:v1"
                    del environment.dependencies[:]
                    endpoint = endpoints_pb2.ApiServiceDescriptor(url=f"localhost:{pool.port}")
                    payload = beam_runner_api_pb2.ExternalPayload(endpoint=endpoint)
                    environment.payload = payload.SerializeToString()
                runner = FnApiRunner()
                runner._num_workers = self._workers
                options = PipelineOptions(
                    [
                        f"--direct_num_workers={self._workers}",
                        "--direct_running_mode=multi_processing",
                    ]
                )
                state = runner.run_via_runner_api(pipeline, options).wait_until_finish()
                job["currentState"] = f"JOB_STATE_{state}"
        except Exception as fault:
            self.faults.append(str(fault))
            job["currentState"] = "JOB_STATE_FAILED"

    def _installed(self, job: dict[str, Any]) -> Path:
        """A folder with what was staged, unpacked as `pip install --no-deps --target` would."""
        folder = self._folder / job["id"]
        folder.mkdir()
        for name, data in self.staged(job).items():
            if name.endswith(".whl"):
                zipfile.ZipFile(BytesIO(data)).extractall(folder)
        return folder


class _Pool:
    """Starts workers when a runner asks for one; they see `folder` and nothing of the checkout."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as held:
            held.bind(("localhost", 0))
            self.port = held.getsockname()[1]
        binaries = Path(sys.executable).parent
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "apache_beam.runners.worker.worker_pool_main",
                f"--service_port={self.port}",
            ],
            cwd=folder,
            env=os.environ
            | {
                "PYTHONPATH": str(folder),
                "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
                "TUTELAGE_CACHE": str(folder / "cache"),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> "_Pool":
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                socket.create_connection(("localhost", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the pool of workers does not listen")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
