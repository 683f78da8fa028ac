"""`tutelage launch`: presets as the command line resolves them; nothing here submits anything."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud.storage import Answer, serving
from tutelage.cli import generate
from tutelage.cli.launch import command
from tutelage.errors import SettingsError
from tutelage.flow import beam_options, dataflow

ROOT = Path(__file__).resolve().parents[2]
BASE = (
    "starter?size=9", "--project", "my-project", "--region", "europe-west4",
    "--out", "gs://bucket/run",
)  # fmt: skip
GPU = ("--image", "europe-docker.pkg.dev/p/r/tutelage:1")


def shown(*words):
    words = words if "--show" in words else (*words, "--show")
    result = CliRunner().invoke(command, [*BASE, *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def equal_command(output):
    """The `generate` command that was printed: its options, and Beam's."""
    words = shlex.split(output.strip().splitlines()[-1])
    assert words[:2] == ["tutelage", "generate"]
    cut = words.index("--")
    return words[2:cut], words[cut + 1 :]


@pytest.mark.parametrize("kind", dataflow.GPUS)
def test_each_kind_of_gpu(kind):
    words, flags = equal_command(shown("--gpu", kind, "--workers", "3", *GPU))
    gpu = dataflow.GPUS[kind]
    assert f"flow.accelerator=type:{gpu.type};count:1;install-nvidia-driver" in words
    assert f"flow.min_ram={gpu.min_ram}" in words
    options = beam_options.parse([f for f in flags if not f.startswith("--runner")])
    every = options.get_all_options()
    assert every["project"] == "my-project" and every["region"] == "europe-west4"
    assert (every["num_workers"], every["max_num_workers"]) == (3, 3)
    assert every["temp_location"] == "gs://bucket/tmp/dataflow"
    assert every["sdk_container_image"] == GPU[1]
    assert every["experiments"] == ["no_use_multiple_sdk_containers"], "one engine a machine"
    assert every["machine_type"] == dataflow.MACHINE, "no GPU for the steps that need none"
    assert not [s for s in every["dataflow_service_options"] or [] if "accelerator" in s]
    assert "--runner=DataflowRunner" in flags


def test_the_equal_command_is_one_that_generate_takes(monkeypatch):
    given = ("--samples", "4", "--q-priming", "--arm", "sml,retry", "--set", "turns=3")
    more = ("--", "--no_use_public_ips")
    # The command line is looked at for what follows `--`, which click takes away.
    monkeypatch.setattr("sys.argv", ["tutelage", "launch", *more])
    output = shown("--gpu", "h100", "--gpus", "8", *GPU, *given, "--show", *more)
    words, flags = equal_command(output)
    assert "--no_use_public_ips" in flags
    with generate.command.make_context("generate", [*words, "--", *flags]) as context:
        params = context.params
    assert params["samples"] == 4 and params["q_priming"] is True and params["arm"] == "sml,retry"
    assert params["out"] == "gs://bucket/run"
    assert "vllm.tensor_parallel_size=8" in params["sets"] and params["sets"][-1] == "turns=3"
    options = dict(params)
    corpora = options.pop("corpora")[: -len(flags)]
    for name in ("out", "quiet", "resume", "preview"):
        options.pop(name)
    settings = generate.resolved(
        corpora, options.pop("config"), options.pop("sets"), options.pop("mapping"),
        options.pop("arm"), options,
    )  # fmt: skip
    assert settings.flow.accelerator == "type:nvidia-h100-80gb;count:8;install-nvidia-driver"
    assert settings.vllm.tensor_parallel_size == 8 and settings.turns == 3


