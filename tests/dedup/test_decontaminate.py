import gzip
import json
import pickle
from pathlib import Path

import pytest

from tutelage.dedup.decontaminate import Evaluations, Index, Match
from tutelage.records import Gold, Problem

STORY = (
    "A bakery in Lindau sells rye loaves for 4 francs and wheat rolls for 2 francs each. On Monday "
    "it sold three times as many rolls as loaves and took 50 francs in all. How many loaves of rye "
    "did the bakery sell on that Monday, and how many rolls went with them?"
)
OTHER = (
    "Seven cyclists leave the harbour at dawn and ride north along the river at an even pace until "
    "the bridge, where four of them turn back because of the rain that began an hour before."
)
SHORT = "Find the sum of the first nine odd numbers."
TINY = "What is 6 * 7?"
INDEX = Index.build(
    [("bakes", "s1", STORY), ("rides", "o1", OTHER), ("sums", "n1", SHORT), ("sums", "t1", TINY)]
)


def _changed(text: str, every: int) -> str:
    """`text` with each `every`-th word replaced."""
    return " ".join("zzz" if i % every == every - 1 else w for i, w in enumerate(text.split()))


@pytest.mark.parametrize(
    ("text", "way", "eval_id"),
    [
        (STORY, "same", "s1"),
        (STORY.upper().replace(",", ";").replace(".", " ..."), "same", "s1"),
        ("What is 6*7", "same", "t1"),
        (f"Read this. {STORY} Answer briefly.", "run", "s1"),
        ("He said: " + " ".join(OTHER.split()[5:18]) + " and that was all", "run", "o1"),
        (f"First a warm-up. {SHORT} Then rest.", "run", "n1"),
        ("Quickly now! " + SHORT.replace(".", ", please."), "run", "n1"),
    ],
)
def test_found(text: str, way: str, eval_id: str) -> None:
    found = INDEX.match(text)
    assert found is not None
    assert (found.way, found.eval_id) == (way, eval_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?!",
        "42",
        "A new problem about boats, and about nothing that was ever asked in an evaluation before.",
        " ".join(OTHER.split()[5:17]),  # twelve words in a row are too few
        "the answer to What is 6 * 7? is well known",  # under five words only equality counts
        "Find the sum of the first nine even numbers.",
        _changed(STORY, 4),
    ],
)
def test_not_found(text: str) -> None:
    assert INDEX.match(text) is None


SUM = "Work out 12 + 7 - 3 and give the answer."
LONG_SUM = "Compute 1 + 2 - 3 + 4 - 5 + 6 - 7 + 8 - 9 + 10 - 11 + 12 - 13 + 14 and stop."
CUBIC = "Find all real x such that x^2 + 4x - 4 = 0 and also x > 0."
FORMULAS = Index.build(
    [
        ("sums", "tiny", "What is 3 + 4?"),
        ("sums", "short", SUM),
        ("sums", "long", LONG_SUM),
        ("sums", "cubic", CUBIC),
        ("sums", "over", "Divide x^2 + 4x - 4 by x + 2."),
        ("sums", "point", "Round 3.5 to a whole number, please."),
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "What is 3 - 4?",
        "What is 3 * 4?",
        SUM.replace("+", "*"),
        f"Now think. {SUM.replace('-', '+')} Be quick.",
        LONG_SUM.replace("+", "*"),
        CUBIC.replace("+", "-").replace("4 = 0", "- 4 = 0").replace(">", "<"),
        "Divide x^2 - 4x + 4 by x - 2.",
        "Round 35 to a whole number, please.",
        "Round 3 5 to a whole number, please.",
    ],
)
def test_other_operators_are_another_problem(text: str) -> None:
    assert FORMULAS.match(text) is None


