"""Values of a record as they lie in files: nested, JSON inside a text, bytes, chats, lists of one.

A path names a value: `final.value`, `choices.0`. A text that is JSON (or a Python literal, as some
data sets have it) is looked into where the path goes on. What a person would read as one text, is one:
bytes in UTF-8, a list with one text, the user's messages of a chat. Anything else is no text, and is
refused with the path that would be one.
"""

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence

from tutelage.corpora.row import Record
from tutelage.errors import BadRow

_SHOWN = 80
_LONGEST = 1 << 24
"""Characters of a text that is looked into."""


def value_at(record: Record, path: str) -> object:
    """The value that a path names; None where there is none. `a|b` is `b` where there is no `a`.

    >>> value_at({"info": '{"truth": "4"}'}, "info.truth"), value_at({"a": [5, 6]}, "a.1")
    ('4', 6)
    """
    for way in path.split("|"):
        value: object = record.get(way)
        if way not in record:
            value = record
            for step in way.split("."):
                value = _step(value, step)
        if value is not None:
            return value
    return None


def structured(value: object) -> object:
    """The list or object that a text of JSON, or of a Python literal, holds; else the value itself."""
    if isinstance(value, bytes):
        value = _decoded(value)
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{") or len(value) > _LONGEST:
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            parsed = read(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return parsed if isinstance(parsed, list | dict) else value
    return value


def as_text(value: object, path: str) -> str:
    """A value as a person would write it; empty where there is none.

    >>> as_text([4.0], "answer"), as_text([{"role": "user", "content": "2 + 2?"}], "prompt")
    ('4', '2 + 2?')

    Raises:
        BadRow: it is no text.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadRow("no-answer", f"`{path}` is {value}")
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Mapping):
        raise BadRow("no-text", _hint(value, path))
    if isinstance(value, Sequence):
        if chat := _chat(value):
            return chat
        if len(value) == 1:
            return as_text(value[0], f"{path}.0")
        raise BadRow("no-text", _hint(value, path))
    return str(value)


def as_answer(value: object, path: str) -> str:
    """A final answer as a person would write it. A JSON list of one text is that; `[0, 1]` stays.

    >>> as_answer('["4"]', "truth"), as_answer("[0, 1]", "truth")
    ('4', '[0, 1]')

    Raises:
        BadRow: it is no text, or there are several.
    """
    inner = structured(value)
    texts = isinstance(inner, list) and inner and all(isinstance(item, str) for item in inner)
    return as_text(inner if texts else value, path).strip()


def options_in(value: object) -> tuple[list[str], list[str]]:
    """The options to choose from, and their labels where they have some; none for None.

    >>> options_in({"text": ["red", "blue"], "label": ["1", "2"]})
    (['red', 'blue'], ['1', '2'])

    Raises:
        BadRow: there are not two of them.
    """
    value = structured(value)
    if value is None:
        return [], []
    labels: object = ()
    if isinstance(value, Mapping):
        labels = value.get("label") or list(value)
        value = value.get("text") or list(value.values())
    options = [as_text(item, "choices") for item in value] if isinstance(value, list) else []
    if len(options) < 2:
        raise BadRow("no-answer", "there are no options to choose from")
    return options, [str(label) for label in labels] if isinstance(labels, list) else []


def with_options(statement: str, options: Sequence[str]) -> str:
    """A question with its options below it, from A on."""
    lines = [f"{chr(65 + at)}) {option.strip()}" for at, option in enumerate(options)]
    return "\n".join([statement.strip(), *lines])


def letter_of(key: object, options: Sequence[str], labels: Sequence[str] = ()) -> str:
    """The letter of the right option: `key` is its index from 0, its letter or label, or its text.

    Raises:
        BadRow: it is none of these.
    """
    letters = [chr(65 + at) for at in range(len(options))]
    word = as_text(key, "answer").strip()
    if isinstance(key, int | float) and word.isdigit() and int(word) < len(options) and not labels:
        return letters[int(word)]
    word = re.sub(r"^\(([A-Z])\)$|^([A-Z])[.)]$", r"\1\2", word)
    for names in ([*labels], letters, [*options]):
        if word in names:
            return letters[names.index(word)]
    if word.isdigit() and int(word) < len(options):
        return letters[int(word)]
    raise BadRow("no-answer", f"{word[:_SHOWN]!r} is none of {len(options)} options")


def _step(value: object, step: str) -> object:
    value = structured(value)
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, Sequence) and not isinstance(value, str) and step.isdigit():
        return value[int(step)] if int(step) < len(value) else None
    return None


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadRow("unreadable", f"bytes that are no UTF-8: {error}") from None


def _chat(value: Sequence[object]) -> str:
    """What the user says in a chat; empty where `value` is none."""
    contents = []
    for message in value:
        if not isinstance(message, Mapping):
            return ""
        role = message.get("role", message.get("from"))
        content = message.get("content", message.get("value"))
        if isinstance(content, Sequence) and not isinstance(content, str):
            parts = [part.get("text", "") for part in content if isinstance(part, Mapping)]
            content = "\n".join(map(str, parts))
        if not isinstance(role, str) or not isinstance(content, str):
            return ""
        if role in ("user", "human"):
            contents.append(content)
    return "\n\n".join(contents)


def _hint(value: object, path: str) -> str:
    """Why a value is no text, and which path would lead to one."""
    shown = json.dumps(value, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)  # type: ignore[arg-type]
    texts = [f"{path}.{key}" for key, inner in pairs if isinstance(inner, str | int | float)]
    better = f": {' or '.join(texts[:3])} would be" if texts else ""
    return f"`{path}` is no text but {shown}{better}"
