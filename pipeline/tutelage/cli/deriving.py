"""What the commands that derive a run have in common: a bar on a terminal, and the account."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; the function is told how many rows are done, and of how many."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        task = p.add_task("", total=None)
        yield lambda done, total: p.update(task, completed=done, total=total)


def account(manifest: dict[str, Any]) -> str:
    """The balance of a derived run in one line."""
    balance = manifest["derived"]["balance"]
    parts = [f"{balance['kept']} kept", *(f"{n} {rule}" for rule, n in balance["dropped"].items())]
    return f"dialogues  {balance['input']} in = {' + '.join(parts)}"


def near_duplicates(manifest: dict[str, Any]) -> str:
    """What the search for near-duplicates found, in one line."""
    counts = manifest["dedup"].get("counts")
    if not counts:
        return "duplicates not looked for (dedup.enabled is false)"
    left_out = f"; {counts['capped']} comparisons left out" if counts["capped"] else ""
    return (
        f"duplicates {counts['exact']} exact, {counts['near']} near, in {counts['clusters']} "
        f"clusters{left_out}"
    )
