"""The folder of a loop, opened by one process at a time and used by one loop only; and run files."""

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
    """Creates the folder's settings file, or checks that it belongs to this loop.

    If no step has started yet, settings and problems may change: they are written again.

    Raises:
        SettingsError: the folder holds another loop, or something else.
    """
    file = plan.out / "rounds.json"
    free = {"out", "keep", "trainer", "beam", "resident"}
    current = plan.config.model_dump(mode="json", exclude=free)
    if file.is_file() and not _begun(plan.out):
        for name in ("problems", "rounds", "warmup"):
            shutil.rmtree(plan.out / name, ignore_errors=True)
    elif file.is_file():
        # Settings that an earlier version did not have get their defaults.
        stored = Rounds().model_dump(mode="json", exclude=free) | json.loads(
            file.read_text("utf-8")
        )
        if current["rounds"] >= stored["rounds"]:
            stored["rounds"] = current["rounds"]
        if changes := differences(stored, current):
            raise SettingsError(
                f"{plan.out} holds other rounds ({'; '.join(changes[:4])}): choose another out, or "
                "repeat the settings to go on; of them, `rounds` may grow"
            )
    elif any(path.name != ".lock" for path in plan.out.iterdir()):
        raise SettingsError(f"{plan.out} is neither empty nor of rounds: choose another out")
    write(file, json.dumps(current, indent=2) + "\n")


def _begun(out: Path) -> bool:
    """Whether any run or training of the loop has started, or a round is done."""
    patterns = ("rounds/*/*/*", "rounds/*/done.json", "warmup/*/*")
    return any(True for pattern in patterns for _ in out.glob(pattern))


@contextlib.contextmanager
def alone(plan: Plan) -> Iterator[None]:
    """Ensures that one process at a time works on a loop; the lock of a dead process is released."""
    with writing(plan.out):
        plan.out.mkdir(parents=True, exist_ok=True)
    with lock.held(plan.out / ".lock", plan.out):
        yield


def write(path: Path, text: str) -> None:
    """Writes a file completely or not at all, and creates its folder."""
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
    """A value in TOML, which has JSON's numbers, strings and lists, but not its objects."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
