"""Each command of the README, as written there: run where that is possible here, else parsed.

All run in one folder, in their order, over problems of ours; a model's place is taken by the scripted
players. Whatever is added to the README is run, unless its beginning stands in a table below.
"""

import contextlib
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import documents
import tutelage
from tutelage.cli import cli

README = (documents.ROOT / "README.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PARSED = {
    "tutelage train": "a model that must be downloaded, or minutes of training",
    "tutelage rounds": "hours of training",
    "tutelage evaluate": "checkpoints that only a training makes",
    "tutelage launch check": "a project in Google's cloud",
    "tutelage launch …": "the same: it would launch",
    "tutelage generate problems.jsonl --map statement=question,answer=answer --set teacher.url": "a "
    "server that is paid",
    "tutelage view": "a page that is served until Ctrl-C",
}
"""How a command begins that is only parsed -> what it would want."""
OTHERS = ("make", "pip", "docker")
"""Commands that are not ours."""


def commands() -> list[str]:
    """The commands of all console blocks, continued lines joined, comments left out."""
    texts = [text for kind, text in _BLOCK.findall(README) if kind == "console"]
    lines = "".join(texts).replace("\\\n", " ").splitlines()
    given = [shlex.split(line[2:], comments=True) for line in lines if line[:2] == "$ "]
    return [shlex.join(words).replace("'…'", "…") for words in given]


def one_by_one() -> list[str]:
    """The same, those that `&&` ties together apart."""
    return [part for command in commands() for part in re.split(r" (?:&&|'&&') ", command)]


OURS = [command for command in one_by_one() if command.startswith("tutelage ")]


def words(command: str) -> list[str]:
    """Its arguments; `…` stands for those of the command that it repeats."""
    given = shlex.split(command)[1:]
    if "…" not in given:
        return given
    whole = next(c for c in OURS if c.startswith(f"tutelage {given[0]} ") and "…" not in c)
    repeated = [word for word in shlex.split(whole)[2:] if word != "check"]
    at = given.index("…")
    return [*given[:at], *repeated, *given[at + 1 :]]


class Workspace:
    """A folder in which the commands have run up to one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: list[Result] = []
        problems = [
            {
                "question": f"Ada has {n} stamps and finds {m} more. How many has she?",
                "answer": n + m,
            }
            for n in range(3, 9)
            for m in range(2, 6)
        ]
        (folder / "problems.jsonl").write_text("".join(json.dumps(p) + "\n" for p in problems))
        played = "generate starter --limit 20 --engine scripted"
        self._main([*played.split(), "--seed", "1", "--out", "outputs/second"])
        self._main([*played.split(), "--seed", "2", "--out", "outputs/demo"])

    def run(self, nth: int) -> Result:
        """What our nth command gives, after those before it."""
        for command in OURS[len(self.results) : nth + 1]:
            skipped = Result(CliRunner(), b"", b"", b"", None, 0, None)
            self.results.append(
                skipped if is_parsed(command) else self._main(self._played(command))
            )
        return self.results[nth]

    @staticmethod
    def _played(command: str) -> list[str]:
        given = words(command)
        return [*given, "--engine", "scripted"] if given[0] == "generate" else given

    def _main(self, given: list[str]) -> Result:
        with contextlib.chdir(self.folder):
            return CliRunner().invoke(cli, given)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("readme"))


def is_parsed(command: str) -> bool:
    """Whether it is not run, but where it only shows what it would do."""
    return command.startswith(tuple(PARSED)) and "--show" not in command


def parsed(given: list[str], monkeypatch: pytest.MonkeyPatch) -> Result:
    """Reads the arguments as the command would, and stops there."""
    with monkeypatch.context() as patch:
        patch.setattr(click.Command, "invoke", lambda command, context: None)
        return CliRunner().invoke(cli, given)


@pytest.mark.parametrize("command", OURS)
def test_a_command_of_ours_is_understood(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = parsed(words(command), monkeypatch)
    assert result.exit_code == 0, f"{result.output}{result.exception!r}"


@pytest.mark.parametrize("nth", [n for n, c in enumerate(OURS) if not is_parsed(c)])
def test_a_command_of_ours_runs_as_written(nth: int, workspace: Workspace) -> None:
    result = workspace.run(nth)
    assert result.exit_code == 0, f"{OURS[nth]}: {result.output}{result.exception!r}"


def test_there_are_commands() -> None:
    assert len(OURS) > 15
    assert {name for name in PARSED if not any(c.startswith(name) for c in OURS)} == set()


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"(?:\$ |`)make ([a-z-]+)", README))), ids=str
)
def test_a_target_of_make_is_there(target: str) -> None:
    asked = ["make", "-n", "-C", str(documents.ROOT), target]
    assert subprocess.run(asked, capture_output=True).returncode == 0


def test_the_other_commands_are_known_to_be_others() -> None:
    others = [command for command in one_by_one() if not command.startswith("tutelage ")]
    assert [command for command in others if command.split()[0] not in OTHERS] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"(?:`|^\| `)tutelage ([a-z]+)", README))))
def test_a_command_that_is_named_is_there(name: str) -> None:
    assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


def test_the_python_runs_as_written(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = [text for kind, text in _BLOCK.findall(README) if kind == "python"]
    scripted = '"student.engine": "scripted", "teacher.engine": "scripted"'
    played, count = re.subn(r'"student\.model": "[^"]*"', scripted, text)
    assert count == 1
    trained: list[Any] = []
    monkeypatch.setattr(tutelage, "train_sft", lambda run, out: trained.append((run, out)))
    played = played.replace("outputs/", "outputs/py-")
    with contextlib.chdir(workspace.folder):
        exec(compile(played, "README.md", "exec"), {})
        ((run, out),) = trained
        assert next(iter(run.rows()))["outcome"]["solved_turn"] > 1
    assert out == "checkpoints/late"
