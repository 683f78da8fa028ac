"""Takers that a file configures: what export advises is that file, and what they read is ours."""

from pathlib import Path
from typing import Any

import pytest

from played import Make, Played, Said
from tutelage.exports.exporting import Request, export
from tutelage.exports.nemo_gym import licence

from .conftest import CHATML, TEMPLATES, dialogues, make_tokenizer, ours, texts
from .loaders import loader

yaml = pytest.importorskip("yaml")

STOPS = {
    "smollm2": "<|im_end|>", "qwen3": "<|im_end|>", "gemma": "<end_of_turn>",
    "llama3": "<|eot_id|>", "mistral": "</s>",
}  # fmt: skip
"""What a reply ends with in each template."""
REPLIES = [["It is 9", "It is 7", "It is 6"], ["It is because", "It is 8"], ["It is 10"]]
"""Of the dialogues that were solved."""
REASONED = Played(
    3,
    [Said("It is 9", reasoning="3 times 3"), Said("It is 6", right=True, reasoning="3 plus 3")],
)


@pytest.fixture(autouse=True)
def any_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """LLaMA-Factory refuses packages newer than itself; its loader runs on ours."""
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")


def exported(run: str, to: str, tmp_path: Path, shape: str = "") -> tuple[str, dict[str, Any]]:
    """(the file, the configuration that is advised)."""
    report = export(Request(run, to, str(tmp_path / to), shape=shape))
    return next(iter(report.rows)), yaml.safe_load(report.advice)


def axolotl(run: str, shape: str, tokenizer: Any, stop: str, tmp_path: Path) -> list[Any]:
    """What Axolotl makes of the export: (ids, mask) of each row."""
    from datasets import load_dataset

    strategies = loader("axolotl.prompt_strategies")
    of_dicts = loader("axolotl.utils.dict").DictDefault
    described = loader("axolotl.utils.schemas.datasets").SFTDataset
    path, config = exported(run, "axolotl", tmp_path, shape)
    chosen = described(**config["datasets"][0]).model_dump(exclude_none=True)
    assert chosen["path"] == path
    eot = {"eot_tokens": [stop]} if stop != tokenizer.eos_token else {}
    strategy = strategies.load(
        chosen["type"], tokenizer, of_dicts(config | {"datasets": [chosen]} | eot), of_dicts(chosen)
    )
    rows = load_dataset(
        chosen["ds_type"], data_files=path, split="train", cache_dir=str(tmp_path / "cache")
    )
    sequences = [strategy.tokenize_prompt(row) for row in rows]
    return [(s["input_ids"], [x != -100 for x in s["labels"]]) for s in sequences]


def llamafactory(run: str, shape: str, tokenizer: Any, template: str, tmp_path: Path) -> list[Any]:
    """What LLaMA-Factory makes of the export: (ids, mask) of each row."""
    from transformers import Seq2SeqTrainingArguments

    data = loader("llamafactory.data", ["torchaudio"])
    settings = loader("llamafactory.hparams", ["torchaudio"])
    _, config = exported(run, "llamafactory", tmp_path, shape)
    arguments = settings.DataArguments(template=template, **config)
    rows = data.get_dataset(
        data.get_template_and_fix_tokenizer(tokenizer, arguments),
        settings.ModelArguments(model_name_or_path="any", cache_dir=str(tmp_path / "cache")),
        arguments,
        Seq2SeqTrainingArguments(str(tmp_path / "any"), use_cpu=True, report_to=[], do_train=True),
        "sft",
        tokenizer,
    )["train_dataset"]
    return [(row["input_ids"], [x != -100 for x in row["labels"]]) for row in rows]


def same_tokens(theirs: list[Any], pieces: list[Any]) -> bool:
    """Whether they are the same but for what a template puts after the last stop."""
    return [ids[: len(piece)] for (ids, _), piece in zip(theirs, pieces, strict=True)] == [
        piece.ids.tolist() for piece in pieces
    ]


@pytest.mark.parametrize(("name", "stop"), STOPS.items())
def test_axolotl_trains_our_replies(name: str, stop: str, run: Make, tmp_path: Path):
    """Each with its stop, and no more. Qwen3's later turns see another history than its template
    makes of a whole dialogue, so that they are rows of their own."""
    tokenizer = make_tokenizer(TEMPLATES[name])
    folder = run(dialogues(system=name != "gemma", cut=False))
    each = [[f"{text}{stop}" for text in texts] for texts in REPLIES]
    whole = axolotl(folder, "messages", tokenizer, stop, tmp_path)
    assert [texts(tokenizer, *row) for row in whole] == each
    turns = axolotl(folder, "turns", tokenizer, stop, tmp_path)
    assert [texts(tokenizer, *row) for row in turns] == [[text] for texts in each for text in texts]
    pieces = ours(folder, tokenizer)
    assert same_tokens(turns if name == "qwen3" else whole, pieces)
    if name in ("smollm2", "gemma", "llama3"):  # the others' templates put something in front
        assert [mask[: len(piece)] for (_, mask), piece in zip(whole, pieces, strict=True)] == [
            piece.train.tolist() for piece in pieces
        ]


