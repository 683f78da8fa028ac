import sys
from pathlib import Path

import pytest

from tutelage import models
from tutelage.errors import ModelError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setenv("TUTELAGE_CACHE", str(cache))
    return cache


def _folder(path: Path, **files: str) -> Path:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "gpt2",
        "google/gemma-3-4b-it",
        "gs://bucket/models/mine/v1",
        "s3://bucket/model",
    ],
)
def test_hub_ids_and_urls_are_returned_unchanged(name: str) -> None:
    assert models.resolve(name) == name
    assert not models.is_bundled(name)


def test_a_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _folder(tmp_path / "sft", config__json="{}", model__safetensors="")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("sft", "./sft", str(made), "~/sft", "../" + tmp_path.name + "/sft"):
        assert Path(models.resolve(name)).samefile(made)
        assert Path(models.resolve(name)).is_absolute()
        assert not models.is_bundled(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "empty name"),
        ("  ", "empty name"),
        ("./nowhere", "does not exist"),
        ("/nowhere/at/all", "does not exist"),
        ("outputs/sft/checkpoint-9", "does not exist"),
        ("~nosuchperson/model", "no such home"),
        ("smollm2-135", "did you mean smollm2-135m"),
        ("SmolLM2-135M", "did you mean smollm2-135m"),
        ("smollm2-135m", "run: tutelage model pull"),
        ("plain", "no config.json"),
        ("file.gguf", "got the file"),
        ("adapter", "LoRA adapter only"),
        ("broken", "not JSON"),
        ("list", "not JSON"),
        ("weightless", "no weights"),
    ],
)
def test_a_name_that_is_not_a_model_is_one_line(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.gguf").write_bytes(b"GGUF")
    _folder(tmp_path / "plain", README__md="hello")
    _folder(tmp_path / "adapter", adapter_config__json="{}", adapter_model__safetensors="")
    _folder(tmp_path / "broken", config__json="{", model__safetensors="")
    _folder(tmp_path / "list", config__json="[]", model__safetensors="")
    _folder(tmp_path / "weightless", config__json="{}")
    with pytest.raises(ModelError, match=says) as caught:
        models.resolve(name)
    assert "\n" not in str(caught.value)


def test_the_bundled_model_is_known_by_its_folder_too(empty_cache: Path) -> None:
    assert models.is_bundled("smollm2-135m")
    assert models.is_bundled(str(empty_cache / "models" / "smollm2-135m"))
    assert not models.is_bundled(str(empty_cache / "models" / "other"))


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TUTELAGE_CACHE": "/a/b", "XDG_CACHE_HOME": "/x"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/tutelage"),
        ({"TUTELAGE_CACHE": "", "XDG_CACHE_HOME": ""}, "/home/me/.cache/tutelage"),
        ({"TUTELAGE_CACHE": "~/mine"}, "/home/me/mine"),
    ],
)
def test_cache(environment: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TUTELAGE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert models.cache() == Path(wanted)


@pytest.mark.parametrize(
    ("marker", "fault"),
    [
        (None, "is incomplete"),
        ("{", "is incomplete"),
        ("[]", "is incomplete"),
        ('{"recipe": 0, "source_sha256": "", "files": {}}', "was made by another version"),
    ],
)
def test_an_incomplete_folder_is_not_accepted_as_the_model(
    marker: str | None, fault: str, empty_cache: Path
) -> None:
    made = _folder(
        empty_cache / "models" / "smollm2-135m", config__json="{}", model__safetensors=""
    )
    if marker is not None:
        (made / "tutelage.json").write_text(marker)
    assert models.fault() == fault
    with pytest.raises(ModelError, match="tutelage model pull"):
        models.resolve("smollm2-135m")


def test_pull_knows_the_bundled_models_only() -> None:
    with pytest.raises(ModelError, match="a hub id needs no pull"):
        models.pull("meta/llama")


def test_pull_names_the_missing_extra_before_it_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ModelError, match=r"pip install 'tutelage\[cpu\]'"):
        models.pull()


def test_pull_into_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTELAGE_CACHE", "/dev/null/cache")
    with pytest.raises(ModelError, match="set TUTELAGE_CACHE to another folder"):
        models.pull()
    assert models.fault() == "is not here"
