"""The folder of a loop: opened by one process at a time, and by one loop; and its run files."""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tutelage.errors import SettingsError
from tutelage.rounds.plan import Plan, Rounds
from tutelage.settings import differences
from tutelage.shards import RunFolder, lock
from tutelage.shards.folder import writing


def start(plan: Plan) -> None:
    """Begins the folder, or finds that it holds this very loop.

    A loop of which no step ever began binds nobody: its settings and problems are laid out anew.

    Raises:
        SettingsError: it holds another one, or something else.
    """
    file = plan.out / "rounds.json"
    free = {"out", "keep", "trainer", "beam", "resident"}
    now = plan.asked.model_dump(mode="json", exclude=free)
    if file.is_file() and not _begun(plan.out):
        for name in ("problems", "rounds", "warmup"):
            shutil.rmtree(plan.out / name, ignore_errors=True)
    elif file.is_file():
        # what a loop of an earlier version did not know of has its default
        then = Rounds().model_dump(mode="json", exclude=free) | json.loads(file.read_text("utf-8"))
        if now["rounds"] >= then["rounds"]:
            then["rounds"] = now["rounds"]
        if changes := differences(then, now):
            raise SettingsError(
                f"{plan.out} holds other rounds ({'; '.join(changes[:4])}): choose another out, or "
                "repeat the settings to go on; of them, `rounds` may grow"
            )
    elif any(path.name != ".lock" for path in plan.out.iterdir()):
        raise SettingsError(f"{plan.out} is neither empty nor of rounds: choose another out")
    write(file, json.dumps(now, indent=2) + "\n")


def _begun(out: Path) -> bool:
    """Whether any run or training of the loop has opened its folder, or a round is done."""
    patterns = ("rounds/*/*/*", "rounds/*/done.json", "warmup/*/*")
    return any(True for pattern in patterns for _ in out.glob(pattern))


@contextlib.contextmanager
def alone(plan: Plan) -> Iterator[None]:
    """One process at a time goes on with a loop; the system forgets a dead one."""
    with writing(plan.out):
        plan.out.mkdir(parents=True, exist_ok=True)
    with lock.held(plan.out / ".lock", plan.out):
        yield


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all, and its folder."""
    RunFolder(path.parent).write_text(path.name, text)


def run_file(tree: Mapping[str, Any]) -> str:
    """A run file: plain values first, then a section for each table."""
    plain = {name: value for name, value in tree.items() if not isinstance(value, dict)}
    text = "".join(f"{name} = {_value(value)}\n" for name, value in plain.items())
    for name, section in tree.items():
        if isinstance(section, dict):
            text += f"\n[{name}]\n"
            text += "".join(f"{json.dumps(k)} = {_value(v)}\n" for k, v in section.items())
    return text


def _value(value: Any) -> str:
    """A value in TOML, which reads JSON's numbers, strings and lists, but not its objects."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
