"""The takers' own code reads the exports, and trains what our trainer trains."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from played import Make
from tutelage.exports.exporting import Request, export

from .conftest import CHATML, HINT, TEMPLATES, dialogues, make_tokenizer, ours, texts
from .loaders import loader


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    for name in ("datasets", "trl"):
        pytest.importorskip(name)


def saved(tokenizer: Any, folder: Path) -> str:
    """The tokenizer as a folder, which names a model to `--tokenizer`."""
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}', "utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    return str(folder)


def loaded(path: str) -> Any:
    """What `datasets` reads at `path`, which is what most of them call."""
    from datasets import load_dataset

    kind = "json" if path.endswith(".jsonl") else "parquet"
    return load_dataset(kind, data_files=path, split="train", cache_dir=f"{path}.cache")


def written(run: str, to: str, tmp_path: Path, **asked: Any) -> str:
    report = export(Request(run, to, str(tmp_path / to), split="train", **asked))
    return next(iter(report.rows))


def trained(path: str, tokenizer: Any, model: Any, tmp_path: Path, **config: Any) -> list[Any]:
    """What TRL's SFTTrainer makes of the file: (ids, labels) of each row."""
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(str(tmp_path / "trl"), use_cpu=True, bf16=False, report_to=[], **config),
        processing_class=tokenizer,
        train_dataset=loaded(path),
    )
    rows = [(row["input_ids"], row["labels"]) for row in trainer.train_dataset]
    batch = trainer.data_collator([{"input_ids": i, "labels": lab} for i, lab in rows])
    assert (batch["labels"] != -100).sum() == sum(x != -100 for _, lab in rows for x in lab)
    return rows


@pytest.mark.parametrize("name", TEMPLATES)
def test_trl_trains_the_very_tokens_of_ours(name: str, run: Make, tiny_model: Any, tmp_path: Path):
    tokenizer = make_tokenizer(TEMPLATES[name])
    folder = run(dialogues(tokenizer, system=name != "gemma"))
    model = saved(tokenizer, tmp_path / "model")
    path = written(folder, "trl-sft", tmp_path, shape="tokens", tokenizer=model)
    theirs = trained(path, tokenizer, tiny_model, tmp_path, max_length=1024)
    pieces = ours(folder, tokenizer)
    assert [ids for ids, _ in theirs] == [piece.ids.tolist() for piece in pieces]
    assert [[label != -100 for label in labels] for _, labels in theirs] == [
        piece.train.tolist() for piece in pieces
    ]


def test_trl_trains_messages_like_ours_where_the_template_marks_them(
    run: Make, tiny_model: Any, tmp_path: Path
):
    tokenizer = make_tokenizer(CHATML)
    folder = run(dialogues(cut=False))
    path = written(folder, "trl-sft", tmp_path, shape="messages")
    theirs = trained(path, tokenizer, tiny_model, tmp_path, assistant_only_loss=True)
    expected = [texts(tokenizer, p.ids, p.train) for p in ours(folder, tokenizer)]
    assert [
        texts(tokenizer, ids, [x != -100 for x in labels]) for ids, labels in theirs
    ] == expected


def test_trl_trains_the_bundled_models_replies_like_ours(
    run: Make, tiny_model: Any, tmp_path: Path
):
    """With its own chat template, `assistant_only_loss` and plain messages."""
    from transformers import AutoTokenizer

    from tutelage import models

    tokenizer = AutoTokenizer.from_pretrained(models.pull())
    folder = run(dialogues(cut=False))
    path = written(folder, "trl-sft", tmp_path, shape="messages")
    theirs = trained(path, tokenizer, tiny_model, tmp_path, assistant_only_loss=True)
    pieces = ours(folder, tokenizer)
    for (ids, labels), piece in zip(theirs, pieces, strict=True):
        assert ids[: len(piece)] == piece.ids.tolist()
        assert [x != -100 for x in labels[: len(piece)]] == piece.train.tolist()
        assert set(labels[len(piece) :]) <= {-100}


