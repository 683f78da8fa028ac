"""Weights in an object store: copied to a machine once, and known by what they are."""

from pathlib import Path

import pytest

from tutelage.engines import weights
from tutelage.errors import ModelError

FILES = {"config.json": b"{}", "model.safetensors": b"w" * 100_000, "more/merges.txt": b"a b"}


@pytest.fixture
def model(gs, buckets):
    for name, data in FILES.items():
        buckets.put("bucket", f"models/mine/{name}", data)
    return gs("bucket/models/mine")


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_model_is_copied_once(model, buckets, tmp_path):
    folder = Path(weights.on_this_machine(model))
    assert folder.is_relative_to(tmp_path / "cache")
    assert contents(folder) == FILES
    buckets.requests.clear()
    assert weights.on_this_machine(model) == str(folder)
    assert not [path for _, path in buckets.requests if "/download/" in path], (
        "nothing is read twice"
    )
    assert not list(folder.parent.glob("*.part"))


def test_other_files_are_another_model(model, buckets):
    before = weights.on_this_machine(model), weights.revision(model)
    buckets.put("bucket", "models/mine/model.safetensors", b"v" * 100_001)
    after = weights.on_this_machine(model), weights.revision(model)
    assert before[0] != after[0] and before[1] != after[1]


def test_what_is_no_model_is_one_line(model, gs):
    for name in ("bucket/models", "bucket/nothing"):
        with pytest.raises(ModelError, match=r"which has no config\.json") as caught:
            weights.on_this_machine(gs(name))
        assert "\n" not in str(caught.value)
    assert weights.on_this_machine("owner/name") == "owner/name"
