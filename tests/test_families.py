"""What is left unsaid of sampling is said by the model's family, and what is said stays."""

import json
from pathlib import Path

import pytest

from tutelage import settings
from tutelage.contract.sampling import altered_by, columns
from tutelage.errors import SettingsError
from tutelage.settings import families

NAMES = {
    "Qwen/Qwen3-8B": "qwen3",
    "Qwen/Qwen3-4B-Thinking-2507": "qwen3-thinking",
    "Qwen/Qwen3-30B-A3B-Instruct-2507": "qwen3-instruct",
    "google/gemma-3-4b-it": "gemma3",
    "google/gemma-2-2b-it": "",
    "meta-llama/Llama-3.1-8B-Instruct": "llama3",
    "meta-llama/Meta-Llama-3-8B-Instruct": "llama3",
    "meta-llama/Llama-2-7b-chat-hf": "",
    "mistralai/Mistral-7B-Instruct-v0.3": "mistral",
    "mistralai/Ministral-8B-Instruct-2410": "mistral",
    "openai/gpt-oss-20b": "gpt-oss",
    "deepseek-ai/DeepSeek-R1-Distill-Llama-8B": "deepseek-r1",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": "deepseek-r1",
    "HuggingFaceTB/SmolLM2-135M-Instruct": "",
    "smollm2-135m": "",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_tells_the_family(name: str) -> None:
    assert families.of(name).name == NAMES[name]


FOLDERS = [
    ("qwen3", "{% if enable_thinking is defined %}", "qwen3"),
    ("gemma3_text", "", "gemma3"),
    ("gemma2", "", ""),
    ("llama", "<|start_header_id|>", "llama3"),
    ("llama", "<|im_start|>", ""),
    ("llama", "<｜Assistant｜><think>", "deepseek-r1"),
    ("qwen2", "<｜Assistant｜><think>", "deepseek-r1"),
    ("qwen2", "<|im_start|>", ""),
    ("mistral", "[INST]", "mistral"),
    ("gpt_oss", "<|channel|>", "gpt-oss"),
]


@pytest.mark.parametrize("is_apart", [True, False])
@pytest.mark.parametrize(("kind", "template", "family"), FOLDERS)
def test_a_checkpoint_is_of_the_family_that_it_came_from(
    tmp_path: Path, kind: str, template: str, family: str, is_apart: bool
) -> None:
    folder = tmp_path / "last"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    if is_apart:
        (folder / "chat_template.jinja").write_text(template)
    else:
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    assert families.of(str(folder)).name == family


@pytest.mark.parametrize("config", ["", "[1]", "{", "\x00"])
def test_a_broken_config_is_of_no_family(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    assert families.of(str(tmp_path)).name == ""


@pytest.mark.parametrize("name", [name for name in NAMES if NAMES[name]])
def test_by_default_a_student_can_be_trained_by_rl(name: str) -> None:
    student = settings.load("", (f"student.model={name}",)).student
    assert altered_by(columns(student.sampling())) == ""
    assert student.temperature == pytest.approx(
        families.of(name).sampling(student.thinking)["temperature"]
    )


def test_a_teacher_is_sampled_as_its_makers_say_and_a_student_in_whole() -> None:
    chosen = settings.load("", ("student.model=Qwen/Qwen3-8B", "student.thinking=on"))
    assert (chosen.student.thinking, chosen.student.top_p, chosen.student.top_k) == ("on", 1.0, 0)
    assert chosen.student.max_tokens == 1024 + families.REASONING_TOKENS
    teacher = chosen.teacher
    assert (teacher.thinking, teacher.top_p, teacher.top_k) == ("off", 0.8, 20)
    assert chosen.families() == {"student": "qwen3", "teacher": "qwen3", "judge": "qwen3"}


def test_what_a_person_says_stays_and_so_does_what_was_resolved() -> None:
    sets = ("student.model=Qwen/Qwen3-8B", "student.temperature=1.0", "teacher.top_p=1.0")
    chosen = settings.load("", (*sets, "teacher.thinking=on", "student.reasoning_budget=0"))
    assert (chosen.student.temperature, chosen.teacher.top_p) == (1.0, 1.0)
    assert (chosen.teacher.temperature, chosen.teacher.thinking) == (0.6, "on")
    assert chosen.resolved() == chosen
    assert settings.altered(chosen) == chosen
    assert (
        settings.Settings.model_validate(chosen.model_dump(mode="json")).run_id() == chosen.run_id()
    )


def test_a_server_of_others_is_sent_no_top_k_unasked() -> None:
    url = "server.url=http://127.0.0.1:9/v1"
    assert settings.load("", (url, "student.model=google/gemma-3-4b-it")).teacher.top_k == 0
    asked = settings.load("", (url, "student.model=google/gemma-3-4b-it", "teacher.top_k=5"))
    assert asked.teacher.top_k == 5


@pytest.mark.parametrize(
    "given",
    ["top_p=0.9", "top_k=20", "min_p=0.1", "presence_penalty=1", "reasoning_budget=50",
     "extra_body={repetition_penalty = 1.2}"],
)  # fmt: skip
def test_what_cuts_or_shifts_the_distribution_is_named(given: str) -> None:
    student = settings.load("", ("student.model=Qwen/Qwen3-8B", f"student.{given}")).student
    fault = altered_by(columns(student.sampling()))
    assert fault.startswith(given.partition("=")[0])


@pytest.mark.parametrize("given", ["top_k=-1", "extra_body={top_logprobs = 1}", 'stop=["x"]'])
def test_what_does_neither_is_not(given: str) -> None:
    student = settings.load("", (f"student.{given}",)).student
    assert altered_by(columns(student.sampling())) == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("extra_body={temperature = 1}", "set by tutelage itself"),
        ('extra_body={api_key = "s3cr3t"}', "api_key_env"),
        ("thinking=maybe", "auto"),
        ("top_k=-5", "greater"),
        ("min_p=2", "less"),
    ],
)
def test_a_mistake_is_one_line(given: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        settings.load("", (f"student.{given}",))
    assert "\n" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_true_and_false_are_on_and_off() -> None:
    chosen = settings.load("", ("student.thinking=true", "teacher.thinking=false"))
    assert (chosen.student.thinking, chosen.teacher.thinking) == ("on", "off")