@pytest.mark.parametrize(
    ("name", "around"),
    [
        ("smollm2", "{}<|im_end|>\n"),
        ("qwen3", "<think>\n\n</think>\n\n{}<|im_end|>\n"),
        ("gemma", "{}<end_of_turn>\n"),
        ("llama3", "{}<|eot_id|>"),
        ("mistral", " {}</s>"),
    ],
)
def test_trl_trains_a_reply_a_row_and_never_a_hint(
    name: str, around: str, run: Make, tiny_model: Any, tmp_path: Path
):
    """Around the reply there is only what the template adds."""
    tokenizer = make_tokenizer(TEMPLATES[name])
    folder = run(dialogues(system=name != "gemma"))
    path = written(folder, "trl-sft", tmp_path)
    theirs = trained(path, tokenizer, tiny_model, tmp_path)
    said = [texts(tokenizer, ids, [x != -100 for x in labels]) for ids, labels in theirs]
    words = ["It is 9", "It is 7", "It is 6", "It is 8", "It is 10"]
    assert said == [[around.format(text)] for text in words]


def test_trl_compares_one_message_with_one(run: Make, tiny_model: Any, tmp_path: Path):
    from trl import DPOConfig, DPOTrainer

    tokenizer = make_tokenizer(CHATML)
    path = written(run(dialogues()), "trl-dpo", tmp_path, shape="turns")
    trainer = DPOTrainer(
        model=tiny_model,
        ref_model=deepcopy(tiny_model),
        args=DPOConfig(str(tmp_path / "dpo"), use_cpu=True, bf16=False, report_to=[]),
        processing_class=tokenizer,
        train_dataset=loaded(path),
    )
    row = trainer.train_dataset[0]
    assert tokenizer.decode(row["chosen_ids"]) == "It is 6<|im_end|>\n"
    assert tokenizer.decode(row["rejected_ids"]) == "It is 7<|im_end|>\n"


def test_trl_tells_right_from_wrong(run: Make, tiny_model: Any, tmp_path: Path):
    from trl import KTOConfig, KTOTrainer

    tokenizer = make_tokenizer(CHATML)
    path = written(run(dialogues()), "trl-kto", tmp_path)
    trainer = KTOTrainer(
        model=tiny_model,
        ref_model=deepcopy(tiny_model),
        args=KTOConfig(
            str(tmp_path / "kto"),
            use_cpu=True,
            bf16=False,
            report_to=[],
            per_device_train_batch_size=2,
        ),
        processing_class=tokenizer,
        train_dataset=loaded(path),
    )
    said = {tokenizer.decode(row["completion_ids"]): row["label"] for row in trainer.train_dataset}
    assert said == {
        "It is 9<|im_end|>\n": False, "It is 7<|im_end|>\n": False, "It is 6<|im_end|>\n": True,
        "It is 8<|im_end|>\n": True, "It is 10<|im_end|>\n": True, "It is 1<|im_end|>\n": False,
        "It is 2<|im_end|>\n": False,
    }  # fmt: skip


def test_trls_reward_reads_our_gold(run: Make, tmp_path: Path):
    from trl.rewards import accuracy_reward

    row = loaded(written(run(dialogues()), "trl-grpo", tmp_path))[0]
    solution = [row["solution"]] * 2
    said = [[{"role": "assistant", "content": rf"\boxed{{{x}}}"}] for x in (row["solution"], 77)]
    assert accuracy_reward(said, solution) == [1.0, 0.0]


@pytest.mark.parametrize("name", ["smollm2", "llama3"])
def test_verl_trains_every_reply(name: str, run: Make, tmp_path: Path):
    module = loader("verl.utils.dataset.multiturn_sft_dataset")
    tokenizer = make_tokenizer(TEMPLATES[name])
    folder = run(dialogues())
    config = {"pad_mode": "no_padding", "max_length": 1024, "truncation": "error"}
    path = written(folder, "verl-sft", tmp_path)
    theirs = module.MultiTurnSFTDataset([path], tokenizer, config)
    kept = [theirs[i] for i in range(len(theirs))]
    end = "\n" if name == "smollm2" else ""  # verl trains what the template puts after the stop
    stop = "<|im_end|>" if name == "smollm2" else "<|eot_id|>"
    assert [texts(tokenizer, row["input_ids"].tolist(), row["loss_mask"]) for row in kept] == [
        [f"It is {n}{stop}{end}" for n in (9, 7, 6)],
        [f"It is 10{stop}{end}"],
    ]


