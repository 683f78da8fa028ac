"""Stops a run when its budget of tokens or money is spent. The same command continues it.

The workers' heartbeats count the prompts and replies of all players in dialogues that have ended in
this session. Dialogues in play get a few seconds to end, so a run may exceed its budget by them. Tokens
cost what the players' prices say; cached prompts count in full, so that a bill is never higher.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping

from tutelage.errors import TutelageError
from tutelage.processes.repeated import repeated
from tutelage.session.telemetry import heartbeats
from tutelage.settings import Settings
from tutelage.shards import RunFolder

_POLL_S = 1.0
BILLED = (".prompt", ".completion")
"""Suffixes of the kinds of tokens that cost money."""
_MILLION = 1e6


@contextlib.contextmanager
def watched(folder: RunFolder, settings: Settings, stop: Callable[[str], None]) -> Iterator[None]:
    """While entered, `stop` is called with the reason once a budget is spent."""
    tokens, dollars = settings.driver.budget_tokens, settings.driver.budget_usd
    if not tokens and not dollars:
        yield
        return

    def look() -> bool:
        try:
            by_kind = spent(folder)
            used, paid = sum(by_kind.values()), cost(by_kind, settings)
            if tokens and used >= tokens:
                budget, option = f"{tokens:,} tokens is spent ({used:,})", "--budget-tokens"
            elif dollars and paid >= dollars:
                budget, option = f"{dollars:,.2f} USD is spent ({paid:,.2f})", "--budget-usd"
            else:
                return False
            stop(
                f"the budget of {budget}; what has ended is safe, and the same command with "
                f"another {option} goes on"
            )
        except (OSError, TutelageError):
            return False  # the next look reads it again
        return True

    with repeated(look, _POLL_S, "budget"):
        yield


def spent(folder: RunFolder) -> dict[str, int]:
    """Tokens by player and kind, such as `teacher.prompt`, over all workers of this session."""
    by_kind: dict[str, int] = {}
    for worker in heartbeats(folder):
        for kind, count in worker["tokens"].items():
            if kind.endswith(BILLED):
                by_kind[kind] = by_kind.get(kind, 0) + count
    return by_kind


def cost(by_kind: Mapping[str, int], settings: Settings) -> float:
    """Price of the tokens in USD. Donors' tokens count at the highest price."""
    sides = {"student": settings.student, "teacher": settings.teacher, "judge": settings.judge}
    price_in = {side: player.price_in for side, player in sides.items()}
    price_out = {side: player.price_out for side, player in sides.items()}
    total = 0.0
    for kind, count in by_kind.items():
        side, _, what = kind.partition(".")
        prices = price_in if what == "prompt" else price_out
        total += count * prices.get(side, max(prices.values()))
    return total / _MILLION
