"""The gate's time: a text that repeats itself, or is long, costs no more than its length."""

import time

import pytest

from tutelage.leaks import find_leak

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