def test_verl_takes_the_prompts(run: Make, tmp_path: Path):
    module = loader("verl.utils.dataset.rl_dataset")
    omegaconf = loader("omegaconf")
    config = omegaconf.OmegaConf.create(
        {"max_prompt_length": 512, "cache_dir": str(tmp_path), "filter_overlong_prompts_workers": 1}
    )
    path = written(run(dialogues()), "verl", tmp_path)
    theirs = module.RLHFDataset([path], make_tokenizer(CHATML), config)
    assert len(theirs) == 4
    row = next(row for row in theirs if row["extra_info"]["problem_id"] == "p3")
    assert row["raw_prompt"] == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 3 + 3?"},
    ]  # fmt: skip
    assert row["interaction_kwargs"]["ground_truth"] == "6" == row["reward_model"]["ground_truth"]


def test_prime_rls_renderer_trains_every_reply(run: Make, tmp_path: Path):
    """By what its SFTDataset calls, where prime-rl is not at hand."""
    base, default = loader("renderers.base"), loader("renderers.default")
    tokenizer = make_tokenizer(CHATML)
    path = written(run(dialogues()), "prime-rl", tmp_path)
    rows = loaded(path)
    assert rows.column_names == ["messages"]
    sample = base.build_training_sample(
        default.DefaultRenderer(tokenizer),
        rows[0]["messages"],
        role_to_mask=lambda message: message["role"] == "assistant",
    )
    said = "".join(texts(tokenizer, sample.token_ids, sample.loss_mask))
    assert all(f"It is {n}<|im_end|>" in said for n in (9, 7, 6)) and HINT not in said