def test_axolotl_follows_the_loss_policy(run: Make, tmp_path: Path):
    tokenizer = make_tokenizer(CHATML)
    folder = run(dialogues(cut=False), loss="after_feedback")
    rows = axolotl(folder, "messages", tokenizer, "<|im_end|>", tmp_path)
    assert [texts(tokenizer, *row) for row in rows] == [
        [f"{text}<|im_end|>" for text in texts[1:]] for texts in REPLIES if texts[1:]
    ]


def test_axolotl_trains_reasoning(run: Make, tmp_path: Path):
    tokenizer = make_tokenizer(CHATML)
    rows = axolotl(run([REASONED]), "turns", tokenizer, "<|im_end|>", tmp_path)
    assert [texts(tokenizer, *row) for row in rows] == [
        ["<think>\n3 times 3\n</think>\n\nIt is 9<|im_end|>"],
        ["<think>\n3 plus 3\n</think>\n\nIt is 6<|im_end|>"],
    ]


@pytest.mark.parametrize(("name", "stop"), STOPS.items())
def test_llamafactory_trains_our_replies(name: str, stop: str, run: Make, tmp_path: Path):
    tokenizer = make_tokenizer(TEMPLATES[name])
    tokenizer.eos_token = stop
    tokenizer.bos_token = {"gemma": "<bos>", "llama3": "<|begin_of_text|>", "mistral": "<s>"}.get(
        name
    )
    folder = run(dialogues(system=name != "gemma", cut=False))
    front = {"qwen3": "<think>\n\n</think>\n\n", "mistral": " "}.get(name, "")
    end = "" if name in ("llama3", "mistral") else "\n"
    each = [[f"{front}{text}{stop}{end}" for text in texts] for texts in REPLIES]
    whole = llamafactory(folder, "conversations", tokenizer, name, tmp_path)
    assert [texts(tokenizer, *row) for row in whole] == each
    turns = llamafactory(folder, "turns", tokenizer, name, tmp_path)
    assert [texts(tokenizer, *row) for row in turns] == [[text] for texts in each for text in texts]
    assert same_tokens(turns if name == "qwen3" else whole, ours(folder, tokenizer))


def test_llamafactory_trains_reasoning(run: Make, tmp_path: Path):
    tokenizer = make_tokenizer(TEMPLATES["qwen3"])
    rows = llamafactory(run([REASONED]), "turns", tokenizer, "qwen3", tmp_path)
    assert [texts(tokenizer, *row) for row in rows] == [
        ["<think>\n3 times 3\n</think>\n\nIt is 9<|im_end|>\n"],
        ["<think>\n3 plus 3\n</think>\n\nIt is 6<|im_end|>\n"],
    ]
    assert "3 times 3" not in tokenizer.decode(rows[1][0]), "later turns did not see it"


def test_nemo_gym_takes_the_problems(run: Make, tmp_path: Path):
    trackers = ["hydra", "mlflow", "wandb", "yappi", "pydot"]
    preparing = loader("nemo_gym.train_data_utils", trackers)
    configuration = loader("nemo_gym.config_types", trackers)
    path, config = exported(run(dialogues()), "nemo-gym", tmp_path)
    (described,) = config["datasets"]
    assert configuration.DatasetConfig(**described).jsonl_fpath == path
    samples = Path(path).read_text("utf-8").splitlines()
    for sample in samples:
        metrics, is_broken = preparing.compute_sample_metrics(sample)
        assert not is_broken and metrics.number_of_examples == metrics.number_of_turns.max == 1
    server = loader("resources_servers.math_with_judge.app", trackers)
    read = map(server.LibraryJudgeMathRunRequest.model_validate_json, samples)
    assert {request.question: request.expected_answer for request in read} == {
        f"What is {n} + {n}?": str(2 * n) for n in (3, 4, 5, 6)
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Apache-2.0"], "Apache 2.0"),
        (["CC0-1.0"], "TBD"),
        (["Apache-2.0", "MIT"], "TBD"),
        (["unknown: ask"], "TBD"),
    ],
)
def test_nemo_gym_has_names_of_its_own_for_licences(names: list[str], expected: str):
    assert yaml.safe_load(f"license: {licence(names)}") == {"license": expected}
