"""Commits of the hub: asked once, kept in `run.json`, gone on with."""

import json

import pytest

pytest.importorskip("huggingface_hub")

from cloud.hub import serving
from forked import GENERATE, HUB, Forks
from tutelage import models
from tutelage.engines.vllm_options import arguments
from tutelage.errors import SettingsError
from tutelage.session.pins import check
from tutelage.settings import Settings, load


def lines(*numbers):
    rows = [{"statement": f"What is {n} + {n}?", "answer": str(2 * n)} for n in numbers]
    return {"train.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()}


@pytest.fixture
def hub():
    with serving() as server:
        yield server


TYPED = "import sys; from tutelage.cli import main; main(sys.argv[1:])"
PINNED = """
import sys
from tutelage import models
for name in sys.argv[1:]:
    print(models.pinned(name))
"""


def generated(forks, out, limit):
    words = ["generate", "hf://datasets/own/sums", "--engine", "scripted", "--limit", str(limit)]
    return forks.run(TYPED, *words, "--out", str(out), "--quiet")


def pins(forks, *models_):
    """What names of models are pinned to."""
    done = forks.run(PINNED, *models_)
    return done.stdout.split() or done.stderr.splitlines()[-1]


def test_a_run_goes_on_with_the_commit_that_it_was_begun_with(hub, tmp_path):
    first = hub.commit("datasets/own/sums", "main", lines(1, 2, 3, 4))
    with Forks(hub.environment, [*GENERATE, *HUB]) as forks:
        assert generated(forks, tmp_path / "run", 2).returncode == 0
        kept = json.loads((tmp_path / "run" / "run.json").read_text())
        assert kept["hub"] == {"hf://datasets/own/sums": f"hf://datasets/own/sums@{first}"}
        assert kept["shaping"]["corpora"] == ["hf://datasets/own/sums"]
        hub.commit("datasets/own/sums", "main", lines(9))
        done = generated(forks, tmp_path / "run", 4)
        assert done.returncode == 0, done.stderr
        manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
        assert manifest["balance"]["input"] == 4
        fresh = generated(forks, tmp_path / "fresh", 4)
        assert fresh.returncode == 0 and "1 in = 1 kept" in fresh.stdout


def test_a_model_is_pinned_by_its_commit(hub):
    commit = hub.commit("models/own/tiny", "main", {})
    other = hub.commit("models/own/tiny", "v2", {"x": b""})
    named = (f"own/tiny@{commit}", f"own/tiny@{other}", f"own/tiny@{commit}", "gs://b/m")
    with Forks(hub.environment, ["tutelage.models", *HUB]) as forks:
        assert pins(forks, "own/tiny", "own/tiny@v2", named[0], "gs://b/m") == list(named)
        assert "the hub has no model 'own/tiny@v3'" in pins(forks, "own/tiny@v3")
        assert "the hub has no model 'own/huge'" in pins(forks, "own/huge")
    assert models.revision(named[0]) == commit
    chosen = arguments(named[0], Settings(), False)
    assert chosen["model"] == "own/tiny"
    assert chosen["revision"] == chosen["tokenizer_revision"] == commit
    assert "revision" not in arguments("own/tiny", Settings(), False)


def test_machines_that_might_load_different_commits_are_refused():
    settings = load(student__engine="vllm", student__model="own/tiny")
    with pytest.raises(SettingsError, match=r"student\.model=own/tiny@COMMIT"):
        check(settings, {})
    check(settings, {"own/tiny": "own/tiny@abc"})
    check(load(student__engine="vllm", student__model="own/tiny@abc"), {})
    check(load(student__engine="scripted", teacher__engine="scripted"), {})


def test_without_a_way_to_the_hub_a_name_stays_as_it_is(hub, monkeypatch, tmp_path):
    hub.server_close()
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with Forks(hub.environment, ["tutelage.models"]) as forks:
        assert pins(forks, "own/tiny") == ["own/tiny"]