def test_prime_rl_trains_every_reply_and_no_hint(
    run: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It shifts targets by one, so that its mask is that of the next token."""
    module = loader("prime_rl.trainer.sft.data")
    renderer = loader("renderers.qwen3").Qwen3Renderer
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    tokenizer = make_tokenizer(TEMPLATES["qwen3"])
    tools = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
    tokenizer.add_tokens(tools, special_tokens=True)
    export(Request(run(dialogues(cut=False)), "prime-rl", str(tmp_path / "prime-rl")))
    described = module.SFTDataConfig(name=str(tmp_path / "prime-rl"), seq_len=1024)
    rows = module.load_sft_dataset(described)
    theirs = module.SFTDataset(rows, renderer(tokenizer), shuffle=False, seq_len=1024, max_epochs=1)
    assert [texts(tokenizer, row["target_ids"], row["loss_mask"]) for row in theirs] == [
        ["It is 9<|im_end|>", "It is 7<|im_end|>", "<think>\n\n</think>\n\nIt is 6<|im_end|>"],
        ["It is because<|im_end|>", "<think>\n\n</think>\n\nIt is 8<|im_end|>"],
        ["<think>\n\n</think>\n\nIt is 10<|im_end|>"],
    ]


def test_skyrl_trains_the_very_tokens_of_ours(run: Make, tmp_path: Path):
    """It keeps the mask from the first trained token on."""
    module = loader("skyrl.train.dataset.pretokenized")
    tokenizer = make_tokenizer(CHATML)
    folder = run(dialogues(tokenizer))
    model = saved(tokenizer, tmp_path / "model")
    path = written(folder, "skyrl", tmp_path, shape="tokens", tokenizer=model)
    theirs = module.load_from_pretokenized(path, 1024)
    pieces = ours(folder, tokenizer)
    assert [theirs[i]["input_ids"] for i in range(len(theirs))] == [p.ids.tolist() for p in pieces]
    for i, piece in enumerate(pieces):
        window = theirs[i]["loss_mask"]
        assert [0] * (len(piece) - len(window)) + window == piece.train.astype(int).tolist()


def test_skyrl_takes_the_prompts(run: Make, tmp_path: Path):
    module = loader("skyrl.train.dataset.dataset")
    path = written(run(dialogues()), "skyrl", tmp_path)
    theirs = module.PromptDataset(path, make_tokenizer(CHATML), 512, num_workers=1)
    rows = [theirs[i] for i in range(len(theirs))]
    chat, environment, extras, _ = next(row for row in rows if row[2]["problem_id"] == "p3")
    assert [message["role"] for message in chat] == ["system", "user"]
    assert environment == "tutelage" and extras["reward_spec"]["ground_truth"] == "6"


def test_skyrls_store_of_tokens_is_ours(run: Make, tmp_path: Path):
    """By the rules of its `load_from_pretokenized`, where SkyRL is not at hand."""
    tokenizer = make_tokenizer(CHATML)
    folder = run(dialogues(tokenizer))
    model = saved(tokenizer, tmp_path / "model")
    path = written(folder, "skyrl", tmp_path, shape="tokens", tokenizer=model)
    rows = loaded(path)
    pieces = ours(folder, tokenizer)
    assert rows["input_ids"] == [piece.ids.tolist() for piece in pieces]
    for row, piece in zip(rows, pieces, strict=True):
        assert row["loss_mask"] == piece.train.astype(int).tolist()
        assert len(row["loss_mask"]) == len(row["input_ids"]) and 1 in row["loss_mask"]


@pytest.mark.parametrize("name", ["smollm2", "qwen3"])
def test_verifiers_gets_what_was_sampled(name: str, run: Make, tmp_path: Path):
    v1 = loader("verifiers.v1")
    tokenizer = make_tokenizer(TEMPLATES[name])
    folder = run(dialogues(tokenizer))
    model = saved(tokenizer, tmp_path / "model")
    path = written(folder, "verifiers", tmp_path, tokenizer=model)
    traces = [
        v1.WireTrace.model_validate_json(line) for line in Path(path).read_bytes().splitlines()
    ]
    assert [trace.reward for trace in traces] == [0.49, 0.7, 1.0, 0.0]
    assert [trace.num_turns for trace in traces] == [3, 2, 1, 2]
    branches = [branch for trace in traces for branch in trace.branches]
    pieces = ours(folder, tokenizer, solved=False)
    assert len(branches) == len(pieces)
    by_ids = {tuple(piece.ids.tolist()): piece for piece in pieces}
    for branch in branches:
        piece = by_ids[tuple(branch.token_ids)]
        known = [bool(t and lp == lp) for t, lp in zip(piece.train, piece.logprobs, strict=True)]
        assert branch.sampled_mask == known and any(known)
        assert [lp for lp, is_known in zip(branch.logprobs, known, strict=True) if is_known] == (
            pytest.approx(
                [float(lp) for lp, k in zip(piece.logprobs, known, strict=True) if k], 1e-4
            )
        )


def test_art_reads_whole_groups(run: Make, tmp_path: Path):
    module = loader("art.utils.trajectory_logging")
    path = written(run(dialogues()), "art", tmp_path)
    groups = module.read_trajectory_groups_parquet(path)
    assert [[t.reward for t in group.trajectories] for group in groups] == [[0.49], [0.7], [1], [0]]
    assert groups[0].trajectories[0].messages()[-1] == {"role": "assistant", "content": "It is 6"}


@pytest.mark.parametrize(
    "to",
    ["trl-sft", "trl-grpo", "trl-kto", "verl", "verl-sft", "skyrl", "prime-rl", "nemo-gym", "art",
     "openai", "sharegpt", "sdft", "axolotl", "llamafactory"],
)  # fmt: skip
def test_pandas_reads_it(to: str, run: Make, tmp_path: Path):
    import pandas

    path = written(run(dialogues()), to, tmp_path)
    count = len(loaded(path))
    assert count > 0
    lines = path.endswith(".jsonl")
    assert len(pandas.read_json(path, lines=True) if lines else pandas.read_parquet(path)) == count
    if lines:
        assert all(json.loads(line) for line in Path(path).read_bytes().splitlines())


def test_polars_reads_it(run: Make, tmp_path: Path):
    polars = loader("polars")
    frame = polars.read_parquet(written(run(dialogues()), "trl-sft", tmp_path))
    assert frame["turn"].to_list() == [1, 2, 3, 2, 1]
