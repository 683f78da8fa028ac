"""How an answer is worded: what a message says of it, does to it, and says after it."""

import pytest

from tutelage.records import Gold, Problem
from tutelage.verifiers import VerifierPool

GASES = "Which gas do plants absorb?\nA) Oxygen\nB) Nitrogen\nC) Carbon dioxide\nD) Helium"

TAKEN_BACK = [
    # message, the answer that counts (None for none), the one that was taken back
    ("The answer is 16. No, actually it's 17.", "17", "16"),
    ("The answer is 16. Wait, that's wrong. It should be 17.", "17", "16"),
    ("The answer is 16.\n\nWait, I made an error.\n\n20 - 3 = 17.", "17", "16"),
    ("The answer is 16. Let me double-check: 20 - 3 = 17. So it is 17.", "17", "16"),
    ("Answer: 16\nCorrection: 17", "17", "16"),
    ("The answer is 16... no, 17.", "17", "16"),
    ("The answer is 16. Oops, I meant 17.", "17", "16"),
    ("The answer is 16. I was wrong, it is 17.", "17", "16"),
    ("\\boxed{16}. Wait, this is wrong; it is 17.", "17", "16"),
    ("\\boxed{16}\n\nActually, I made a mistake. The answer is 17.", "17", "16"),
    ("#### 16\nActually it is 17.", "17", "16"),
    ("It's 16... actually 17.", "17", "16"),
    ("The answer is 16. Wait, that is not right.", None, "16"),
    ("The answer is 16. Wait, the answer is not 16.", None, "16"),
    ("The answer is 16. Or 17.", None, "16"),
    ("The answer is 16. Alternatively, 17.", None, "17"),
    ("Final answer: 16 (or 17).", None, "16"),
    ("The answer is $x+1$. Wait, that's wrong. The answer is $x+2$.", "x+2", "x+1"),
    ("The answer is Paris. No, actually London.", "London", "Paris"),
]

KEPT = [
    ("16", "The answer is 16. Let me double-check: 20 - 4 = 16."),
    ("24", "\\boxed{24}\n\nLet me verify: 24 / 3 = 8, as given."),
    ("24", "The answer is 24. Check: 24 - 4 = 20, which is right."),
    ("50", "The answer is 50. I apologize for the mistake in my previous attempt."),
    ("8", "Answer: 8\nSo Tom has 8 marbles."),
    ("0.5", "The answer is 0.5. Alternatively, 1/2."),
    ("20", "The answer is 20. No further steps are needed."),
]

OPERATED = [
    # the number that stands there, a message that makes another of it
    ("2", "The answer is √2"),
    ("2", "Answer: sqrt(2)"),
    ("2", "The answer is the square root of 2"),
    ("2", "The answer is $\\ln(2)$."),
    ("2", "The answer is the negative of 2"),
    ("2", "The answer is the reciprocal of 2."),
    ("2", "The answer is -(2)"),
    ("2", "The answer is $e^2$."),
    ("2", "$a_2$"),
    ("3", "The answer is $f(3)$."),
    ("3", "g(3)"),
    ("3", "The answer is $|x - 3|$."),
    ("4", "The answer is $\\Gamma(4)$"),
    ("5", "half of 5"),
    ("5", "The answer is twice 5"),
    ("5", "The answer is 5 squared."),
    ("5", "5 factorial"),
    ("5", "5 and a half"),
    ("5", "The answer is 5 pi."),
    ("5", "The answer is 5 mod 7"),
    ("5", "The answer is 5 times that."),
    ("5", "The answer is the 5th prime, i.e. eleven."),
    ("5", "I doubt that it is 5."),
    ("7.5", "$\\lfloor 7.5 \\rfloor$"),
    ("8", "$\\log_2 8$"),
    ("10", "7 out of 10"),
    ("100", "a quarter of 100"),
    ("0", "The answer is $\\cos(0)$."),
    ("5", "The total is $\\frac{5}{6}$ of the cake."),
]

