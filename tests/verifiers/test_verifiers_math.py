"""The labelled table: what the math verifier must say of (gold, message), both ways."""

import random

import pytest

from tutelage.records import Gold, Problem
from tutelage.verifiers import VerifierPool
from tutelage.verifiers.math import MathVerifier

CORRECT = [
    # plain numbers in running text
    ("18", "18"),
    ("18", "**18**"),
    ("18", "She has 18."),
    ("18", "The answer is 18 apples."),
    ("18", "The answer is **18**."),
    ("18", "**Answer:** 18"),
    ("18", "Answer: $18"),
    ("18", "answer = 18"),
    ("18", "The final answer is:\n\n18"),
    ("18", "The answer is 18!"),
    ("18", "The answer is 18 because 9 + 9 = 18."),
    ("18", "The answer is 9 + 9 = 18 dollars."),
    ("18", "The answer would be 18, since 3 * 6 is 18."),
    ("18", "So the answer is $18$."),
    ("18", "First I thought 12. The answer is 12. No. The answer is 18."),
    ("18", "9 + 9 = 18\n#### 18"),
    ("18", "#### 18 apples"),
    ("18", "<answer>18</answer>"),
    ("18", "I get \\boxed{18}."),
    ("18", "\\boxed{12} was wrong, it is \\boxed{18}"),
    ("18", "\\[ \\boxed{18} \\]"),
    ("18", "\\boxed{\\text{18}}"),
    ("18", "\\boxed{18 \\text{ apples}}"),
    ("18", "\\boxed 8 no, \\boxed{18}"),
    ("18", "\\fbox{18}"),
    ("18", "$x = 18$"),
    ("18", "x = 18"),
    ("18", "`18`"),
    ("18", "It is 18 in total."),
    ("3", "12/4 = 3"),
    ("7", "3 + 4 = 7 so 7."),
    ("7", "3 + 4 = 7"),
    ("7", "In total there are 3 dogs and 4 cats, 7."),
    ("7", "1. Add 3 and 4.\n2. That makes 7."),
    ("7", "seven"),
    ("7", "The answer is seven."),
    ("21", "The answer is twenty-one apples."),
    ("205", "\\boxed{\\text{two hundred and five}}"),
    ("24", "The answer is 2 dozen."),
    ("2500000", "\\boxed{2.5 million}"),
    ("72", "#### 72\n"),
    ("4 + 68 = <<4+68=72>>72\n#### 72", "The answer is 72."),
    ("The sum is $\\boxed{72}$.", "72"),
    ("18", "She makes 9 * 2 = $<<9*2=18>>18 every day."),
    ("18", "Therefore, Janet makes \\$18 every day at the farmer's market."),
    ("18", "The answer is: 18\n\nLet me know if you have 5 more questions."),
    ("10", "The answer is\n\\[\n10\n\\]"),
    ("4", "The answer is not 3, it is 4."),
    ("3", "not 4 but 3"),
    ("3", "3, not 4"),
    # notation of numbers
    ("-5", "The answer is minus 5."),
    ("-5", "negative five"),
    ("1000000", "\\boxed{10^6}"),
    ("5", "≈ 5"),
    ("1234.5", "$1,234.50"),
    ("1,234", "The answer is 1234."),
    ("1234567", "\\boxed{1{,}234{,}567}"),
    ("1234567", "\\boxed{1\\,234\\,567}"),
    ("12", "12.00"),
    ("12", "012"),
    ("0.5", ".5"),
    ("0.5", "1/2"),
    ("0.5", "\\boxed{\\frac{1}{2}}"),
    ("0.5", "\\boxed{\\dfrac12}"),
    ("0.5", "½"),
    ("1/2", "0.5"),
    ("1/2", "2/4"),
    ("1.5", "1 1/2"),
    ("1.5", "1\\frac{1}{2}"),
    ("1.5", "1½"),
    ("3/2", "The answer is 1 1/2 cups."),
    ("-3", "-3"),
    ("-3", "The answer is −3."),
    ("-3", "2 - 5 = -3"),
    ("-1/2", "\\boxed{-\\frac{1}{2}}"),
    ("-1/2", "\\boxed{-0.5}"),
    ("1000", "1e3"),
    ("300000000", "\\boxed{3 \\times 10^8}"),
    ("0.003", "3 \\cdot 10^{-3}"),
    ("3", "٣"),
    ("42", "The answer is ４２."),
    ("1/3", "\\boxed{0.333333}"),
    ("2/3", "\\boxed{0.6666667}"),
    ("2/3", "\\boxed{0.666666}"),
    # per cent, money, units
    ("50", "50%"),
    ("50%", "50"),
    ("50%", "0.5"),
    ("0.5", "50%"),
    ("50\\%", "\\boxed{50\\%}"),
    ("50", "The answer is 50 percent."),
    ("12", "$12"),
    ("\\$12", "12 dollars"),
    ("12", "12 cm"),
    ("12 cm", "12"),
    ("12\\text{ cm}", "\\boxed{12 \\mathrm{cm}}"),
    ("12 cm", "12 centimeters"),
    ("12 cm^2", "12 square centimetres"),
    ("30", "30^\\circ"),
    ("30^\\circ", "\\boxed{30}"),
    ("30^\\circ", "30 degrees"),
    ("60", "60 km/h"),
    ("60", "\\boxed{60 \\text{ miles per hour}}"),
    # choices and words
    ("B", "(B)"),
    ("B", "B"),
    ("(B)", "The answer is B."),
    ("B", "The answer is (B) 12."),
    ("B", "\\boxed{\\text{B}}"),
    ("B", "\\boxed{\\textbf{(B) } 12}"),
    ("Monday", "The answer is Monday."),
    ("Monday", "\\boxed{\\text{monday}}"),
    ("yes", "Answer: Yes"),
    ("\\text{even}", "\\boxed{even}"),
    ("A", "a"),
    ("A", "The correct option is A."),
    ("No", "No, it is not."),
    # lists, sets, tuples, intervals
    ("-1, 1", "x = 1 or x = -1"),
    ("-1, 1", "\\boxed{\\pm 1}"),
    ("\\pm 5", "\\boxed{5, -5}"),
    ("[0, \\infty)", "\\boxed{x \\ge 0}"),
    ("0 < x < 1", "\\boxed{(0, 1)}"),
    ("\\varnothing", "\\boxed{\\emptyset}"),
    ("2:3", "\\boxed{2:3}"),
    ("1, 2, 3", "\\boxed{1,2,3}"),
    ("1, 2, 3", "\\boxed{3, 2, 1}"),
    ("1,-2", "The answer is -2 and 1."),
    ("\\{1, 2\\}", "\\boxed{\\{2, 1\\}}"),
    ("\\{1, 2\\}", "\\boxed{1, 2}"),
    ("(1, 2)", "\\boxed{(1,2)}"),
    ("(1, 2)", "\\boxed{\\left(1, 2\\right)}"),
    ("(0.5, 2)", "\\boxed{\\left(\\frac{1}{2}, 2\\right)}"),
    ("[1, 2)", "\\boxed{[1,2)}"),
    ("(-\\infty, 3]", "\\boxed{(-\\infty,3]}"),
    ("(-\\infty, 1) \\cup (2, \\infty)", "\\boxed{(-\\infty,1)\\cup(2,\\infty)}"),
    ("(3, \\frac{\\pi}{2})", "\\boxed{\\left(3,\\pi/2\\right)}"),
    ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\boxed{\\begin{pmatrix}1\\\\2\\end{pmatrix}}"),
    # formulas
    ("\\frac{\\sqrt{3}}{2}", "\\boxed{\\sqrt{3}/2}"),
    ("\\sqrt{8}", "\\boxed{2\\sqrt{2}}"),
    ("2\\sqrt{2}", "2*sqrt(2)"),
    ("4", "\\boxed{\\sqrt{16}}"),
    ("1024", "\\boxed{2^{10}}"),
    ("x^2+2x+1", "The answer is $(x+1)^2$."),
    ("2x+3", "\\boxed{3+2x}"),
    ("x", "\\boxed{" + "(" * 60 + "x" + ")" * 60 + "}"),
    ("y = 2x + 3", "\\boxed{y=2x+3}"),
    ("x = 5", "\\boxed{5}"),
    ("5", "\\boxed{x = 5}"),
    ("5", "\\boxed{f(2) = 5}"),
    ("2\\pi", "The answer is 2π."),
    ("2\\pi", "\\boxed{6.283185}"),
    ("\\frac{1}{x}", "\\boxed{x^{-1}}"),
    ("3 - 2i", "\\boxed{-2i + 3}"),
    ("\\log 2", "\\boxed{\\log(2)}"),
    ("n!", "\\boxed{n!}"),
    ("(n+1)!", "\\boxed{(n+1) \\cdot n!}"),
    ("2^3 \\cdot x", "\\boxed{x \\cdot 2^3}"),
    ("x^2 - 5^2", "\\boxed{(x-5)(x+5)}"),
    ("x^2 + y^2", "\\boxed{y**2 + x**2}"),
    ("2^{2^{100}}", "\\boxed{2^{2^{100}}}"),
    ("\\frac{x}{2} + \\frac{1}{2}", "$\\frac{x+1}{2}$"),
]

