import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutelage.dedup.words import digest, normalise, spoken, spread


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("Two  Words\r\n", "two words"),
        ("It’s “5 – 3”", 'it\'s "5 - 3"'),
        ("Ｆull", "ｆull"),
        ("cafe\u0301 CAFÉ", "café café"),
        ("Straße", "strasse"),
        ("a\u200bb \u00adc", "ab c"),
        ("\u00a0non\u2003breaking\u00a0", "non breaking"),
        ("\u212a", "k"),
    ],
)
def test_normalised(text: str, same: str) -> None:
    assert normalise(text) == same


@pytest.mark.parametrize(
    ("one", "other"), [("5²", "52"), ("3-2", "3+2"), ("x/y", "x y"), ("1.5", "15"), ("½", "1/2")]
)
def test_what_means_something_else_stays_apart(one: str, other: str) -> None:
    assert digest(one) != digest(other)


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    apart = spread(text)
    assert spread(apart) == normalise(apart) == apart


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Two  Words", "two words"),
        ("Élan → “vital”…", 'élan → "vital"…'),
        ("共3个，对", "共 3 个 ， 对"),
        ("他们 说Python好", "他 们 说 python 好"),
        ("りんごを ３つ ガ", "り ん ご を ３ つ ガ"),
        ("ที่นี่มีน้ำ", "ที่ นี่ มี น้ ำ"),
        ("사과 세 개", "사과 세 개"),
        ("𠀀𠀁", "𠀀 𠀁"),
    ],
)
def test_words_where_no_space_is_between_them(text: str, words: str) -> None:
    assert spread(text) == unicodedata.normalize("NFC", words)
    assert digest(text) == digest(words)


def test_half_a_surrogate_pair_has_a_digest() -> None:
    assert len(digest("broken \ud800 text")) == 16


def test_what_is_spoken_is_all_but_the_system_prompt() -> None:
    chat = [
        {"role": "system", "content": "You are a student."},
        {"role": "user", "content": "What is 2 + 3?"},
        None,
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": "It is 5."},
    ]
    assert spoken(chat) == "What is 2 + 3?\n\nIt is 5."
