"""Parses Python sources of code problems without running them: names, signatures, fences."""

import ast
import re
import warnings

_FENCE = re.compile(r"```(?:python|py|python3)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)


def tree(code: str) -> ast.Module | None:
    """The syntax tree, or None if it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escape sequences
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def entry_point(code: str, cases: list[str]) -> str:
    r"""The function or class of `code` that the tests use first; empty if they use none.

    >>> entry_point("def f(x): return x\ndef g(x): return f(x)", ["assert g(1) == 1"])
    'g'
    """
    defined = set(definitions(code))
    for case in cases:
        parsed = tree(case)
        names = [node for node in ast.walk(parsed) if isinstance(node, ast.Name)] if parsed else []
        names.sort(key=lambda node: (node.lineno, node.col_offset))
        for node in names:
            if node.id in defined:
                return node.id
    return ""


def definitions(code: str) -> list[str]:
    """Names of the top-level functions, classes and assigned variables."""
    parsed = tree(code)
    names: list[str] = []
    for node in parsed.body if parsed else []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names.extend(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def helpers(code: str, user: str, name: str) -> str:
    r"""Functions and classes of `code` that are used in `user`, except `name`.

    >>> helpers("class Node: pass\ndef f(): pass", "root = Node()", "f")
    'class Node: pass'
    """
    parsed, user_tree = tree(code), tree(user)
    if not parsed or not user_tree:
        return ""
    used_names = {node.id for node in ast.walk(user_tree) if isinstance(node, ast.Name)} - {name}
    definitions_used = [
        ast.get_source_segment(code, node) or ""
        for node in parsed.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in used_names
    ]
    return "\n\n".join(definitions_used)


def unfenced(text: str) -> str:
    """The code in all Markdown fences, joined; text without fences unchanged."""
    blocks = _FENCE.findall(text)
    return "\n\n".join(block.strip("\n") for block in blocks) if blocks else text.strip("\n")
