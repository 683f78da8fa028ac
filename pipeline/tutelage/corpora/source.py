"""Reading Python sources of code problems, without running them: names, signatures, fences."""

import ast
import re
import warnings

_FENCE = re.compile(r"```(?:python|py|python3)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)


def tree(code: str) -> ast.Module | None:
    """The syntax tree, or None where the code is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bad escapes and the like
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def entry_point(code: str, cases: list[str]) -> str:
    r"""The function or class of `code` that the tests call first; empty where they call none.

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
    """Names of the functions and classes at the top of the code, and of what it assigns there."""
    parsed = tree(code)
    names: list[str] = []
    for node in parsed.body if parsed else []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names.extend(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def helpers(code: str, user: str, name: str) -> str:
    r"""Functions and classes of `code` that `user`, another piece of code, names; but not `name`.

    >>> helpers("class Node: pass\ndef f(): pass", "root = Node()", "f")
    'class Node: pass'
    """
    parsed, using = tree(code), tree(user)
    if not parsed or not using:
        return ""
    named = {node.id for node in ast.walk(using) if isinstance(node, ast.Name)} - {name}
    programs = [
        ast.get_source_segment(code, node) or ""
        for node in parsed.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in named
    ]
    return "\n\n".join(programs)


def unfenced(text: str) -> str:
    """Code out of its Markdown fences, all of them one after another; plain code as it is."""
    blocks = _FENCE.findall(text)
    return "\n\n".join(block.strip("\n") for block in blocks) if blocks else text.strip("\n")
