"""`reverify`: the effect of new verdicts and a new leak check on stored dialogues."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables import EXAMPLES, balanced, published, read, row
from tutelage.cli.reverify import command
from tutelage.contract import faults
from tutelage.derive.reverify import reverify
from tutelage.errors import Mistake
from tutelage.records import Verdict
from tutelage.shards import read_rows


def stored(rows):
    """A verifier that repeats the verdicts of the rows."""
    known = {}
    for one in rows:
        for message, entry in zip(one["messages"], one["trail"], strict=True):
            known[message["content"]] = Verdict(**entry["verdict"])
    return lambda problem, text, finish: known[text]


def said(rows):
    return {r["dialogue_id"]: r for r in rows}


def shards(run):
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in run.rglob("*.parquet")}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    rows = [
        row(f"d{i}", group=f"g{i // 2}", sample=i % 2, solved=(1, 2, 3, None)[i % 4])
        for i in range(12)
    ]
    for one in rows:  # so that each attempt is told apart
        for message, entry in zip(one["messages"], one["trail"], strict=True):
            message["content"] += f" at {entry['turn']}"
    return published(tmp_path_factory.mktemp("reverify") / "run", rows, rows_a_file=4)


def again(run, out, change, sets=()):
    rows = list(read_rows(str(run)))
    same = stored(rows)

    def verify(problem, text, finish):
        return change(text) or same(problem, text, finish)

    manifest, findings = reverify(str(run), str(out), sets, verify=verify)
    assert balanced(manifest)
    after = list(read_rows(str(out)))
    assert not any(list(faults(one)) for one in after)
    return said(after), findings, manifest


def test_unchanged_verdicts_give_the_same_shards(run, tmp_path):
    _, findings, manifest = again(run, tmp_path / "out", lambda text: None)
    assert shards(tmp_path / "out") == shards(run)
    assert not findings.behind and not findings.outcomes and not findings.reworded
    assert (tmp_path / "out" / "changes.jsonl").read_text() == ""
    assert manifest["derived"]["changes"]["verdicts"]["correct -> correct"] == 9


def test_the_current_verifiers_confirm_generated_rows(tmp_path):
    rows = [row(f"d{i}", solved=turn, text="!") for i, turn in enumerate((1, 2, 3, None))]
    published(tmp_path / "run", rows)
    reverify(str(tmp_path / "run"), str(tmp_path / "one"))
    result = CliRunner().invoke(
        command, [str(tmp_path / "one"), "--out", str(tmp_path / "two")], catch_exceptions=False
    )
    assert "nothing changed" in result.output, result.output
    assert shards(tmp_path / "two") == shards(tmp_path / "one")


def test_a_dialogue_is_cut_at_an_earlier_correct_attempt(run, tmp_path):
    right = Verdict("correct", "4", "", "new")
    rows, findings, _ = again(
        run, tmp_path / "out", lambda t: right if t in ("It is 4 says d2 at 1",) else None
    )
    before = said(read_rows(str(run)))
    cut = rows["d2"]
    assert cut["outcome"] == {
        "status": "solved", "solved_turn": 1, "turns": 1, "return": 1.0, "reason": "",
    }  # fmt: skip
    assert cut["messages"] == before["d2"]["messages"][: len(cut["messages"])]
    assert cut["trail"][-1]["turn"] == 1 and cut["trail"][-1]["verdict"]["verifier"] == "new"
    assert findings.outcomes == {"solved earlier, cut there": 1}
    assert findings.behind == {("incorrect", "correct"): ["d2"]}
    assert {k: v for k, v in rows.items() if k != "d2"} == {
        k: v for k, v in before.items() if k != "d2"
    }


def test_a_newly_solved_dialogue_moves_to_the_solved_shard(run, tmp_path):
    right = Verdict("correct", "4")
    rows, findings, manifest = again(
        run, tmp_path / "out", lambda t: right if t == "It is 4 says d3 at 2" else None
    )
    assert rows["d3"]["outcome"]["solved_turn"] == 2 and rows["d3"]["outcome"]["return"] == 0.7
    assert findings.outcomes == {"newly solved, cut there": 1}
    solved = {r["dialogue_id"] for r in read_rows(str(tmp_path / "out"), kind="solved")}
    assert "d3" in solved
    assert manifest["dialogues"]["solved"] == 10


def test_a_dialogue_that_is_no_longer_solved_is_marked_exhausted(run, tmp_path):
    wrong = Verdict("unjudged", "", "timeout", "math")
    rows, findings, _ = again(
        run, tmp_path / "out", lambda t: wrong if t == "It is 5 says d1 at 2" else None
    )
    assert rows["d1"]["outcome"] == {
        "status": "exhausted",
        "solved_turn": None,
        "turns": 2,
        "return": 0.0,
        "reason": "judged again: no attempt is correct, turn 2 was",
    }
    assert len(rows["d1"]["messages"]) == len(said(read_rows(str(run)))["d1"]["messages"])
    assert findings.outcomes == {"no longer solved": 1}
    assert "d1" in {r["dialogue_id"] for r in read_rows(str(tmp_path / "out"), kind="rest")}
    lines = [json.loads(x) for x in (tmp_path / "out/changes.jsonl").read_text().splitlines()]
    assert lines == [
        {
            "dialogue_id": "d1",
            "what": "verdict",
            "turn": 2,
            "before": "correct",
            "after": "unjudged",
        },
        {
            "dialogue_id": "d1",
            "what": "outcome",
            "turn": 2,
            "before": "solved at 2",
            "after": "not solved",
        },
    ]


def leaking(name, action="", words="Look: the answer is 5."):
    """A dialogue whose first feedback reveals the gold; `action` is what the gate recorded."""
    one = row(name, solved=2)
    k = next(i for i, known in enumerate(one["trail"]) if known["act"] == "feedback")
    one["messages"][k]["content"] = words
    if action:
        one["trail"][k]["leak"] = {"kind": "number", "action": action, "evidence": "old"}
        one["leaks"] = [
            {
                "turn": 1,
                "speaker": "teacher",
                "kind": "number",
                "action": action,
                "evidence": "old",
            }
        ]
        one["leak"] = {"any": action == "marked", "kind": "number", "turn": 1}
    return one


def test_leaks_are_searched_again(tmp_path):
    rows = [
        leaking("found"),
        leaking("gone", "marked", "Look again."),
        leaking("mended", "regenerated", "Look again."),
        leaking("read", "marked", "Think of a hand."),
    ]
    for known in rows[3]["trail"]:
        known["leak"]["kind"] = known["leak"]["kind"] and "judge"
    run = published(tmp_path / "run", rows)
    after, findings, _ = again(run, tmp_path / "out", lambda text: None)
    assert findings.leaks == {"found": 1, "gone": 1}
    assert after["found"]["leak"]["any"] and after["found"]["leak"]["turn"] == 1
    assert [leak["action"] for leak in after["found"]["leaks"]] == ["marked"]
    assert after["gone"]["leak"] == {"any": False, "kind": "", "turn": None}
    assert after["gone"]["leaks"] == []
    before = said(read_rows(str(run)))
    assert after["mended"] == before["mended"] and after["read"] == before["read"]


def test_the_leak_policy_is_applied(tmp_path):
    run = published(tmp_path / "run", [leaking("a"), row("b")])
    rows, _, manifest = again(run, tmp_path / "1", lambda t: None, ["leaks.policy=drop"])
    assert set(rows) == {"b"}
    assert manifest["derived"]["balance"]["dropped"] == {"leak": 1}
    rows, findings, _ = again(run, tmp_path / "2", lambda t: None, ["leaks.policy=off"])
    assert set(rows) == {"a", "b"} and not findings.leaks


def test_a_spelled_out_last_step_leaks_if_expressions_are_blocked(tmp_path):
    run = published(tmp_path / "run", [leaking("a", words="Work out 12 - 7."), row("b")])
    rows, _, _ = again(run, tmp_path / "1", lambda t: None)
    assert not rows["a"]["leak"]["any"]
    rows, findings, _ = again(run, tmp_path / "2", lambda t: None, ["leaks.expression=block"])
    assert rows["a"]["leak"]["any"] and not rows["b"]["leak"]["any"]
    assert findings.leaks == {"found": 1}


def test_a_wrong_calculation_is_no_solution_if_flaws_are_refused(tmp_path):
    run = published(tmp_path / "run", [row("a", solved=1, text="since 2 + 2 = 5"), row("b")])
    rows, findings, _ = again(run, tmp_path / "1", lambda t: None)
    assert rows["a"]["flaw"] == {"any": True, "false_equation": "2 + 2 = 5", "cut": False}
    assert findings.reworded == 1
    rows, findings, _ = again(run, tmp_path / "2", lambda t: None, ["verifier.flaws=refuse"])
    assert rows["a"]["outcome"]["solved_turn"] is None and not rows["a"]["flaw"]["any"]
    assert findings.outcomes == {"no longer solved": 1}


def test_another_verifier_can_be_named_and_the_table_is_printed(run, tmp_path):
    given_ = [str(run), "--out", str(tmp_path / "out"), "--set", "verifier.name=tables:Bare"]
    result = CliRunner().invoke(command, given_, catch_exceptions=False)
    assert "9 no longer solved" in result.output
    assert read(tmp_path / "out")["dialogues"]["solved"] == 0


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["turns=3"], "turns shaped what was generated"),
        (["verifier.name=nope"], "nope"),
        (["verifier.nome=x"], "the nearest is 'verifier.name'"),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, sets, words):
    with pytest.raises(Mistake) as mistake:
        reverify(str(run), str(tmp_path / "out"), sets)
    assert words in str(mistake.value) and "\n" not in str(mistake.value)
    assert not (tmp_path / "out").exists()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    made=st.lists(st.sampled_from([None, 1, 2, 3]), min_size=1, max_size=8),
    flips=st.dictionaries(
        st.tuples(st.integers(0, 7), st.integers(1, 4)),
        st.sampled_from(["correct", "incorrect", "unjudged"]),
        max_size=8,
    ),
)
def test_the_account_holds_for_any_verdicts(tmp_path_factory, made, flips):
    folder = tmp_path_factory.mktemp("any")
    rows = [row(f"d{i}", group=f"g{i // 3}", sample=i % 3, solved=t) for i, t in enumerate(made)]
    for one in rows:
        for message, entry in zip(one["messages"], one["trail"], strict=True):
            message["content"] += f" at {entry['turn']}"
    run = published(folder / "run", rows, rows_a_file=3)
    new = {f"says d{i} at {turn}": status for (i, turn), status in flips.items()}

    def change(text):
        status = next((new[key] for key in new if text.endswith(key)), None)
        return status and Verdict(status, "x")

    after, findings, _ = again(run, folder / "out", change)
    assert set(after) == {f"d{i}" for i in range(len(made))}
    assert sum(findings.verdicts.values()) == sum(
        known["act"] == "attempt" for one in rows for known in one["trail"]
    )
    for one in after.values():
        right = [k["turn"] for k in one["trail"] if k["verdict"]["status"] == "correct"]
        assert one["outcome"]["solved_turn"] == (right[0] if right else None)
        if right:
            assert one["trail"][-1]["turn"] == right[0]
            assert one["trail"][-1]["act"] == "attempt"
    groups = {one["group_id"] for one in after.values()}
    assert groups == {one["group_id"] for one in rows}