INCORRECT = [
    # nothing, or nothing that is an answer
    ("18", ""),
    ("18", "   \n"),
    ("18", "I do not know."),
    ("18", "\\boxed{}"),
    ("18", "\\boxed{18"),
    ("12", "Is it 12?"),
    ("12", "Could you tell me whether the answer is 12?"),
    ("5", "I am stuck at step 5"),
    ("2", "1. Add the apples.\n2. Then subtract."),
    ("12", "It is not 12."),
    ("12", "The answer is not 12."),
    ("12", "It can't be 12"),
    ("12", "The answer is more than 12."),
    ("12", "It must be at least 12."),
    ("12", "x > 12"),
    ("4", "3 + 4"),
    ("7", "\\boxed{3 + 4}"),
    ("28", "So I work out 18 + 10."),
    ("30", "\\boxed{2 \\cdot 3 \\cdot 5}"),
    ("98", "100 - 2"),
    # towers that the exact comparison decides
    ("7", "\\boxed{9^{9^{9^9}}}"),
    ("7", "\\boxed{9^9^9^9}"),
    ("7", "\\boxed{9**9**9}"),
    ("7", "\\boxed{10^{999999999}}"),
    ("7", "\\boxed{2^{10!}}"),
    ("x+1", "\\boxed{" + "7" * 300 + "x}"),
    ("3", "3 or more"),
    ("3", "I don't think the answer is 3."),
    ("3", "My answer was 3 but that was wrong."),
    ("3", "The answer cannot be 3."),
    ("4", "3, not 4"),
    ("5", "minus 5"),
    ("5", "The answer is negative 5."),
    ("5", "\\boxed{\\pm 5}"),
    ("\\pm 5", "\\boxed{5}"),
    ("5", "\\boxed{x > 5}"),
    ("5", "\\boxed{x \\ne 5}"),
    ("3", "\\boxed{x}"),
    ("3", "\\boxed{f(3)}"),
    ("3", "\\boxed{3 \\text{ or more}}"),
    ("No", "Yes. No."),
    ("red", "blue, not red"),
    ("2:3", "3:2"),
    ("0 < x < 1", "\\boxed{0 < x < 2}"),
    ("\\infty", "\\boxed{-\\infty}"),
    # listing
    ("12", "12 or 13"),
    ("12", "Answer: 12 apples and 3 pears"),
    ("72", "#### 72 #### 73"),
    ("5", "5; 6"),
    ("13", "12 or 13"),
    ("13", "It is either 12 or 13."),
    ("12", "The answer is 12 or 13."),
    ("13", "The answer is 12 or 13."),
    ("12", "The answer is between 12 and 14."),
    ("14", "The answer is between 12 and 14."),
    ("12", "The answer is 12, 13 or 14"),
    ("3", "\\boxed{3} \\boxed{4}"),
    ("4", "\\boxed{3} or \\boxed{4}"),
    ("3", "\\boxed{3, 4}"),
    ("4", "\\boxed{3, 4}"),
    ("4", "\\boxed{3 \\text{ or } 4}"),
    ("5", "1, 2, 3, 4, 5"),
    ("12", "12,13"),
    ("B", "(A) (B) (C) (D)"),
    ("B", "The answer is A or B."),
    ("B", "The answer is B or C."),
    ("B", "(B) or (C)"),
    ("B", "\\boxed{B, C}"),
    ("13", "Option A: 12. Option B: 13, or 14?"),
    ("\\{1, 2\\}", "\\boxed{\\{1, 2, 3\\}}"),
    ("1, 2", "\\boxed{1, 2, 3}"),
    ("1, 2", "\\boxed{1}"),
    # near misses
    ("18", "The answer is 19."),
    ("18", "\\boxed{12} but 18 is tempting"),
    ("18", "18 is tempting, but the answer is 12."),
    ("18", "-18"),
    ("18", "18.0001"),
    ("18", "1.8"),
    ("18", "180"),
    ("18", "18x"),
    ("18", "\\boxed{18x}"),
    ("18", "\\boxed{18i}"),
    ("18", "\\boxed{18\\pi}"),
    ("18", "18 million"),
    ("18", "18 dozen"),
    ("18", "18%3"),
    ("5", "\\boxed{5!}"),
    ("5", "\\boxed{5^2}"),
    ("5", "\\boxed{.5}"),
    ("5", "5²"),
    ("3", "1 3/4"),
    ("4", "3/4"),
    ("3", "3/4"),
    ("2", "\\boxed{\\frac{1}{2}}"),
    ("1", "1/3"),
    ("1/3", "0.33"),
    ("1/3", "0.3333"),
    ("0.33", "1/3"),
    ("3.14", "22/7"),
    ("3.14", "\\boxed{\\pi}"),
    ("2\\pi", "6.28"),
    ("2\\pi", "6.283186"),
    ("0.0000001", "0"),
    ("0", "\\boxed{10^{-20}}"),
    ("1000000", "1000001"),
    ("1234", "1,23,4"),
    ("1.234", "1,234"),
    ("0.5", "0.5%"),
    ("12 cm", "12 m"),
    ("12 cm", "12 cm^2"),
    ("30^\\circ", "30 radians"),
    ("50%", "5%"),
    ("145", "seven"),
    ("7", "seventy"),
    ("B", "C"),
    ("B", "The answer is (C) because (B) is wrong."),
    ("Monday", "Tuesday"),
    ("Monday", "The answer is Monday or Tuesday."),
    ("listen", "silent"),
    ("yes", "no"),
    ("(1, 2)", "\\boxed{(2, 1)}"),
    ("(1, 2)", "\\boxed{[1, 2]}"),
    ("[1, 2)", "\\boxed{(1, 2]}"),
    ("[1, 2)", "\\boxed{[1, 3)}"),
    ("(-\\infty, 3]", "\\boxed{(-\\infty,3)}"),
    ("\\{1, 2\\}", "\\boxed{(1, 2)}"),
    ("\\sqrt{8}", "\\boxed{2\\sqrt{3}}"),
    ("x^2+2x+1", "\\boxed{(x-1)^2}"),
    ("x+1", "\\boxed{y+1}"),
    ("x = 5", "\\boxed{y = 5}"),
    ("x = 5", "\\boxed{6}"),
    ("x \\le 5", "\\boxed{x < 5}"),
    ("y = 2x + 3", "\\boxed{y = 2x - 3}"),
    ("3 - 2i", "\\boxed{3 + 2i}"),
    ("\\sqrt{2} \\cdot 10^{-20}", "\\boxed{\\sqrt{3} \\cdot 10^{-20}}"),
    ("abc", "\\boxed{cba}"),
]

