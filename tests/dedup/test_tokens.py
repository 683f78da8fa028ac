import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutelage.dedup.tokens import length, plain, signed, tokens


def _read(text: str) -> str:
    return " ".join(signed(tokens(plain(text))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what is 3 - 4?", "what is 3 + 4?"),
        ("Compute 12 * 7.", "Compute 12 + 7."),
        ("compute 12 / 7", "compute 12 7"),
        ("x^2 + 4x - 4 over x + 2", "x^2 - 4x + 4 over x - 2"),
        ("3.5", "35"),
        ("3.5", "3 5"),
        (".5 of it", "5 of it"),
        ("-4", "4"),
        ("add -4 to x", "add 4 to x"),
        ("2 * (3 + 4)", "2 * 3 + 4"),
        (r"\frac{a + b}{c}", r"a + \frac{b}{c}"),
        ("x <= 3", "x < 3"),
        ("x ≤ 3", "x ≥ 3"),
        ("x = 3", "x ≠ 3"),
        ("50% of it", "50 of it"),
        ("give 50%", "give 50"),
        ("5! is", "5 is"),
        ("f'(x)", "f(x)"),
        ("x^2", "x2"),
        ("10^-2", "10^2"),
        ("f(x) - cos x", "f(x) + cos x"),
        ("sin(x)-cos(x)", "sin(x) cos(x)"),
        (r"\sin x - \cos x", r"\sin x \cos x"),
        ("|3 - 4|", "3 - 4"),
        ("3:4", "3.4"),
        ("30° in all", "30 in all"),
        ("2**3", "2*3"),
        ("½", "12"),
        ("A ∪ B", "A ∩ B"),
    ],
)
def test_other_signs_are_another_text(one: str, other: str) -> None:
    assert _read(one) != _read(other)


@pytest.mark.parametrize(
    "same",
    [
        (
            "What is 6 * 7?",
            "what is 6*7",
            "What is **6 × 7**?",
            r"What is $6 \times 7$",
            "what is 6⋅7",
        ),
        ("3 - 4", "3−4", "3 – 4", "３－４", "$3-4$", "3 -- 4"),
        ("12 / 7", "12 ÷ 7", r"12 \div 7", r"\frac{12}{7}", r"$\dfrac{12} {7}$", "12∕7"),
        ("x ≤ 3", "x <= 3", r"x \leq 3", r"\(x \le 3\)", "x ⩽ 3"),
        ("x ≠ 3", "x != 3", r"x \neq 3"),
        ("x^2", "x²", "x^{2}", "$x^{ 2 }$"),
        ("10^-12", "10⁻¹²", "10^{-12}"),
        ("1/2", "½", r"\frac{1}{2}"),
        ("sqrt(x)", "√x", r"\sqrt{x}"),
        ("30°", r"30^\circ", r"$30^{\circ}$", r"30\degree"),
        ("(x + 1)^2", r"\left( x + 1 \right)^2", "[x+1]^2", "(x+1)²"),
        ("a 5-year-old", "a 5 year old", "a 5–year–old"),
        ("well-known, e.g. here", "Well known (e.g. here)!", "well—known; _e.g._ **here**"),
        (
            "one two",
            "# One\n\ntwo",
            "* one\n* two",
            "> one\n> two",
            "- **one**\n- two",
            "*one* `two`",
        ),
        ("it costs 5", "It costs $5.", r"it costs \$5"),
        ("3:4", "3 : 4"),
        ("two dogs - a big one", "Two dogs, a big one", "two dogs – a big one"),
        ("how much is 3 + 4", "How much is 3+4 = ?"),
        ("to be -> or", "to be → or", "to be or"),
        (r"so \ldots it is", "so ... it is", "so it is", r"so \text{it} is"),
        ("step 1: 3 apples", "step 1 3 apples"),
        ("小明有3个，对吗", "小明有３个 对吗？"),
    ],
)
def test_what_a_copy_may_change(same: tuple[str, ...]) -> None:
    assert {_read(text) for text in same} == {_read(same[0])}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("?!", ""),
        ("What is **3 − 4**?", "what is 3 -4"),
        (r"$\frac{1}{2} \times (x + 3.5)$", "1 /2 *(x +3 .5)"),
        ("小明有３个", "小 明 有 3 个"),
        ("x_1 _so_ ___", "x_1 so"),
        ("(n + 1)! (see there)!", "(n +1)! see there"),
        (") ] (", ""),
        ("ที่นี่ มี", "ที่ นี่ มี"),
    ],
)
def test_read(text: str, read: str) -> None:
    assert _read(text) == read


@given(st.text(st.sampled_from("ab3 4.-+*/^=()[]{}\\|!%'\n:>#_²½小，$")))
def test_any_text_has_as_many_tokens_as_words(text: str) -> None:
    made = plain(text)
    found = tokens(made)
    assert all(token.signed and " " not in token.signed for token in found)
    assert [made[a:b] for _, a, b in found] == [
        word for token in found if (word := made[token.begin : token.end])
    ]
    assert [token.begin for token in found] == sorted({token.begin for token in found})


def test_a_character_without_spaces_is_half_a_word() -> None:
    assert length(signed(tokens("小明有 30 apples"))) == 3.5
    assert length([]) == 0
