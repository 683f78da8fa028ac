"""Workers on other machines: what they would not find is refused, and what they find is checked."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs import scripted
from tutelage.corpora import open_corpus
from tutelage.corpora.files import Files
from tutelage.errors import CorpusError, RunFailed, SettingsError
from tutelage.flow import run

PORTABLE = ("--runner=PortableRunner", "--job_endpoint=localhost:1")
ROWS = 60


@pytest.fixture
def problems(tmp_path, monkeypatch):
    """A relative path."""
    monkeypatch.chdir(tmp_path)
    path = Path("problems.jsonl")
    path.write_text(lines(range(2, ROWS + 2)) + '{"broken\n')
    return str(path)


def lines(numbers):
    rows = ({"statement": f"What is {n} + {n * n}?", "answer": str(n + n * n)} for n in numbers)
    return "".join(json.dumps(row) + "\n" for row in rows)


def refused(settings, out="gs://bucket/run"):
    with pytest.raises(SettingsError, match="the workers of PortableRunner do not see") as caught:
        run(settings, out, PORTABLE)
    message = str(caught.value)
    assert "\n" not in message and "flow.shared_files=true" in message
    return message


def test_what_only_this_machine_has_is_refused(problems, tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "model").mkdir()
    asked = scripted(limit=3)
    assert "--out outputs/run" in refused(asked, "outputs/run")
    assert "--out file:///tmp/x" in refused(asked, "file:///tmp/x")
    assert f"corpus {problems}" in refused(scripted(corpora=(problems,)))
    assert f"evaluation set {problems}" in refused(scripted(decontaminate__paths=(problems,)))
    assert f"prompts {tmp_path}/prompts" in refused(scripted(prompts=str(tmp_path / "prompts")))
    model = asked.student.model_copy(update={"engine": "vllm", "model": str(tmp_path / "model")})
    assert "student.model" in refused(asked.model_copy(update={"student": model}))
    assert not (tmp_path / "outputs").exists(), "before anything starts"


def test_pinned_files_are_read_from_anywhere_and_by_size(problems, tmp_path, monkeypatch):
    corpus = open_corpus(problems)
    assert isinstance(corpus, Files)
    here = list(corpus.rows())
    pinned = corpus.pinned()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert list(pinned.rows()) == here, "reasons included, which name the file as it was named"
    with pytest.raises(CorpusError, match=r"problems.jsonl cannot be read: No such file"):
        list(corpus.rows())
    with (tmp_path / problems).open("a") as file:
        file.write("{}\n")
    with pytest.raises(CorpusError, match=r"problems.jsonl has .* bytes for this worker, and"):
        list(pinned.rows())


def test_a_file_that_cannot_be_opened_ends_the_run(problems, tmp_path, monkeypatch):
    """It is never a row that is dead, with a manifest that says that all is well."""
    second = tmp_path / "second.jsonl"
    second.write_text(lines(range(200, 220)))
    real = Files.read

    def read(files, *args):
        second.unlink(missing_ok=True)
        return real(files, *args)

    settings = scripted(corpora=("*.jsonl",))
    monkeypatch.setattr(Files, "read", read)
    with pytest.raises(CorpusError, match=r"second.jsonl cannot be read: No such file"):
        run(settings, str(tmp_path / "run"))
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_a_graph_that_wrote_nothing_here_is_a_failed_run(tmp_path, monkeypatch):
    """As when workers see another folder by the name of the run."""
    monkeypatch.setattr("tutelage.flow.generate.build", lambda pipeline, *_: None)
    with pytest.raises(RunFailed, match=r"the workers wrote nothing to .*another folder"):
        run(scripted(limit=3), str(tmp_path / "run"))
    monkeypatch.undo()
    monkeypatch.setattr("tutelage.flow.publish.build", lambda pipeline, *_: None)
    with pytest.raises(RunFailed, match="ended without a manifest"):
        run(scripted(limit=3), str(tmp_path / "run"))


@pytest.fixture
def portable(tmp_path):
    """Beam's own job service, and workers that were started in another folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    job, pool = free(), free()
    python = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{python}{os.pathsep}{os.environ['PATH']}"}
    commands = [
        ["apache_beam.runners.portability.local_job_service_main", "-p", str(job)],
        ["apache_beam.runners.worker.worker_pool_main", "--service_port", str(pool)],
    ]
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=elsewhere,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        for port in (job, pool):
            listening(port)
        yield (
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{job}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{pool}",
        )
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(timeout=30)


def free():
    with socket.socket() as held:
        held.bind(("localhost", 0))
        return held.getsockname()[1]


def listening(port):
    limit = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("localhost", port), 1).close()
        except OSError:
            assert time.monotonic() < limit, "it does not listen"
            time.sleep(0.1)


def test_workers_in_another_folder_give_the_same_bytes(portable, problems, tmp_path):
    settings = scripted(corpora=(problems,), sets=["flow.shared_files=true"])
    run(settings, "far", portable)
    run(settings, "near")
    for path in sorted(Path("near").rglob("*")):
        name = path.relative_to("near")
        if path.is_file() and name.parts[0] not in ("journal", "logs", "telemetry.json"):
            assert (Path("far") / name).read_bytes() == path.read_bytes(), name
    with pytest.raises(SettingsError, match="Beam has no option --no_such"):
        run(settings, "far", (*portable, "--no_such=1"))
    shutil.rmtree("far")
