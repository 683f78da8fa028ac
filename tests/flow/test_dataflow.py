"""A run on Dataflow, by Beam's own client: what is submitted, what its workers do, how it ends."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest

pytest.importorskip("google.cloud.dataflow_v1beta3", reason="apache-beam[gcp] is not installed")

from cloud.dataflow import Dataflow
from cloud.fixtures import without_queries
from cloud.storage import Buckets, serving, url
from runs import scripted
from tutelage.flow import run
from tutelage.shards import RunFolder, entries
from tutelage.shards.journal import files
from tutelage.storage import location

CANCELLED = 5
"""Of `JobState`, as its client writes it."""
ACCELERATOR = "type:nvidia-l4;count:1;install-nvidia-driver"


class Cloud:
    """A store and a service that share a port."""

    def __init__(self, folder, workers=0):
        self.buckets = Buckets()
        self.dataflow = Dataflow(self.buckets, folder, workers)

    def options(self, *more):
        return (
            "--runner=DataflowRunner",
            "--project=a-project",
            "--region=us-central1",
            "--temp_location=gs://bucket/tmp",
            "--no_auth",
            f"--dataflow_endpoint=http://localhost:{self.port}",
            "--num_workers=2",
            *more,
        )

    def url(self, name):
        return url(self.port, f"bucket/{name}")


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as made:
        yield made


def serve(cloud, patch):
    without_queries(patch)
    with serving(cloud.buckets, cloud.dataflow) as port:
        cloud.port = port
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
        yield cloud


@pytest.fixture
def idle(tmp_path, monkeypatch):
    """Jobs that run, and do nothing."""
    yield from serve(Cloud(tmp_path), monkeypatch)


@pytest.fixture(scope="module")
def done(tmp_path_factory, patch):
    """A run that two workers played; its cloud and its folder."""
    patch.setenv("TUTELAGE_CACHE", str(tmp_path_factory.mktemp("cache")))
    for cloud in serve(Cloud(tmp_path_factory.mktemp("workers"), workers=2), patch):
        settings = scripted(limit=60, sets=[f"flow.accelerator={ACCELERATOR}", "flow.min_ram=20GB"])
        run(settings, cloud.url("run"), cloud.options())
        yield cloud


def published(folder):
    kinds = ("shards", "rejects", "manifest.json")
    found = {}
    for path in folder.rglob("*"):
        name = str(path).removeprefix(str(folder)).lstrip("/")
        if path.is_file() and name.split("/")[0] in kinds:
            found[name] = path.read_bytes()
    return found


def test_two_workers_with_nothing_but_the_wheel_give_the_bytes_of_a_local_run(done, tmp_path):
    assert done.dataflow.faults == []
    run(scripted(limit=60), str(tmp_path / "near"))
    far = RunFolder(location(done.url("run")))
    near = published(tmp_path / "near")
    for name, data in near.items():
        assert done.buckets.objects["bucket", f"run/{name}"] == data, name
    journals = files(far.journal)
    counts = [sum(1 for _ in entries(file)) for file in journals]
    assert len(counts) == 2 and min(counts) >= 5 and sum(counts) == 60, "both have played"


def test_what_was_submitted(done):
    generate, publish = done.dataflow.jobs
    options = generate["environment"]["sdkPipelineOptions"]["options"]
    assert options["project"] == "a-project" and options["num_workers"] == 2
    assert not options.get("save_main_session")
    pool = generate["environment"]["workerPools"][0]
    assert pool["numWorkers"] == 2
    for job in (generate, publish):
        wheels = [name for name in done.dataflow.staged(job) if name.startswith("tutelage-")]
        assert len(wheels) == 1
        names = zipfile.ZipFile(io.BytesIO(done.dataflow.staged(job)[wheels[0]])).namelist()
        assert "tutelage/prompts/student/small.j2" in names
        assert "tutelage/schemas/dialogue.v1.json" in names
        assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    played = hinted(done.dataflow.pipelines[0])
    assert set(played) == {"play"}
    assert played["play"] == {
        "beam:resources:accelerator:v1": ACCELERATOR.encode(),
        "beam:resources:min_ram_bytes:v1": b"20000000000",
    }
    assert hinted(done.dataflow.pipelines[1]) == {}
    steps = {t.unique_name for t in done.dataflow.pipelines[0].components.transforms.values()}
    assert "meet" in steps, "reading and playing are two steps"


def hinted(pipeline):
    """The resources that steps ask for, by step."""
    environments = pipeline.components.environments
    found = {}
    steps = [step for step in pipeline.components.transforms.values() if step.environment_id]
    for transform in steps:
        wanted = (
            environments[transform.environment_id].resource_hints
            if transform.environment_id
            else {}
        )
        if wanted and not transform.subtransforms:
            found[transform.unique_name.split("/")[0]] = dict(wanted)
    return found


def test_an_interrupted_launcher_cancels_its_job(idle, tmp_path):
    command = [
        sys.executable, "-m", "tutelage", "generate", "starter?size=5", "--engine", "scripted",
        "--out", idle.url("run"), "--", *idle.options(),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    limit = time.monotonic() + 120
    while not idle.dataflow.jobs and time.monotonic() < limit:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=120)
    assert process.returncode == 130, words
    (job,) = idle.dataflow.jobs
    assert job["requestedState"] in (CANCELLED, "JOB_STATE_CANCELLED")
    assert "cancelling the job" in words and "same command" in words