REFUSED = [
    ("7", "\\boxed{99999999!}"),
    ("7", "\\boxed{((9!)!)!}"),
    ("7", "\\boxed{\\sum_{n=1}^{99999999} n^2}"),
    ("7", "\\boxed{\\binom{99999999}{4999999}}"),
    ("x", "\\boxed{" + "x+" * 400 + "1}"),
]


STATED = [
    # statement, gold, message, status
    ("290 bananas in 2 groups. How big is each?", "145", "The answer is 290/2.", "incorrect"),
    ("290 bananas in 2 groups. How big is each?", "145", "290 / 2 = 145", "correct"),
    ("What is 123 times 456?", "56088", "\\boxed{123 \\times 456}", "incorrect"),
    ("What is $2^{10}$?", "1024", "\\boxed{2^{10}}", "incorrect"),
    ("3 of the 4 balls are red. How likely is red?", "0.75", "\\boxed{3/4}", "correct"),
    ("2 of the 4 balls are red. How likely is red?", "1/2", "\\boxed{2/4}", "correct"),
    ("Expand $(x+1)^2$.", "x^2+2x+1", "\\boxed{(x+1)^2}", "incorrect"),
    ("Expand $(x+1)^2$.", "x^2+2x+1", "\\boxed{1+2x+x^2}", "correct"),
    ("Factor $x^2+2x+1$.", "(x+1)^2", "\\boxed{x^2+2x+1}", "incorrect"),
    ("How many dozen eggs?", "2", "2 dozen", "correct"),
    ("How many eggs?", "2", "2 dozen", "incorrect"),
    ("By what percent?", "0.5", "0.5%", "correct"),
    ("How likely is it?", "0.5", "0.5%", "incorrect"),
]


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(timeout=20, workers=1) as pool:
        yield pool


