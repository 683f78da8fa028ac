"""The starter corpus: one- and two-step word problems with worked solutions, made on the spot.

For a first run without any download, and small enough for a model of 135M parameters: sums and
differences stay within 50, products are of one digit each and rare, every number is at least 2.
The answer is never one of the numbers in the text.

Form of a solution: one step a line, a sentence with one `a + b = c` in it (`+`, `-` or `*`), and
then the answer in a line of its own, as GSM8K's have after its notes are stripped:

    Both farms together have 12 + 5 = 17 ducks.
    The answer is 17.

Problem `index` depends on (seed, index) alone and is made in constant time. Person and thing do
not meet twice in the same story before 480 problems of each story, 11,520 in all, are made.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from tutelage import plugins, seeds
from tutelage.corpora.problem import answer, make, worked
from tutelage.corpora.row import Corpus, Row
from tutelage.corpora.stories import PEOPLE, STORIES, Story
from tutelage.errors import CorpusError
from tutelage.records import Problem

_MOST = 50


@dataclass(frozen=True, slots=True)
class Starter:
    """`starter?size=1000&seed=0`."""

    size: int = 1000
    seed: int = 0
    spec: str = "starter"
    name: str = "starter"
    makes: ClassVar[str] = "one- and two-step word problems: starter?size=1000&seed=0"

    @classmethod
    def open(cls, spec: str, argument: str, options: Mapping[str, str]) -> Corpus:
        """The corpus of a spec.

        Raises:
            CorpusError: an unknown option, or one that is no number.
        """
        if argument:
            raise CorpusError(f"{spec!r}: starter takes options only, such as starter?size=500")
        for key, value in options.items():
            if key not in ("size", "seed"):
                hint = plugins.nearest(key, ("size", "seed"))
                raise CorpusError(
                    f"{spec!r}: starter has no option {key!r}{hint}; known are size, seed"
                )
            if not value.isdecimal():
                raise CorpusError(f"{spec!r}: {key} is a whole number from 0, got {value!r}")
        return cls(int(options.get("size", 1000)), int(options.get("seed", 0)), spec)

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """See `Corpus`."""
        for index in range(part, self.size, parts):
            yield Row(self.spec, index, self.problem(index))

    def problem(self, index: int) -> Problem:
        """Problem number `index`, whatever the size."""
        cycle, place = divmod(index, len(STORIES))
        order = random.Random(seeds.seed("starter", self.seed)).sample(STORIES, len(STORIES))
        story = order[place]
        draw = random.Random(seeds.seed("starter", self.seed, index))
        words = _cast(story, self.seed, place, cycle, draw)
        numbers = _numbers(story.sum, draw)
        steps, final = _steps(story, words, numbers)
        return make(
            source=self.name,
            domain="math",
            licence="Apache-2.0",
            statement=story.text.format(**words, **numbers),
            gold=answer(str(final)),
            solution=worked(steps, str(final)),
        )


def _cast(story: Story, seed: int, place: int, cycle: int, draw: random.Random) -> dict[str, str]:
    """Who plays, and with what; every pair of person and thing comes before one comes again."""
    pairs = len(PEOPLE) * len(story.things)
    start = seeds.seed("starter-cast", seed, place)
    # 223 is prime and divides no number of pairs, so that the walk meets every pair
    person, thing = divmod((start + 223 * cycle) % pairs, len(story.things))
    name, she = PEOPLE[person]
    friend = draw.choice([other for other, _ in PEOPLE if other != name])
    return {
        "name": name,
        "friend": friend,
        "she": she,
        "She": she.capitalize(),
        "thing": story.things[thing],
    }


def _numbers(operators: str, draw: random.Random) -> dict[str, int]:
    """Numbers that keep every result within 2 to 50 and the answer out of the text."""
    while True:
        if operators[0] == "*":
            given = [draw.randint(2, 9), draw.randint(2, 9)]
        else:
            given = [draw.randint(3, 30), draw.randint(2, 20)]
        given += [draw.randint(2, 20) for _ in operators[1:]]
        results = _results(operators, given)
        if all(2 <= result <= _MOST for result in results) and results[-1] not in given:
            return dict(zip("abd", given, strict=False))


def _results(operators: str, given: list[int]) -> list[int]:
    results = [given[0]]
    for operator, number in zip(operators, given[1:], strict=True):
        last = results[-1]
        results.append(
            {"+": last + number, "-": last - number, "*": last * number}[operator],
        )
    return results[1:]


def _steps(story: Story, words: dict[str, str], numbers: dict[str, int]) -> tuple[list[str], int]:
    given = list(numbers.values())
    left, steps = given[0], []
    results = _results(story.sum, given)
    for text, operator, right, result in zip(
        story.steps, story.sum, given[1:], results, strict=True
    ):
        steps.append(text.format(**words, sum=f"{left} {operator} {right} = {result}"))
        left = result
    return steps, left
