"""Documents that are made from the code: `python tests/documents.py` writes them, `--check` compares.

schemas/README.md       the columns, from the JSON schemas
pipeline/COMMANDS.md    every command's `--help`
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tutelage.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = {
    "dialogue.v1": "One row of a shard, and of a reject file.",
    "problem.v1": "One row of a corpus in our own format (`tutelage corpus make`).",
    "manifest.v1": "`manifest.json` of a run.",
    "settings.v1": "A run file (`--config`), and each key of `--set`.",
}


def schemas() -> str:
    """`schemas/README.md`."""
    parts = [
        "# Columns",
        "",
        "The JSON schemas in this folder are the truth; Arrow's schema follows from them",
        "(`pipeline/tutelage/contract`). A column is added with a description and a test, and never",
        "changes its meaning. This page is made from them by `make docs`.",
    ]
    for name, what in SCHEMAS.items():
        schema = json.loads((ROOT / "schemas" / f"{name}.json").read_text("utf-8"))
        parts += ["", f"## {name}", "", what, "", "| column | type | what it is |", "|---|---|---|"]
        parts += _rows(schema, schema, "")
    return "\n".join(parts) + "\n"


def _rows(node: dict[str, Any], root: dict[str, Any], prefix: str) -> Iterator[str]:
    """A line for each property, nested ones below it by their path."""
    for name, given in node.get("properties", {}).items():
        spec = _resolved(given, root)
        inner = _resolved(spec.get("items", {}), root)
        words = " ".join(str(given.get("description") or spec.get("description", "")).split())
        if "default" in given and not spec.get("properties"):
            words = f"{words} Default: `{json.dumps(given['default'])}`.".strip()
        yield f"| `{prefix}{name}` | {_type(spec, inner)} | {words.replace('|', chr(92) + '|')} |"
        yield from _rows(inner if inner.get("properties") else spec, root, f"{prefix}{name}.")


def _resolved(spec: Any, root: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(spec, dict):
        return {}
    if "$ref" in spec:
        target = root["$defs"][spec["$ref"].rsplit("/", 1)[1]]
        return {**target, **{key: value for key, value in spec.items() if key != "$ref"}}
    return spec


def _type(spec: dict[str, Any], inner: dict[str, Any]) -> str:
    if "enum" in spec:
        return ", ".join(f"`{value}`" for value in spec["enum"])
    kinds = spec.get("type", "any")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if text.startswith("array"):
        return f"list of {inner.get('type', 'any')}"
    return f"{text} ({spec['format']})" if "format" in spec else text


def commands() -> str:
    """`pipeline/COMMANDS.md`."""
    parts = ["# Commands", "", "Each command's `--help`, made by `make docs`.", ""]
    parts += ["```text", _help(cli, "tutelage"), "```"]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        parts += _sections(command, f"tutelage {name}")
    return "\n".join(parts) + "\n"


def _sections(command: click.Command, path: str) -> Iterator[str]:
    yield from ["", f"## {path}", "", "```text", _help(command, path), "```"]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _sections(inner, f"{path} {name}")


def _help(command: click.Command, path: str) -> str:
    """As a person sees it: below `tutelage`, whose `-h` every command has."""
    settings = {**command.context_settings, "terminal_width": 100, "max_content_width": 100}
    settings.setdefault("help_option_names", cli.context_settings["help_option_names"])
    command._help_option = None  # click keeps the one that it made for another context
    with click.Context(command, info_name=path, **settings) as context:
        return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


DOCUMENTS = {"schemas/README.md": schemas, "pipeline/COMMANDS.md": commands}


def main(check: bool) -> int:
    """Writes the documents; with `check`, names those that are not what they would be."""
    stale = []
    for name, render in DOCUMENTS.items():
        path, text = ROOT / name, render()
        if check and (not path.is_file() or path.read_text("utf-8") != text):
            stale.append(name)
        elif not check:
            path.write_text(text, "utf-8")
    if stale:
        print(f"{', '.join(stale)}: not as the code has it; run `make docs`", file=sys.stderr)
    return len(stale)


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"
    sys.exit(main("--check" in sys.argv))
