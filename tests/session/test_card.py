"""The card is one that the hub takes: its own reader of metadata, and its own words."""

from pathlib import Path

import pytest
import yaml

from runs import Said, lone
from tutelage.session import card
from tutelage.session.contents import Contents, Source

hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def written(tmp_path: Path) -> str:
    said = [Said(f"d{n}", f"It is {n} and that is `{'`' * n}`") for n in range(3)]
    lone(tmp_path, said, splits__ratios="train=0.5,validation=0.5")
    return (tmp_path / "README.md").read_text("utf-8")


def test_the_hub_reads_its_metadata(written: str, tmp_path: Path):
    data = hub.DatasetCard(written).data
    assert isinstance(data, hub.DatasetCardData)
    assert data.license == ["cc0-1.0"] and data.language == ["en"]
    assert data.size_categories == ["n<1K"] and data.task_categories == ["text-generation"]
    assert {config["config_name"] for config in data.to_dict()["configs"]} == {"rl", "sft"}
    assert hub.metadata_load(tmp_path / "README.md") == data.to_dict()


def test_it_says_how_to_load_how_made_and_what_not_to_trust(written: str):
    for title in ("How to load it", "Solved, by turn", "Sources", "Limits", "One dialogue"):
        assert f"\n## {title}\n" in written
    assert "| 2 | 3 | 100.0% | 0.7 |" in written


def test_nothing_in_a_dialogue_closes_its_fence(written: str):
    fence = written.rstrip().splitlines()[-1]
    body = written.split("## One dialogue\n\n")[1]
    assert set(fence) == {"`"} and body.count(fence) == 2


@pytest.mark.parametrize(
    ("licences", "told"),
    [
        (["MIT", "Apache-2.0"], ["apache-2.0", "mit"]),
        (["unknown"], ["unknown"]),
        (["Some terms of ours: see there", "mit"], ["mit", "other"]),
        ([], ["unknown"]),
    ],
)
def test_licences_are_named_as_the_hub_names_them(licences: list[str], told: list[str]):
    rows = Contents([Source("s", "math", name, 1, 1) for name in licences])
    manifest = {"run_id": "x", "dialogues": {"kept": 12_345}}
    front = yaml.safe_load("\n".join(card.front_matter(rows, manifest, {})))
    assert front["license"] == told and front["size_categories"] == ["10K<n<100K"]
    assert "language" not in front