@pytest.mark.parametrize(
    ("text", "way", "eval_id"),
    [
        ("what is $3+4$", "same", "tiny"),
        ("**Work out** 12 + 7 − 3, and give the answer!", "same", "short"),
        (f"Now think. {SUM} Be quick.", "run", "short"),
        (r"Divide \(x^{2}+4x-4\) by \(x+2\)", "same", "over"),
        ("- Round 3.5 to a whole number please", "same", "point"),
        (f"Well: {LONG_SUM.replace(' ', '  ').replace('-', '–')} Now!", "run", "long"),
    ],
)
def test_however_operators_are_written(text: str, way: str, eval_id: str) -> None:
    found = FORMULAS.match(text)
    assert found is not None
    assert (found.way, found.eval_id) == (way, eval_id)


CHINESE = "小明家里有三个苹果和五个梨，妈妈又买了十二个桃子，他把一半分给了小红。他还有多少个水果？"
ASIAN = Index.build(
    [
        ("asian", "zh", CHINESE),
        ("asian", "short", "一个三角形的底是六厘米，求它的高。"),
        ("asian", "ja", "りんごが三つ、みかんが五つあります。ぜんぶでいくつありますか。"),
        ("asian", "th", "แม่มีส้มห้าผลและให้ลูกไปสองผลตอนนี้แม่เหลือส้มกี่ผล"),
    ]
)


@pytest.mark.parametrize(
    ("text", "way", "eval_id"),
    [
        (CHINESE, "same", "zh"),
        (CHINESE.replace("，", " ").replace("？", ""), "same", "zh"),
        (f"请认真读题。{CHINESE}请写出过程。", "run", "zh"),
        (CHINESE.replace("小明", "小刚").replace("小红", "小丽"), "run", "zh"),
        ("先看一题：一个三角形的底是六厘米，求它的高！", "run", "short"),
        (
            "つぎの問題です。りんごが三つ、みかんが五つあります。ぜんぶでいくつありますか。",
            "run",
            "ja",
        ),
        ("โจทย์ แม่มีส้มห้าผลและให้ลูกไปสองผลตอนนี้แม่เหลือส้มกี่ผล ตอบ", "run", "th"),
    ],
)
def test_texts_without_spaces_between_words(text: str, way: str, eval_id: str) -> None:
    found = ASIAN.match(text)
    assert found is not None
    assert (found.way, found.eval_id) == (way, eval_id)


@pytest.mark.parametrize(
    "text",
    [
        "小明家里有三个苹果和五个梨，爸爸想知道每个水果平均有多重，应该怎么算？",  # 12 in a row
        "一个正方形的边长是六厘米，求它的面积。",
        "三角形的底是六厘米。",
    ],
)
def test_a_few_characters_in_common_are_no_match(text: str) -> None:
    assert ASIAN.match(text) is None


def test_near_and_contained_are_exact() -> None:
    base = [f"w{i}" for i in range(60)]  # 56 shingles
    index = Index.build([("set", "b", " ".join(base))], run=40)
    edited = base.copy()
    edited[30] = "new"
    found = index.match(" ".join(edited))
    assert found is not None and found.way == "near"
    assert found.score == pytest.approx(51 / 61)
    found = index.match(" ".join(edited + [f"v{i}" for i in range(200)]))
    assert found is not None and found.way == "contained"
    assert found.score == pytest.approx(51 / 56)
    edited[15] = edited[45] = "new"
    assert index.match(" ".join(edited)) is None


def test_the_longest_run_is_shown_with_the_words_around_it() -> None:
    found = INDEX.match(
        "Once more with feeling and then some: " + " ".join(OTHER.split()[3:25]) + " not!"
    )
    assert found is not None and found.score == 22
    assert found.ours.startswith("once more with feeling and then some: [the harbour at dawn and")
    assert found.theirs.startswith("seven cyclists leave [the harbour at dawn")
    assert found.theirs.endswith("…")


def test_a_run_that_many_evaluations_have_is_boilerplate() -> None:
    common = "write a function that takes a list of whole numbers and gives back a new one"
    rows = [("code", str(i), f"{common} number {i} of kind {i * i} in order") for i in range(11)]
    asked = f"{common} sorted by how often each of them occurs"
    assert Index.build(rows).match(asked) is None
    found = Index.build(rows[:10]).match(asked)
    assert found is not None and found.way == "run" and found.eval_id == "0"


