"""The gate's time: a text that repeats itself, or is long, costs no more than its length; and what
spares it reading hides no leak."""

import json
import random
import time
from pathlib import Path

import pytest

from tutelage.leaks import arithmetic, find_leak
from tutelage.leaks.case import Case

SIZE = 20_000
PIECES = (
    *(
        "5 ",
        "five ",
        "1/5 ",
        "5%",
        "5 5-",
        "(5) ",
        "((5",
        "1) 5) ",
        "step 5 ",
        "x = 5 ",
        "\n5",
        "5:",
    ),
    *(
        "a half ",
        "3 hours 5 minutes ",
        "1,5 ",
        "subtract 5 from your answer ",
        "* ",
        "(",
        "A ",
        "`",
    ),
    *(
        "begins with 5 ends with 5 ",
        "def f(x): return x\n",
        "f = lambda x: x\n",
        "not ",
        "is it 5 ",
    ),
)
GOLDS = (("math", "5"), ("math", "1/2"), ("math", "2, 5"), ("math", "x^2+5"), ("reasoning", "yes"))


@pytest.mark.parametrize(
    ("domain", "gold"), [*GOLDS, ("code", "def f(x):\n    y = x + 5\n    return y * 2\n")]
)
def test_long_texts_are_bounded(domain: str, gold: str) -> None:
    said = [("student", "The answer is 7. Is it 5?")]
    for piece in PIECES:
        text = (piece * SIZE)[:SIZE]
        begun = time.process_time()
        find_leak(domain, gold, "Is 9 - 4 all that is left?", said, text)
        # The worst takes 0.85 s of the processor where ten others want it; without a bound, 8 s.
        assert time.process_time() - begun < 2.5, repr(piece)


@pytest.mark.parametrize("place", [0, 100, 250, 400])
def test_what_stands_anywhere_in_a_long_text_is_found(place: int) -> None:
    sentences = ["Look at step 5 again."] * 400
    sentences.insert(place, "The answer is 5.")
    assert find_leak("math", "5", "What is 9 - 4?", [], " ".join(sentences)).kind == "string"


SAID = """What is the answer is it gives = + - * / times plus minus of from add to subtract more less
than double twice half third one two five ten eleven forty hundred dozen % cents 50% 1/2 0.5 3 4 7 12
14 25 2.5 -3 1,000 3,5 (3 +4) 4! 2^3 sqrt(9) |-5| the sum product digits tens ones reversed your next
number too high by . , : you get so squared root out in kg 2_5 k e"""
WANTED, GIVEN = "5 12 14 25 -3 0 2.5 1/2 50% 1/3 1000 3.5 42 52 7kg", "3 7 12 1/4 100"


def test_what_need_not_be_read_has_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guards, which rule out by a message's words, every verdict is the same."""
    draw, rows = random.Random(7), list[tuple[str, str, list[tuple[str, str]], str]]()
    for _ in range(4000):
        gold = draw.choice(WANTED.split())
        message = "It is " * draw.randint(0, 1) + " ".join(
            draw.choices(SAID.split(), k=draw.randint(1, 9))
        )
        said = [("student", f"It is {draw.choice(GIVEN.split())}.")] * draw.randint(0, 1)
        rows.append((gold, "What is 40 - 3?", said, message))
    cases = Path(__file__).with_name("cases.jsonl").read_text("utf-8").splitlines()
    for case in map(json.loads, cases):
        if case["domain"] != "code":
            said = [(turn["role"], turn["content"]) for turn in case["history"]]
            rows.append((case["gold"], case["statement"], said, case["message"]))
    guarded = [find_leak("math", *row) for row in rows]
    assert sum(bool(leak.kind) for leak in guarded[:4000]) > 100
    for name in ("may_state", "may_come_to"):
        monkeypatch.setattr(Case, name, lambda case: True)
    monkeypatch.setattr(arithmetic, "_may_be", lambda side, sizes, wanted: True)
    monkeypatch.setattr(arithmetic, "_shown_as", lambda whole: (frozenset(), frozenset()))
    free = [find_leak("math", *row) for row in rows]
    apart = [row for row, *both in zip(rows, free, guarded, strict=True) if both[0] != both[1]]
    assert apart == []