WORDED = [
    # gold, a message that says it, one that does not
    ("18", "The answer is 18, not 17.", "The answer is 17, not 18."),
    ("18", "18 rather than 17", "17 rather than 18"),
    ("18", "So we have 18 apples, not 17.", "So we have 17 apples, not 18."),
    ("11", "It is 11 (not 12).", "It is 12 (not 11)."),
    ("25", "The answer is: 5 squared, i.e. 25.", "The answer is: 25 squared, i.e. 625."),
    ("25", "25 (that is, 5^2)", "5 (not 25)"),
    ("3", "As we've shown, n=3 (since n>2).", "As we've shown, n>3 (since n>2)."),
    ("17", "Final answer - 17", "Final answer -17"),
    (
        "42",
        "6 x 7 = 42.\n\nLet me know if you have 1 more question.",
        "Give me 42 more questions!?",
    ),
    ("3/4", "The probability is $\\frac{3}{4}$, or 0.75.", "It is $\\frac{3}{4}$, or 0.7."),
    # one formula
    ("-1/2", "\\frac{-1}{2}", "\\frac{1}{2}"),
    ("-7/4", "$\\frac{7}{-4}$", "$\\frac{-7}{-4}$"),
    ("10", "\\binom{5}{2}", "\\binom{5}{1}"),
    ("3", "\\sqrt{9}", "\\sqrt{3}"),
    ("1/2", "2^{-1}", "2^{1}"),
    ("6", "|-6|", "-|6|"),
    ("3", "$\\log_2 8$", "$\\log_2 3$"),
    ("1/3", "0.\\overline{3}", "0.3"),
    ("0.1\\overline{6}", "1/6", "1/60"),
    # words
    ("42", "She has forty-two apples.", "She has forty apples."),
    ("3", "There are three apples.", "There are three or four apples."),
    ("100", "a hundred", "hundreds"),
    ("1/2", "one half", "one"),
    ("3/4", "three quarters", "three"),
    ("2/3", "two thirds", "two"),
    ("1.5", "The answer is one and a half.", "The answer is one."),
    ("8", "Four plus four makes eight.", "Eight plus four makes twelve."),
    ("-4", "The temperature is minus four.", "The temperature is four."),
    ("12", "He bought a dozen eggs.", "He bought two dozen eggs."),
    ("30", "Of the 90 people, thirty are left.", "Of the thirty people, 90 are left."),
    ("7", "The total is 7. There are two ways to see this.", "Which one of the 7 is it?"),
    # lists
    ("\\{1,2\\}", "1 and 2", "1 and 3"),
    ("1,2", "\\boxed{1} and \\boxed{2}", "\\boxed{1}, then \\boxed{2}"),
    ("1,2", "x_1 = 1, x_2 = 2", "x_1 = 1, x_2 = 3"),
    ("(1,2)", "x=1, y=2", "x=2, y=1"),
    ("(1,2)", "y = 2 and x = 1", "y = 1 and x = 2"),
    ('["1","2"]', "1, 2", "1, 3"),
    ("(-\\infty,1)\\cup(2,\\infty)", "x<1 or x>2", "x<1 or x>3"),
    ("3:1", "The ratio is 3 to 1.", "The ratio is 1 to 3."),
    # sentences
    ("(1,2)", "The point is (1, 2).", "The point is (2, 1)."),
    ("(1,2)", "They meet at the point (1,2).", "They do not meet at (1,2)."),
    ("\\frac{\\pi}{4}", "The angle is π/4.", "The angle is not π/4."),
    ("2\\sqrt{3}", "Hence $AB=2\\sqrt{3}$, as desired.", "Hence $AB\\ne2\\sqrt{3}$, as desired."),
    ("Paris", "The capital is Paris.", "The capital is not Paris."),
    ("Jupiter", "It is Jupiter, the largest.", "It is Saturn, not Jupiter."),
    ("False", "The statement is false.", "It is true that the statement is false."),
    ("odd", "The number is odd.", "I don't believe the number is odd."),
    ("2:30 pm", "2:30 p.m.", "2:30 a.m."),
]

CHOSEN = [
    "Option C is correct.", "C is the correct answer.", "I choose C.", "It's C.", "Therefore, C.",
    "It is C) Carbon dioxide.", "[C]", "Ans: C", "C\n\nPlants use it.", "Answer - C", "Definitely C!",
    "The correct answer is C because A and B are not.", "Not A, but C.", "That leaves C.",
    "The answer is not A. It is C.", "I'd say C.", "So it must be C.", "c)", "The answer:\n\nC",
    "A is wrong, B is wrong. C is the only correct option.", "The answer is B. No, C.",
    "Oxygen is produced, so A is out. That leaves C.", "The answer is C, carbon dioxide.",
]  # fmt: skip
NOT_CHOSEN = [
    "C is incorrect.", "Not C.", "The answer cannot be C.", "I would not choose C.", "Is it C?",
    "C or D", "It is either C or D.", "The answer is C or D, probably C.", "Anything but C.",
    "If it is C, then oxygen is not.", "The answer is C. Wait, it is D.", "C, D", "A, B, C, D",
    "C is tempting, but D is correct.", "I do not know, maybe C or D.", "So C is a gas.",
    "The answer is D, not C.", "C? No, D.",
]  # fmt: skip


@pytest.fixture(scope="module")
def status():
    with VerifierPool(timeout=20, workers=1) as pool:

        def judge(gold: str, message: str, statement: str = "") -> str:
            problem = Problem("p", "math", "test", "CC0-1.0", statement, Gold("answer", gold))
            return pool.verify(problem, message).status

        yield judge


@pytest.mark.parametrize(("message", "answer", "before"), TAKEN_BACK)
def test_an_answer_that_is_taken_back_does_not_count(status, message, answer, before):
    assert status(before, message) == "incorrect"
    assert answer is None or status(answer, message) == "correct"


@pytest.mark.parametrize(("gold", "message"), KEPT)
def test_a_check_or_an_excuse_takes_nothing_back(status, gold, message):
    assert status(gold, message) == "correct"


@pytest.mark.parametrize(("gold", "message"), OPERATED)
def test_a_number_that_something_is_done_to_is_not_the_answer(status, gold, message):
    assert status(gold, message) == "incorrect"


@pytest.mark.parametrize(("gold", "right", "wrong"), WORDED)
def test_wording(status, gold, right, wrong):
    assert (status(gold, right), status(gold, wrong)) == ("correct", "incorrect")


@pytest.mark.parametrize("message", CHOSEN)
def test_a_letter_that_is_chosen(status, message):
    assert status("C", message, GASES) == "correct"


@pytest.mark.parametrize("message", NOT_CHOSEN)
def test_a_letter_that_is_not_chosen(status, message):
    assert status("C", message, GASES) == "incorrect"


@pytest.mark.parametrize(
    "message", ["A plant absorbs gas.", "The answer is a gas.", "So A is a gas."]
)
def test_an_article_is_no_choice(status, message):
    assert status("A", message, GASES) == "incorrect"