def test_side_by_side() -> None:
    found = INDEX.match(f"Read this. {STORY} Answer briefly.")
    assert found is not None
    lines = found.side_by_side(80).splitlines()
    assert lines[0] == "text · run 53 · bakes s1"
    assert all(len(line) <= 80 and line[38:41] == " | " for line in lines[1:])
    assert json.loads(json.dumps(found.record()))["eval_id"] == "s1"


def test_an_index_pickles() -> None:
    again = pickle.loads(pickle.dumps(INDEX))
    assert again.match(STORY) == INDEX.match(STORY)


def test_an_empty_index_matches_nothing() -> None:
    assert Index.build([]).match(STORY) is None
    assert Index.build([("x", "1", "")]).match("") is None


def _problem(name: str, statement: str, solution: str = "", value: str = "7") -> Problem:
    return Problem(name, "math", "made", "CC0-1.0", statement, Gold("answer", value), solution)


@pytest.mark.parametrize(
    ("problem", "field"),
    [
        (_problem("p1", f"{STORY} Explain."), "statement"),
        (_problem("p2", "Another question altogether, about bread.", f"So: {OTHER}"), "solution"),
        (_problem("p3", "Another question altogether, about bread.", STORY), None),
        (_problem("p4", "A third thing to work out.", "", "7"), None),
        (_problem("p5", "A fourth thing to work out.", "3 + 4 = 7"), None),
    ],
)
def test_statements_meet_statements_and_solutions_solutions(
    problem: Problem, field: str | None
) -> None:
    evaluations = Evaluations.build(
        [
            ("exam", _problem("e1", STORY, OTHER)),
            ("exam", _problem("e2", "An unrelated matter of nine words to be asked.", "3 + 4 = 7")),
        ]
    )
    found = evaluations.match(problem)
    assert (found.field if found else None) == field
    assert found is None or (isinstance(found, Match) and found.eval_id == "e1")


def test_real_problems_of_one_source_rarely_match(corpora: Path) -> None:
    with (corpora / "gsm8k_train.jsonl").open() as file:
        rows = [json.loads(line)["question"] for line, _ in zip(file, range(2000), strict=False)]
    index = Index.build([("held", str(i), text) for i, text in enumerate(rows[:1000])])
    found = [index.match(text) for text in rows[1000:]]
    assert sum(one is not None for one in found) < 20  # and those are rewritten siblings
    assert all(index.match(text) is not None for text in rows[:1000])


def test_code_sets_have_little_in_common(corpora: Path) -> None:
    with gzip.open(corpora / "HumanEval.jsonl.gz", "rt") as packed:
        rows = [json.loads(line) for line in packed]
    index = Index.build([("humaneval", row["task_id"], row["prompt"]) for row in rows])
    with (corpora / "mbpp.jsonl").open() as file:
        asked = [json.loads(line)["text"] for line in file]
    assert sum(index.match(text) is not None for text in asked) <= 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STORY, "its text is that of s1 in bakes: a bakery in lindau sells"),
        (
            "Before: " + " ".join(OTHER.split()[2:16]) + " after",
            "its text shares 14 words in a row with that of o1 in rides: leave the harbour at dawn",
        ),
    ],
)
def test_the_reason_names_what_is_shared(text: str, said: str) -> None:
    found = INDEX.match(text)
    assert found is not None and found.reason.startswith(said)
    assert "[" not in found.reason and "\n" not in found.reason and len(found.reason) < 260


def test_the_length_of_a_run_is_an_option() -> None:
    asked = "Once " + " ".join(OTHER.split()[5:13]) + " nobody was there any more"
    ours = Problem("p", "math", "s", "", asked, Gold("answer", "1"))
    theirs = Problem("e", "math", "s", "", OTHER, Gold("answer", "1"))
    assert Evaluations.build([("set", theirs)]).match(ours) is None
    found = Evaluations.build([("set", theirs)], run=8).match(ours)
    assert found is not None and (found.way, found.score) == ("run", 8)