def problem(gold: str, statement: str = "") -> Problem:
    return Problem("p", "math", "test", "CC0-1.0", statement, Gold("answer", gold))


@pytest.mark.parametrize(("gold", "message"), CORRECT)
def test_correct(pool, gold, message):
    verdict = pool.verify(problem(gold), message)
    assert verdict.status == "correct", verdict


@pytest.mark.parametrize(("gold", "message"), INCORRECT)
def test_incorrect(pool, gold, message):
    verdict = pool.verify(problem(gold), message)
    assert verdict.status == "incorrect", verdict
    assert verdict.reason


@pytest.mark.parametrize(("gold", "message"), REFUSED)
def test_refused(pool, gold, message):
    verdict = pool.verify(problem(gold), message)
    assert (verdict.status, verdict.reason[:9]) == ("unjudged", "refused: "), verdict


@pytest.mark.parametrize(("statement", "gold", "message", "status"), STATED)
def test_the_statement_counts(pool, statement, gold, message, status):
    verdict = pool.verify(problem(gold, statement), message)
    assert verdict.status == status, verdict


def test_no_gold_is_unjudged(pool):
    assert pool.verify(problem(""), "18").reason == "no gold answer"


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1 ",
        "1,",
        "the answer is ",
        "\\boxed{",
        "<answer>",
        "#### ",
        "(",
        "**a",
        "1+",
        "$1 ",
        "\n",
        "\\[ ",
        "so C, ",
        "it is ",
        "1, not ",
        "half of the ",
    ],
)
def test_junk_is_read_at_once(piece):
    verifier = MathVerifier()
    for gold in ("18", "x+1", "(1, 2)", "B", "Monday"):
        verdict = verifier.glance(problem(gold), piece * 8_000)
        assert verdict.status != "correct"


PIECES_TEXT = r"""
\boxed{ } { #### answer\ is answer: 12 3.5 - − 1/0 / \frac{1}{0} \frac ½ ² ٣ % $ \$ or , ( ) [ ] x
= ^ ! ? . e9 1e400 1e-400 10^ \text{ cm dozen seven hundred and minus (B) A yes <answer> </answer>
<< >> ** \{ \} \\ not than " ' \circ \pi √ ∞ 1,234 1,23 : ; ~ ≈ # \lim \sum
"""
PIECES = [*PIECES_TEXT.split(), *"\n \ud800\x00\x03", "9" * 400, "9" * 450, "answer is "]


def test_no_message_raises():
    draw, verifier = random.Random(5), MathVerifier()
    golds = ["18", "1/3", "50%", "12 cm", "B", "Monday", "x+1", "1, 2", "(1,2)", "yes", "\\sqrt{2}"]
    for _ in range(2000):
        message = "".join(draw.choices(PIECES, k=draw.randint(1, 9)))
        gold = draw.choice([*golds, "".join(draw.choices(PIECES, k=3))])
        verifier.glance(problem(gold, "1 2 3 percent"), message)
