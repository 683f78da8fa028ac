"""From a run file, `--set` and a command's options to settings; and where two trees differ."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tutelage.errors import SettingsError
from tutelage.plugins import nearest
from tutelage.settings.names import ARMS, BY_URL, ENGINES, FORMS
from tutelage.settings.tree import Settings

_SECRET = re.compile(r"//[^/@\s]*@")
"""User and password in a URL, which no message repeats."""


def load(path: str = "", sets: Iterable[str] = (), **options: Any) -> Settings:
    """Settings from a run file, then `key=value` pairs, then the command's own options.

    Options that are None were not given. Raises:
        SettingsError: the file does not read, a key is unknown, or a value is out of range.
    """
    return _validated(_read(path) if path else {}, sets, options)


def altered(base: Settings, sets: Iterable[str] = (), **options: Any) -> Settings:
    """Other settings, with all that is not given as it is in `base`; raises as `load` does."""
    return _validated(base.model_dump(mode="json"), sets, options)


def _validated(tree: dict[str, Any], sets: Iterable[str], options: Mapping[str, Any]) -> Settings:
    for pair in sets:
        key, eq, value = pair.partition("=")
        if not eq:
            raise SettingsError(f"--set wants key=value, got {pair!r}")
        _put(tree, key.strip(), _value(value.strip()))
    for key, value in options.items():
        if value is not None and value != ():
            _put(tree, key.replace("__", "."), value)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    for arm in settings.arms:
        if arm not in ARMS:
            raise SettingsError(f"no arm is called {arm!r}{nearest(arm, ARMS)}; have {list(ARMS)}")
    for form in settings.feedback.forms:
        if form not in FORMS:
            raise SettingsError(
                f"no form of feedback is called {form!r}{nearest(form, FORMS)}; have {list(FORMS)}"
            )
    for side in (settings.student, settings.teacher):
        if side.engine and side.engine not in ENGINES and ":" not in side.engine:
            raise SettingsError(
                f"no engine is called {side.engine!r}{nearest(side.engine, ENGINES)}; "
                f"have {list(ENGINES)} or package.module:Class"
            )
    players = {"student": settings.student, "teacher": settings.teacher, "judge": settings.judge}
    for name, player in players.items():
        if player.url and player.engine in ENGINES and player.engine not in BY_URL:
            raise SettingsError(
                f"{name}.url is of the server engine (or batch), and {name}.engine is "
                f"{player.engine!r}: leave one of them out"
            )
    if settings.driver.budget_usd and not any(p.price_in or p.price_out for p in players.values()):
        raise SettingsError(
            "a budget in USD wants prices: --set teacher.price_in=0.15 --set teacher.price_out=0.6, "
            "in USD for a million tokens"
        )
    if settings.student.engine == "worked":
        raise SettingsError("the worked engine is a teacher; student.engine cannot be worked")
    return settings.resolved()


def keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every dotted key that `--set` takes."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"no run file at {path}: give --config a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is no TOML run file: {error}") from None


def _value(text: str) -> Any:
    """A value as TOML reads it; what TOML cannot read is a string."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"{dotted}: {part} is a value, not a section")
    tree[last] = value


def _explain(error: ValidationError) -> str:
    reasons = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            for inner in _leaves(fault["input"]):
                key = f"{key}.{inner}"
            reasons.append(f"no setting is called {key!r}{nearest(key, list(keys()))}")
        else:
            given = _SECRET.sub("//***@", repr(fault["input"]))
            if key.endswith("extra_body") and isinstance(fault["input"], dict):
                given = repr(sorted(fault["input"]))  # a value may be secret
            reasons.append(f"{key}: {fault['msg'].lower()}, got {given}")
    return "; ".join(reasons)


def _leaves(value: Any) -> list[str]:
    """The first dotted path below a section that nobody knows; none below a plain value."""
    if not isinstance(value, dict) or not value:
        return []
    name, inner = next(iter(value.items()))
    return [".".join([name, *_leaves(inner)])]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], at: str = "") -> list[str]:
    """Where two trees differ, as `key: old -> new`."""
    changes = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            changes += differences(a, b, f"{at}{key}.")
        elif a != b:
            changes.append(f"{at}{key}: {a!r} -> {b!r}")
    return changes


def schema() -> dict[str, Any]:
    """JSON schema of a run file, as `schemas/settings.v1.json` has it."""
    tree = Settings.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "settings.v1",
        "title": "Run file",
        "description": "Settings of a run, as TOML or JSON; `--set a.b=c` sets one of them.",
        **{key: tree[key] for key in ("type", "additionalProperties", "properties", "$defs")},
    }
