"""The starter corpus: generated one- and two-step word problems with worked solutions.

For a first run without a download, and easy enough for a model of 135M parameters: sums and
differences are at most 50, products are rare and of one-digit numbers, every number is at least 2.
The answer is never one of the numbers in the text.

A solution has one step per line, a sentence with one `a + b = c` in it (`+`, `-` or `*`), and then
the answer on its own line, like GSM8K's without its notes:

    Both farms together have 12 + 5 = 17 ducks.
    The answer is 17.

Problem `index` depends only on (seed, index) and is made in constant time. In each story, no pair
of person and thing repeats within the first 480 problems of that story, that is 11,520 problems in
all.
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
            CorpusError: an option is unknown or not a number.
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
        """Problem number `index`, independent of the corpus's size."""
        cycle, story_index = divmod(index, len(STORIES))
        order = random.Random(seeds.seed("starter", self.seed)).sample(STORIES, len(STORIES))
        story = order[story_index]
        draw = random.Random(seeds.seed("starter", self.seed, index))
        words = _cast(story, self.seed, story_index, cycle, draw)
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


def _cast(
    story: Story, seed: int, story_index: int, cycle: int, draw: random.Random
) -> dict[str, str]:
    """The words of a problem: person and thing. All pairs occur before any repeats."""
    pairs = len(PEOPLE) * len(story.things)
    start = seeds.seed("starter-cast", seed, story_index)
    # 223 is prime and divides no number of pairs, so the sequence visits every pair.
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
            numbers = [draw.randint(2, 9), draw.randint(2, 9)]
        else:
            numbers = [draw.randint(3, 30), draw.randint(2, 20)]
        numbers += [draw.randint(2, 20) for _ in operators[1:]]
        results = _results(operators, numbers)
        if all(2 <= result <= _MOST for result in results) and results[-1] not in numbers:
            return dict(zip("abd", numbers, strict=False))


def _results(operators: str, given: list[int]) -> list[int]:
    results = [given[0]]
    for operator, number in zip(operators, given[1:], strict=True):
        last = results[-1]
        results.append(
            {"+": last + number, "-": last - number, "*": last * number}[operator],
        )
    return results[1:]


def _steps(story: Story, words: dict[str, str], numbers: dict[str, int]) -> tuple[list[str], int]:
    operands = list(numbers.values())
    left, steps = operands[0], []
    results = _results(story.sum, operands)
    for text, operator, right, result in zip(
        story.steps, story.sum, operands[1:], results, strict=True
    ):
        steps.append(text.format(**words, sum=f"{left} {operator} {right} = {result}"))
        left = result
    return steps, left
