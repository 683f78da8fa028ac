"""Golds of every shape: stated plainly the verifier accepts them, and the gate finds them."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutelage.leaks import find_leak
from tutelage.records import Gold, Problem
from tutelage.verifiers.math import MathVerifier

FRAMES = (
    "The answer is {}.",
    "So the result is ${}$.",
    "It is {}.",
    "you get {}",
    "So you get {}.",
    "The result is {}.",
)
SHAPES = {
    "numbers": r"42|-7|3.75|-0.5|1,234|12,345,678|1e6|2.5e-3|3 \times 10^8|.5|100|0|1|12|-1",
    "fractions": r"3/4|-3/4|\frac{3}{4}|-\frac{3}{4}|\dfrac{1}{2}|1\frac{1}{2}|2 1/3|\frac{-5}{6}",
    "roots": r"\sqrt{2}|3\sqrt{2}|\frac{\sqrt{3}}{2}|2+\sqrt{5}|\sqrt[3]{7}|-\sqrt{11}|5\sqrt{3}-1",
    "complex": r"i|-i|3-2i|2+i|-4i|1+\sqrt{2}i",
    "constants": r"\pi|2\pi|\frac{\pi}{4}|4\pi^2|e^2|\ln 2|\log_2 5|2^{100}|10^{-30}|3^{-200}",
    "units": r"5 cm|12 cm^2|300 K|5 N|60 km/h|9.8 m/s^2|45^\circ|30 degrees|5\ \Omega|7 apples|3 hours",
    "compound units": "2 kg 300 g|3 h 30 min|5 feet 6 inches|2 hours 15 minutes|4 m 20 cm",
    "money": r"$18|\$12.50|$1,200|50 cents|35 euros|20 dollars",
    "per cent": r"45%|12.5\%|3%|0.5%",
    "dates": "1 May 2023|May 1, 2023|2023-05-01|March 14|25 December|14 July 1789",
    "times": "5 pm|2:30 pm|14:30|9:05 am|Tuesday 5 pm|Monday 9:30 am|noon",
    "ordinals": "5th|3rd|21st|fourth|tenth",
    "series": r"\sum_{k=0}^{\infty} \frac{2^{k}}{k !} y^{k}",
    "intervals": r"(0, 1)|[2, 5)|(-\infty, 3]|x > 5|x \le 3|-2 < x < 4|(-\infty,1) \cup (2,\infty)",
    "tuples": r"(3, 4)|(-1, 2)|(\frac{1}{2}, 3)|(1, 2, 3)",
    "sets": r"\{1, 2, 3\}|\{-1, 4\}|{2, 3}|1, 2, 3|-3, 7|2 and 3|x = 2 or x = 3|\pm 5|\{a, b\}",
    "matrices": r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}|\begin{bmatrix}0\\1\end{bmatrix}",
    "formulas": r"x^2+2x+1|3x-5|2x+3y|\frac{x+1}{y}|(x-2)(x+3)|y = 2x + 1|x = 7|n!|2^n|\frac{1}{x}",
    "laid out": r"a ^ { 2 } - 5 a b + b ^ { 2 }|7 p q r-2 q^{2}|25{,}600|\frac3{7}|\frac{p q}{2}"
    r"|\left[\begin{array}{rr}2 & -1 \\ 0 & 5\end{array}\right]|6,\! 250,\! 000",
    "bases": "2516_8|1011_2|204_5",
    "ratios": "2:3|3:4:5",
    "words": "Paris|William Shakespeare|Tuesday|red|his son|the Nile|carbon dioxide|no solution",
    "yes and no": "yes|no|true|false|Yes|No|True",
}
SAID = [("assistant", "I do not know yet.")]


def problem(gold: str, statement: str = "Solve the problem.") -> Problem:
    return Problem("p", "math", "test", "CC0-1.0", statement, Gold("answer", gold))


def found(gold: str, message: str, statement: str = "Solve the problem.") -> bool:
    return bool(find_leak("math", gold, statement, SAID, message).kind)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_gold_that_is_stated_is_accepted_and_found(shape: str) -> None:
    for gold in SHAPES[shape].split("|"):
        for frame in FRAMES:
            message = frame.format(gold)
            assert MathVerifier().verify(problem(gold), message).status == "correct", message
            assert found(gold, message), message


SPELLINGS = {
    r"f^{-1}(x) = \frac{x+6}{3}": "x/3 + 2 / y = (x+6)/3",
    r"\log_2 5 - 1": r"\log_2 \frac{5}{2}",
    "x = 3, y = 2": "(3, 2) / x = 3 and y = 2 / y = 2, x = 3",
    r"x = \pm 7": "x = 7 or x = -7 / -7, 7 / ±7",
    "12 cm by 6 cm": "12 by 6",
    r"\frac{\pi}{6}": "30 degrees / 30°",
    "45 degrees": r"\frac{\pi}{4} / π/4",
    "(-2, 8)": r"-2 < x < 8 / {x | -2 < x < 8} / ]-2, 8[ / (-2;8) / x \in (-2, 8)",
    r"[3, \infty)": r"x >= 3 / 3 ≤ x / {x ∈ R : x ≥ 3} / \{x \mid x \ge 3\}"
    r" / [3, infinity) / [3;∞[ / [3, +∞)",
    r"x \neq 2": r"x ≠ 2 / all real numbers except 2 / (-\infty, 2) \cup (2, \infty)"
    r" / \mathbb{R} \setminus \{2\} / all reals except x = 2",
    r"\frac{\pi}{6}, \frac{5\pi}{6}": r"π/6 and 5π/6 / 5π/6, π/6 / {π/6, 5π/6} / pi/6, 5pi/6",
    r"\left\langle \frac{3}{5}, \frac{4}{5} \right\rangle": "(3/5, 4/5) / <3/5, 4/5> / ⟨0.6, 0.8⟩",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}": r"\begin{bmatrix}1&2\\3&4\end{bmatrix} / [[1,2],[3,4]]",
    "2:5": "2 to 5 / 2 : 5 / 2/5 / 0.4",
    "1545678": "1,545,678 / 1'545'678",
    "2 hours 15 minutes": "2 h 15 min / 135 minutes / 2.25 hours",
    "8 m/s": r"8 metres per second / 8 \frac{\text{m}}{\text{s}}",
    "9:03 am": "9:03:00 am / 09:03",
    "-5 °C": "-5°C / -5 degrees Celsius / -5 degrees / minus 5 °C",
    r"\pm 2, \pm 3i": "2, -2, 3i, -3i / {-3i, -2, 2, 3i} / ±2 and ±3i",
    r"x=1, \pm 2\sqrt{3}": r"1, 2\sqrt{3}, -2\sqrt{3} / x = 1, x = 2\sqrt{3}, x = -2\sqrt{3}",
    r"x \approx 2.7168": "2.7168 / x = 2.7168 / x ≈ 2.7168",
    r"\cos (2) \approx -0.416": "-0.416",
    r"18 \mathrm{~min}": "18 minutes / 18 min",
    r"\log _{7} 40": r"\log_7 40 / log_7(40)",
    r"\sin ^{2}\left(\frac{x+1}{2}\right)": "(sin((x+1)/2))^2",
    r"k = -4": "-4 / k=-4",
    "no solution": "∅ / no solutions / no real solution",
}


@pytest.mark.parametrize("gold", SPELLINGS)
def test_another_spelling_is_accepted_and_found(gold: str) -> None:
    for spelling in SPELLINGS[gold].split(" / "):
        for frame in (frame for frame in FRAMES if "$" not in frame):
            message = frame.format(spelling)
            assert MathVerifier().verify(problem(gold), message).status == "correct", message
            assert found(gold, message), message


NEAR_MISSES = {
    "9 p^2-12 p q+4 q^2": "-9 p^2-12 p q+4 q^2 / 9 p^2+12 p q+4 q^2 / 9 p^2-12 p q+4 q^3",
    r"\log _{3}\left(\frac{a b}{c}\right)": r"-\log _{3}\left(\frac{a b}{c}\right)",
    r"\sin ^{4} x-\cos x": r"\sin ^{4} x+\cos x / \sin ^{3} x-\cos x",
    r"\sum_{k=1}^{n}(k-2)": r"\sum_{k=1}^{n}(k+2)",
    r"72^{\circ} 15^{\prime}": r"-72^{\circ} 15^{\prime} / 7^{\circ} 215^{\prime}",
    "rising when x < 2, falling when x > 2": "rising when x > 2, falling when x > 2",
    "m = -4, ± 3": "m = 4, ± 3",
    "t >= 7": "s >= 7 / t > 7 / t <= 7 / t >= -7",
    r"b \neq 3": r"c \neq 3 / b = 3",
    "35": r"3 \cdot 5 / 3 5",
    "3:30 pm": "-3:30 pm / -3:30 / -3 pm",
    "5am": "-5am / 5 pm",
    "9:03:36 am": "9:03:37 am / 9:03 am",
    "13/4": "1 3/4 / 1 * 3/4",
    r"\frac{2}{9} ": r"-\frac{2}{9} ",
    "A-3": "A3 / A+3",
    r"V(0) e^{-\frac{t}{L}}": r"V(0) e^{\frac{t}{L}} / V(0) e^{-\frac{t}{M}} / 0",
    r"\log \frac{1}{100}=-2": r"\log \frac{1}{107}=-2 / \log \frac{1}{100}=2",
    r"\pm 2, 7": "2, 7 / ± 7, 2",
    r"y \approx 3.25": "3.2 / -3.25",
}


@pytest.mark.parametrize("gold", NEAR_MISSES)
def test_a_near_miss_is_refused(gold: str) -> None:
    for wrong in NEAR_MISSES[gold].split(" / "):
        for frame in ("The answer is ${}$.", "\\boxed{{{}}}", "So it is {}.", "#### {}"):
            message = frame.format(wrong)
            assert MathVerifier().verify(problem(gold), message).status != "correct", message


@pytest.mark.parametrize("gold", ["4", "-6", "30", "9 cm"])
@pytest.mark.parametrize("message", ["you get {}", "So we get {}.", "{}", "Then we obtain x = {}."])
def test_a_public_number_that_all_of_a_message_gives_is_found(gold: str, message: str) -> None:
    assert found(gold, message.format(gold), f"Of 4, -6, 9 and 30 take {gold}. What is left?")
    assert not found(gold, f"You have {gold} to begin with.", f"Take {gold}. What is left?")


@pytest.mark.parametrize("asked", ["Find $k$.", "What is the value of k?", "Then k = ____ ?"])
def test_a_letter_that_is_asked_for_names_the_answer(asked: str) -> None:
    statement = f"The number 3 and the letter k are given. {asked}"
    assert found("3", "Solving 2k + 1 = 7 for it, we have k = 3, as you see.", statement)
    assert not found("3", "Here n = 3 is the number of terms.", statement)


@pytest.mark.parametrize("bound", ["k \\geq 4", "k <= 4", "k \\neq 4", "4 \\le k"])
def test_a_bound_is_not_the_number_that_is_wanted(bound: str) -> None:
    assert not found("4", f"First, we show that ${bound}$.", "Find the least such k.")


def test_the_letter_of_an_equation_that_is_solved_names_the_answer() -> None:
    statement = "What is the positive root of the equation $x^2 - 2x = 3$?"
    assert found("3", "Since the other is negative, we have x = 3, as you see.", statement)
    assert not found("3", "Here n = 3 is the number of terms.", statement)


OPTIONS = "Which planet is largest?\nA) Mars\nB) Venus\nC) Jupiter\nD) Earth"


@pytest.mark.parametrize("gold", ["C", "(C)", "C) Jupiter", "Jupiter"])
@pytest.mark.parametrize("said", ["C", "(C)", "Jupiter", "C) Jupiter"])
@pytest.mark.parametrize("frame", ["The answer is {}.", "It is {}.", "So you get {}."])
def test_choices(gold: str, said: str, frame: str) -> None:
    message = frame.format(said)
    assert MathVerifier().verify(problem(gold, OPTIONS), message).status == "correct"
    assert found(gold, message, OPTIONS)


whole = st.integers(-(10**9), 10**9)
fractions = st.fractions(-(10**4), 10**4, max_denominator=997)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    """A gold and another spelling of it."""
    kind = draw(st.sampled_from(["whole", "fraction", "root", "per cent", "unit", "set", "pair"]))
    if kind == "whole":
        n = draw(whole)
        return str(n), draw(
            st.sampled_from([f"{n:,}", f"{n}.0", f"${n}$", f"x = {n}", f"\\boxed{{{n}}}"])
        )
    if kind == "fraction":
        f = draw(fractions.filter(lambda f: f.denominator > 1))
        a, b, k = f.numerator, f.denominator, draw(st.integers(2, 5))
        sign = "-" if a < 0 else ""
        forms = [
            f"{a}/{b}",
            f"{sign}\\frac{{{abs(a)}}}{{{b}}}",
            f"\\frac{{{a}}}{{{b}}}",
            f"{a * k}/{b * k}",
        ]
        return forms[1], draw(st.sampled_from(forms))
    if kind == "root":
        k, n = draw(st.integers(2, 9)), draw(st.sampled_from([2, 3, 5, 7, 101, 103]))
        return f"{k}\\sqrt{{{n}}}", f"\\sqrt{{{k * k * n}}}"
    if kind == "per cent":
        n = draw(st.integers(1, 99))
        return f"{n}\\%", draw(st.sampled_from([f"{n}%", f"{n} percent", str(n / 100)]))
    if kind == "unit":
        n = draw(st.integers(2, 500))
        return f"{n} kg", draw(st.sampled_from([f"{n} kilograms", f"{n}kg", f"{n}\\text{{ kg}}"]))
    a, b = sorted(draw(st.sets(st.integers(-50, 50), min_size=2, max_size=2)))
    if kind == "set":
        return f"\\{{{a}, {b}\\}}", draw(
            st.sampled_from([f"{b}, {a}", f"x = {a} or x = {b}", f"{a} and {b}"])
        )
    return f"({a}, {b})", f"\\left({a}, {b}\\right)"


@given(spelled())
@settings(max_examples=150, deadline=None)
def test_what_is_accepted_in_another_spelling_is_found_in_it(pair: tuple[str, str]) -> None:
    gold, said = pair
    message = f"The answer is {said}."
    assert MathVerifier().verify(problem(gold), message).status == "correct"
    assert found(gold, message)


@given(whole, st.integers(-3, 3).filter(bool))
@settings(max_examples=100, deadline=None)
def test_another_number_is_neither(number: int, more: int) -> None:
    assert (
        MathVerifier().verify(problem(str(number)), f"The answer is {number + more}.").status
        == "incorrect"
    )


@given(st.integers(3, 400), st.integers(3, 400))
@settings(max_examples=50, deadline=None)
def test_huge_and_tiny_numbers_are_told_apart(a: int, b: int) -> None:
    for gold, other in ((f"2^{{-{a}}}", f"2^{{-{b}}}"), (f"3^{{{a}}}+1", f"3^{{{b}}}+1")):
        verdict = MathVerifier().verify(problem(gold), f"\\boxed{{{other}}}")
        assert verdict.status == ("correct" if a == b else "incorrect")


@given(fractions, fractions)
@settings(max_examples=100, deadline=None)
def test_work_is_no_answer(a: Fraction, b: Fraction) -> None:
    if a.denominator == b.denominator == 1 and a > 0 and b > 0:
        for sign, value in (("+", a + b), ("-", a - b), ("*", a * b)):
            message = f"So work out {a} {sign} {b}."
            assert MathVerifier().verify(problem(str(value)), message).status == "incorrect"


PIECES = r"""\frac{ }{ \boxed{ ( [ ^ 1e999 0x ½ ٤ ² $ \sqrt - / 1/0 \ud800 A) half a minus
#### ``` 9 1, İ x = over % answer is 0b 42 \{ \} \\ not than " ' \circ \pi √ ∞ : ; ~ ≈ # <answer>
</answer> <think> </think> matrix["""


def test_no_text_raises() -> None:
    draw, verifier = random.Random(5), MathVerifier()
    golds = [
        "18",
        "1/3",
        "50%",
        "12 cm",
        "B",
        "Monday",
        "x+1",
        "1, 2",
        "(1,2)",
        "yes",
        r"\sqrt{2}",
        "5 pm",
    ]
    for _ in range(1500):
        message = " ".join(draw.choices(PIECES.split(), k=draw.randint(1, 9)))
        gold = draw.choice([*golds, " ".join(draw.choices(PIECES.split(), k=3))])
        verifier.glance(problem(gold, "1 2 3 percent"), message)
        find_leak("math", gold, "1 2 3 percent", SAID, message)
