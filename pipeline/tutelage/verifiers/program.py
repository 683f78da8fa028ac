"""Finds the program in a student's message.

1. Reasoning in `<think>` tags is no part of it.
2. The program is the last fenced block that is Python (marked so, or not marked and more than words
   and values, as sample output is); where the entry point is known, the last one that defines it.
   Blocks before it are put on top where it uses what they define. A fence inside of a docstring does
   not end a block.
3. Without a fence it is the whole message, or what begins at its first line of code.
4. A body alone is put under the signature that the statement ends in; a function that is given
   whole has the imports above that signature.
"""

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

from tutelage.sandbox.program_server import PROGRAM


def extract(message: str, entry: str, statement: str = "") -> str:
    """The program of a message; empty where there is none."""
    thought, _, rest = message.rpartition("</think>")
    message = rest if "<think>" in thought and rest.strip() else message
    body_wanted = bool(entry) and _defines(statement, entry)
    program = fenced(message, entry) or _bare(message, body_wanted)
    if body_wanted and program and not _defines(program, entry):
        for body in _bodies(program):
            whole = f"{statement.rstrip()}\n{body}\n"
            if _parses(whole):
                return whole
    if body_wanted and _defines(program, entry) and "__future__" not in program:
        public = [line for line in _IMPORT.findall(statement) if line not in program]
        return "\n".join([*public, program])
    return program


def signed(statement: str) -> str:
    """The function whose signature a statement ends in; empty where there is none."""
    names = _DEFINED.findall(statement)
    return names[-1] if names and _parses(f"{statement.rstrip()}\n    pass\n") else ""


def fenced(message: str, entry: str) -> str:
    """The last fenced Python block; the last that defines `entry`, if any does."""
    marked = list(_blocks(message))
    blocks = [block for is_marked, block in marked if is_marked or _does(block)]
    blocks = blocks or [block for _, block in marked]
    defining = [at for at, block in enumerate(blocks) if entry and _defines(block, entry)]
    if not blocks:
        return ""
    at = defining[-1] if defining else len(blocks) - 1
    return _with_parts(blocks[:at], blocks[at])


def _does(block: str) -> bool:
    """Whether a block does anything: sample output may parse as Python, but calls nothing."""
    if not _parses(block):
        return bool(_FIRST.search(block))
    return any(isinstance(node, _DOING) for node in ast.walk(ast.parse(block)))


def _blocks(message: str) -> Iterator[tuple[bool, str]]:
    """The fenced blocks that may be Python, and whether they are marked as such."""
    lines = message.splitlines()
    at = 0
    while at < len(lines):
        opening = _OPENING.search(lines[at])
        at += 1
        if not opening:
            continue
        closing = re.compile(rf"[ \t]*{re.escape(opening[1])}[ \t]*")
        ends = [end for end in range(at, len(lines)) if closing.fullmatch(lines[end])]
        is_python = opening[2].lower() in _PYTHON
        bodies = ((end, _block(lines[at:end])) for end in ends[:_TRIES])
        whole = next((pair for pair in bodies if _parses(pair[1])), None) if is_python else None
        end, body = whole or (ends[0] if ends else len(lines), "")
        body = body or _block(lines[at:end])
        at = end + 1
        if is_python and body.strip():
            yield bool(opening[2]), body


def _block(lines: list[str]) -> str:
    return textwrap.dedent("\n".join(lines)).strip("\n")


def _with_parts(parts: list[str], block: str) -> str:
    """`block` under those of `parts` that define what it uses and does not define."""
    for part in reversed(parts):
        wanted = {name for name in _DEFINED.findall(part) if not _defines(block, name)}
        if any(re.search(rf"\b{name}\b", block) for name in wanted) and _parses(part):
            block = f"{part}\n\n{block}"
    return block


def _bare(message: str, body_wanted: bool) -> str:
    """Code without a fence: the message as a whole, or from its first line of code on."""
    text = textwrap.dedent(message)
    if _parses(text) and not _WORDS.fullmatch(text.strip()):
        return text.strip("\n")
    match = _FIRST.search(message)
    if not match:
        is_body = body_wanted and any(_parses(f"def f():\n{body}") for body in _bodies(message))
        return message.strip("\n") if is_body and _STATEMENT.search(message) else ""
    indent = match[0][: len(match[0]) - len(match[0].lstrip())]
    lines = [line.removeprefix(indent) for line in message[match.start() :].splitlines()]
    for end in range(len(lines), max(0, len(lines) - 40), -1):
        if _parses("\n".join(lines[:end])):
            return "\n".join(lines[:end])
    return "\n".join(lines)


def _bodies(program: str) -> Iterator[str]:
    """`program` as the body of a function: indented anew, or only its first line."""
    yield textwrap.indent(textwrap.dedent(program), "    ")
    yield "    " + program.strip()


def _defines(program: str, entry: str) -> bool:
    name = re.escape(entry)
    pattern = rf"^(?:(?:async\s+)?def\s+{name}\s*\(|class\s+(?:{name}|Solution)\b|{name}\s*=)"
    return re.search(pattern, program, re.M) is not None


def _parses(program: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(program, PROGRAM)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


_DOING = (ast.Call, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.For, ast.While)
_TRIES = 6
"""Ends of a block that are tried."""
_OPENING = re.compile(
    r"(?:^[ \t]*|(?<=\S)[ \t]*(?=`{3,}(?:python|py)))(`{3,}|~{3,})[ \t]*([\w+.-]*)[^\n`]*$", re.I
)
_PYTHON = frozenset({"", "python", "py", "python3", "py3"})
_FIRST = re.compile(r"^[ \t]*(?:def|class|import|from|async def|@\w)\b", re.M)
_IMPORT = re.compile(r"^(?:import|from)[ \t]+[\w.]+(?:[ \t]+(?:import|as)[ \t]+[\w., *]+)?$", re.M)
_DEFINED = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.M)
_STATEMENT = re.compile(
    r"^\s*(?:return|for|while|if|try|with|\w+(?:\[[^\]]*\])?\s*[-+*/|&]?=)", re.M
)
_WORDS = re.compile(r"[\w.,!?'\"-]*(?:\n.*)?")
"""A word alone parses as Python, but is no program."""