def test_without_a_gpu_nothing_is_asked_for():
    words, flags = equal_command(shown("--engine", "scripted"))
    assert not [word for word in words if word.startswith("flow.")]
    assert not [flag for flag in flags if "image" in flag]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x", "--out", "gs://b/r"), "Dataflow wants --project and --region, such as"),
        (("x", "--project", "p", "--out", "gs://b/r"), "Dataflow wants --region, such as"),
        (("x", "--project", "p", "--region", "r"), "got none"),
        (("x", "--project", "p", "--region", "r", "--out", "outputs/a"), "got outputs/a"),
        ((*BASE, "--gpu", "l4"), "wants --image"),
        ((*BASE, "--show", "--", "--no_such=1"), "Beam has no option --no_such=1"),
    ],
)
def test_what_is_missing_is_one_line(words, message, monkeypatch):
    monkeypatch.setattr("sys.argv", ["tutelage", "launch", *words])
    with pytest.raises(SettingsError, match=message) as caught:
        CliRunner().invoke(command, words, catch_exceptions=False)
    assert "\n" not in str(caught.value)


def test_generate_has_none_of_the_options_of_launch():
    assert {"project", "gpu", "show_only"}.isdisjoint({p.name for p in generate.command.params})


def checked(*words):
    result = CliRunner().invoke(command, ["check", *words])
    lines = [line for line in result.output.splitlines() if re.match("ok |MISSING", line)]
    return {line[8:].partition(":")[0]: line for line in lines}, result.exception


def test_what_is_looked_at_beforehand(gs, tmp_path):
    local = tmp_path / "p.jsonl"
    local.write_text('{"statement": "1 + 1?", "answer": "2"}\n')
    base = ("--project", "p", "--region", "r", "--out", gs("bucket/run"), "--engine", "scripted")
    found, fault = checked(
        "starter", str(local), "--gpu", "l4", "--workers", "4", "--image", "a/tutelage", *base
    )
    assert isinstance(fault, SettingsError)
    assert found["run"].startswith("ok") and found["corpus starter"].startswith("ok")
    assert found["python"].startswith("ok")
    assert "has no tag" in found["image"] and found["image"].startswith("MISSING")
    assert "file of this machine" in found[f"corpus {local}"]
    assert found["quota"].startswith("MISSING")
    found, _ = checked("starter", *base[:-2])
    assert "smollm2" in found["model"]


class Compute:
    """Compute Engine, as far as it says what a project may have."""

    def answer(self, request):
        if request.path != "/compute/v1/projects/p/regions/r":
            return Answer.missing(request.path) if request.path.startswith("/compute") else None
        granted = {"metric": "NVIDIA_L4_GPUS", "limit": 8.0, "usage": 3.0}
        return Answer.of({"quotas": [{"metric": "CPUS", "limit": 72.0, "usage": 9.0}, granted]})


@pytest.mark.parametrize(
    ("region", "gpu", "workers", "found"),
    [
        ("r", "l4", 5, "NVIDIA_L4_GPUS in r of p: 5 are wanted, 5 are free"),
        ("r", "l4", 6, "5 are free: ask for more of it, or take fewer --workers"),
        ("r", "t4", 1, "NVIDIA_T4_GPUS in r of p: 1 are wanted, 0 are free: ask"),
        ("elsewhere", "l4", 1, "Compute Engine does not say: 404"),
    ],
)
def test_quotas_are_those_that_compute_engine_says(region, gpu, workers, found, monkeypatch):
    pytest.importorskip("google.auth", reason="apache-beam[gcp] is not installed")
    with serving(Compute()) as port:
        monkeypatch.setenv(dataflow._ENDPOINT, f"http://localhost:{port}/compute/v1/")
        where = dataflow.target("p", region, gpu, 1, workers, "a/b:1", "gs://bucket/run")
        if found.endswith("are free"):
            assert dataflow.free_quota(where) == found
        else:
            with pytest.raises(SettingsError, match=re.escape(found)):
                dataflow.free_quota(where)


def test_the_dockerfile_holds_the_locked_beam():
    if not (ROOT / "Dockerfile").is_file():
        pytest.skip("there is no checkout")
    text = (ROOT / "Dockerfile").read_text()
    lock = (ROOT / "pipeline/locks/gpu.txt").read_text()
    (locked,) = re.findall(r"^apache-beam==(\S+)", lock, re.MULTILINE)
    assert re.findall(r"^ARG BEAM=(\S+)", text, re.MULTILINE) == [locked]
    assert 'ENTRYPOINT ["/opt/apache/beam/boot"]' in text
