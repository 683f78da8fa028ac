"""Asks as dialogues make them, engines from settings, and whether processes have ended."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tutelage import dialogue, engines, settings
from tutelage.records import Ask, Chat, Gold, Player, Problem, Rules, Sampling

PROBLEM = Problem(
    "p1", "math", "test", "CC0-1.0", "Lena has 27 stamps and gives 5 away. How many has she left?",
    Gold("answer", "22"), "She has 27 - 5 = 22 left.",
)  # fmt: skip


@pytest.fixture
def ask() -> Callable[..., Ask]:
    """Makes an ask whose chat holds `words`, or is `chat`."""
    begun = dialogue.begin(PROBLEM, Rules(), 0, 0)

    def make(
        words: str = "How many has she left?",
        player: Player = "student",
        seed: int = 7,
        chat: Chat = (),
        **sampling: object,
    ) -> Ask:
        drawn = Sampling(**{"max_tokens": 16, **sampling})  # type: ignore[arg-type]
        return Ask(player, chat or (("user", words),), drawn, seed, begun)

    return make


@pytest.fixture
def engine() -> Iterator[Callable[..., engines.Engine]]:
    """Builds the student's engine from settings as `--set` takes them; closes it at the end."""
    built: list[engines.Engine] = []

    def make(*sets: str) -> engines.Engine:
        chosen = settings.load("", sets)
        built.append(engines.build(chosen.student, chosen))
        return built[-1]

    yield make
    for each in built:
        each.close()


def _lives(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


@pytest.fixture
def survivors() -> Callable[[Iterable[int]], list[int]]:
    """Which of some processes still live, once they have had plenty of time to end."""

    def wait(pids: Iterable[int], within_s: float = 60) -> list[int]:
        limit = time.monotonic() + within_s
        living = [pid for pid in pids if _lives(pid)]
        while living and time.monotonic() < limit:
            time.sleep(0.02)
            living = [pid for pid in living if _lives(pid)]
        return living

    return wait
