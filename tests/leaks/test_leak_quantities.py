"""Numbers in texts: which are read, which are not."""

from fractions import Fraction as F

import pytest

from tutelage.answers.plain import plain
from tutelage.leaks.case import values


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234 boxes", 1234),
        ("1.2e3", 1200),
        (r"$1.2 \times 10^{3}$", 1200),
        ("1.2 million", 1_200_000),
        ("$18.00", 18),
        ("50 %", F(1, 2)),
        ("fifty percent", F(1, 2)),
        ("39 dollars and 50 cents", F(79, 2)),
        (r"\dfrac{3}{4}", F(3, 4)),
        (r"\frac34", F(3, 4)),
        ("¾", F(3, 4)),
        ("2½", F(5, 2)),
        (r"$37\frac{1}{2}$", F(75, 2)),
        ("2 out of 4", F(1, 2)),
        ("one in six", F(1, 6)),
        ("three quarters", F(3, 4)),
        ("two and a third", F(7, 3)),
        ("one hundred and five", 105),
        ("twelve hundred", 1200),
        ("two thousand three hundred forty-one", 2341),
        ("thirty-seven point five", F(75, 2)),
        ("nineteen forty-five", 1945),
        ("half a dozen", 6),
        ("4 dozen", 48),
        ("minus five", -5),
        ("negative 5", -5),
        ("It is −5", -5),
        ("4️⃣2️⃣", 42),
        ("٤٢", 42),
        ("𝟒𝟐", 42),
        ("**42**", 42),
        ("4\u200b2", 42),
        ("42cm", 42),
        ("one million two hundred thirty-four thousand five hundred sixty-seven", 1_234_567),
        ("two thousand million", 2 * 10**9),
        ("two and a half million", 2_500_000),
        ("two point five million", 2_500_000),
        ("half a million", 500_000),
        ("three point one four", F(157, 50)),
        ("0,5", F(1, 2)),
        ("4,50 €", F(9, 2)),
        ("3 hours 30 minutes", F(7, 2)),
        ("three hours and thirty minutes", F(7, 2)),
        ("3 h 30 min", F(7, 2)),
        ("5 feet 6 inches", F(11, 2)),
    ],
)
def test_a_number_is_read_in_any_notation(text: str, number: int | F) -> None:
    assert number in values(plain(text))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("27 - 5", -5),
        ("27-5", -5),
        ("ninety minus five", -5),
        ("x42 and v4.2.42", 42),
        ("the 42nd day", 42),
        ("142, 420, 4.2, 42.5, 1,420", 42),
        ("two and five", 7),
        ("this one, another one, the other one", 1),
        ("10/12/2023", F(10, 12)),
        ("1e999", 1),
        ("(2,3) and 1,2,3", F(23, 10)),
        ("3 hours or 30 minutes", F(7, 2)),
        ("3 boxes 30 minutes", F(7, 2)),
        ("three point one four", 4),
        ("half a dozen", 12),
    ],
)
def test_what_only_looks_like_a_number_is_none(text: str, number: int | F) -> None:
    assert number not in values(plain(text))
