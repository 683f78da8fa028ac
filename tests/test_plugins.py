"""One loader for every open point."""

from pathlib import Path

import pytest

from tutelage import corpora, engines, plugins, settings, verifiers
from tutelage.errors import CorpusError, SettingsError

TABLE = {"retry": "tutelage.plugins:nearest", "replay": "tutelage.plugins:load"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("retri", ", the nearest is 'retry'"),
        ("zzz", ""),
    ],
)
def test_a_near_name_is_said(name: str, hint: str) -> None:
    assert plugins.nearest(name, TABLE) == hint


def test_a_key_is_near_another_with_the_same_last_part() -> None:
    assert plugins.nearest("a.b.model", ["student.model"]) == ", the nearest is 'student.model'"


def test_a_file_in_the_current_folder_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_the_run.py").write_text("class Mine:\n    def verify(self): ...\n")
    monkeypatch.chdir(tmp_path)
    assert plugins.load("beside_the_run:Mine", {}, "verifier", ("verify",)).__name__ == "Mine"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "nobody",
            "no engine is called 'nobody'; have retry, replay, or a dotted",
        ),
        ("no.such:Thing", "the engine 'no.such:Thing' cannot be loaded: No module named 'no'"),
        ("os:nothing", "cannot be loaded: module 'os' has no attribute 'nothing'"),
        (
            "os:system",
            "'os:system' is no engine: it has no reply, close; wanted a class with",
        ),
    ],
)
def test_a_wrong_name_is_one_line(name: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        plugins.load(name, TABLE, "engine", ("reply", "close"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_open_point_says_what_is_wanted() -> None:
    chosen = settings.load("", ["student.engine=os:system"])
    with pytest.raises(SettingsError, match="is no engine: it has no reply"):
        engines.build(chosen.student, chosen)
    with pytest.raises(SettingsError, match="is no verifier: it has no verify"):
        verifiers.load("os:system")
    with pytest.raises(CorpusError, match="is no generator: it has no open"):
        corpora.open_corpus("os.path:join")
