"""Requests as dialogues make them, engines from settings."""

from collections.abc import Callable, Iterator

import pytest

from tutelage import dialogue, engines, settings
from tutelage.records import Chat, Gold, Player, Problem, Request, Rules, Sampling

PROBLEM = Problem(
    "p1", "math", "test", "CC0-1.0", "Lena has 27 stamps and gives 5 away. How many has she left?",
    Gold("answer", "22"), "She has 27 - 5 = 22 left.",
)  # fmt: skip


@pytest.fixture
def make_request() -> Callable[..., Request]:
    """Makes a request whose chat holds `words`, or is `chat`."""
    begun = dialogue.begin(PROBLEM, Rules(), 0, 0)

    def make(
        words: str = "How many has she left?",
        player: Player = "student",
        seed: int = 7,
        chat: Chat = (),
        **sampling: object,
    ) -> Request:
        drawn = Sampling(**{"max_tokens": 16, **sampling})  # type: ignore[arg-type]
        return Request(player, chat or (("user", words),), drawn, seed, begun)

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
