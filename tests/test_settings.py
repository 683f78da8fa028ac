"""The run file, `--set`, and what a person who mistypes is told."""

import pytest

from tutelage.errors import SettingsError
from tutelage.settings import BUNDLED, Settings, differences, keys, load


def test_defaults_of_the_small_machine():
    settings = load()
    assert (settings.student.engine, settings.student.model) == ("vllm", BUNDLED)
    assert (settings.teacher.engine, settings.teacher.prompt) == ("worked", "feedback")
    assert (settings.student.prompt, settings.student.max_tokens) == ("small", 48)


def test_a_real_model_teaches_itself():
    settings = load(sets=["student.model=org/name"])
    assert (settings.teacher.engine, settings.teacher.model) == ("vllm", "org/name")
    assert (settings.student.prompt, settings.student.max_tokens) == ("system", 1024)


def test_the_teacher_can_be_chosen():
    settings = load(sets=["teacher.engine=vllm"])
    assert (settings.teacher.engine, settings.teacher.model) == ("vllm", BUNDLED)
    mixed = load(sets=["teacher.model=org/big", "teacher.engine=server", "server.url=http://x/v1"])
    assert (mixed.teacher.engine, mixed.teacher.model) == ("server", "org/big")


def test_file_then_set_then_option(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("turns = 2\nsamples = 2\n[student]\ntemperature = 0.1\n")
    settings = load(str(file), ["samples=3", "student.top_p=0.9"], samples=4)
    assert (settings.turns, settings.samples) == (2, 4)
    assert (settings.student.temperature, settings.student.top_p) == (0.1, 0.9)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["studnt.model=x"], "'studnt.model', the nearest is 'student.model'"),
        (["student.modl=x"], "nearest is 'student.model'"),
        (["turns=0"], "turns: input should be greater than or equal to 1, got 0"),
        (["turns"], "--set wants key=value, got 'turns'"),
        (["turns.x=1", "student.engine=vllm"], "turns"),
        (["student.engine=vlm"], "no engine is called 'vlm', the nearest is 'vllm'"),
        (["student.engine=worked"], "worked engine is a teacher"),
        (['arms=["smll"]'], "no arm is called 'smll', the nearest is 'sml'"),
        (["loss=none"], "loss"),
    ],
)
def test_mistakes_are_one_line_that_helps(sets, words):
    with pytest.raises(SettingsError) as error:
        load(sets=sets)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["turns = ", "[student\n", "\xff"])
def test_a_broken_run_file_is_named(tmp_path, text):
    file = tmp_path / "run.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"run\.toml"):
        load(str(file))


def test_the_run_id_depends_on_what_shapes_the_data_and_on_nothing_else():
    base = load(corpora=("a/x.jsonl",)).run_id()
    assert load(corpora=("b/x.jsonl",), limit=5).run_id() == base
    assert load(sets=["driver.concurrency=7"], corpora=("x.jsonl",)).run_id() == base
    assert load(sets=["student.temperature=0.8"], corpora=("x.jsonl",)).run_id() != base
    assert load(corpora=("y.jsonl",)).run_id() != base


def test_differences_name_the_key_and_both_values():
    old, new = load().shaping(), load(turns=3).shaping()
    assert differences(old, new) == ["turns: 4 -> 3"]


def test_every_key_can_be_set():
    known = list(keys(Settings))
    assert {"student.model", "vllm.kv_cache_gb", "turns", "dedup.threshold"} <= set(known)
    assert len(known) == len(set(known))


def test_the_published_schema_is_that_of_the_code():
    """To renew it: python -m tutelage.settings > schemas/settings.v1.json"""
    import json

    from tutelage.resources import folder
    from tutelage.settings import schema

    written = json.loads((folder("schemas") / "settings.v1.json").read_text("utf-8"))
    assert written == schema()


@pytest.mark.parametrize(
    "url", ["http://me:hush-hush@host/v1", "http://hush-hush@host/v1", "http://host/v1?key=hush"]
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url):
    with pytest.raises(SettingsError, match="api_key_env") as caught:
        load(sets=[f"server.url={url}"])
    assert "hush-hush" not in str(caught.value)


def test_each_side_may_have_a_server_of_its_own():
    chosen = load(
        sets=[
            "student.model=org/small",
            "teacher.model=org/big",
            "teacher.url=http://big:1/v1",
            "teacher.api_key_env=BIG_KEY",
        ]
    )
    assert (chosen.student.engine, chosen.teacher.engine) == ("vllm", "server")
    assert (chosen.judge.engine, chosen.judge.url) == ("server", "http://big:1/v1")
    alone = load(sets=["student.model=org/small", "teacher.model=org/big", "teacher.engine=server"])
    assert chosen.run_id() == alone.run_id(), "where a server lies shapes no data"
    with pytest.raises(SettingsError, match=r"student\.url is of the server engine"):
        load(sets=["student.url=http://x/v1", "student.engine=vllm"])
    with pytest.raises(SettingsError, match="api_key_env"):
        load(sets=["teacher.url=http://me:secret@x/v1"])
