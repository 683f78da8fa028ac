"""The columns of a row. The JSON schemas define them; the Arrow schema and the check of a row
are derived from those."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from tutelage.resources import folder

SCHEMA_VERSION = "dialogue.v1"

RowDict = dict[str, Any]


@cache
def json_schema(name: str = SCHEMA_VERSION) -> dict[str, Any]:
    """The JSON schema `schemas/<name>.json`."""
    loaded: dict[str, Any] = json.loads((folder("schemas") / f"{name}.json").read_text("utf-8"))
    return loaded


@cache
def arrow_schema(name: str = SCHEMA_VERSION) -> Any:
    """The `pyarrow.Schema` for `schemas/<name>.json`; columns are in the order of the file."""
    import pyarrow as pa

    schema = json_schema(name)
    fields = [_field(pa, key, spec, schema) for key, spec in schema["properties"].items()]
    return pa.schema(fields, metadata={"schema_version": name})


def fits(row: RowDict) -> bool:
    """Whether `faults` would yield nothing; about seven times faster."""
    return _fitter()(row)


@cache
def _fitter() -> Callable[[Any], bool]:
    root = json_schema()

    def build(spec: Mapping[str, Any]) -> Callable[[Any], bool]:
        spec = _resolve(spec, root)
        kind = spec["type"]
        if kind == "object":
            columns = {name: _resolve(column, root) for name, column in spec["properties"].items()}
            names = columns.keys()
            checks = [(name, build(column)) for name, column in columns.items() if nests(column)]
            plain = [n for n, c in columns.items() if not nests(c) and "null" not in c["type"]]
            # Two names at least, so that it gives a tuple.
            required = itemgetter(*plain, *plain[:1]) if plain else lambda value: ()
            return lambda value: (
                isinstance(value, dict)
                and value.keys() == names
                and None not in required(value)
                and all(check(value[name]) for name, check in checks)
            )
        item = build(_resolve(spec["items"], root))
        return lambda value: value is not None and all(map(item, value))

    def nests(spec: Mapping[str, Any]) -> bool:
        """Whether it is an object, or an array of objects."""
        element = _resolve(spec["items"], root) if spec["type"] == "array" else spec
        return bool(element["type"] == "object")

    return build(root)


def faults(value: Any, spec: Mapping[str, Any] | None = None, at: str = "") -> Iterator[str]:
    """Why `value` is not a valid row: missing, unknown or null columns, by path.

    Rows are checked before they are written, because pyarrow silently drops unknown keys and sets
    missing ones to null.
    """
    root = json_schema()
    spec = _resolve(spec or root, root)
    kind = spec.get("type")
    if value is None:
        if "null" not in kind if isinstance(kind, list) else True:
            yield f"{at} is null"
    elif kind == "object":
        if not isinstance(value, dict):
            yield f"{at} is {type(value).__name__}, not an object"
            return
        for key in value.keys() ^ spec["properties"].keys():
            yield f"{at}.{key} is {'unknown' if key in value else 'missing'}"
        for key, inner in spec["properties"].items():
            if key in value:
                yield from faults(value[key], inner, f"{at}.{key}")
    elif kind == "array":
        inner = _resolve(spec["items"], root)
        if inner.get("type") == "object":
            for i, item in enumerate(value):
                yield from faults(item, inner, f"{at}[{i}]")


def _resolve(spec: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in spec:
        return spec
    definition: Mapping[str, Any] = root["$defs"][spec["$ref"].rsplit("/", 1)[1]]
    return definition


def _field(pa: Any, key: str, spec: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    spec = _resolve(spec, root)
    kinds = spec["type"] if isinstance(spec["type"], list) else [spec["type"]]
    return pa.field(key, _arrow_type(pa, spec, kinds[0], root), nullable="null" in kinds)


def _arrow_type(pa: Any, spec: Mapping[str, Any], kind: str, root: Mapping[str, Any]) -> Any:
    if kind == "object":
        return pa.struct([_field(pa, k, v, root) for k, v in spec["properties"].items()])
    if kind == "array":
        return pa.list_(_field(pa, "element", spec["items"], root))
    plain = {"string": pa.string, "boolean": pa.bool_, "integer": pa.int64, "number": pa.float64}
    sized = {"int32": pa.int32, "float32": pa.float32}
    return sized.get(spec.get("format", ""), plain[kind])()
