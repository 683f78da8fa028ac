"""Verdicts follow from intervals alone, and every claim finds its figure."""

import json
from pathlib import Path

import pytest

from tutelage.replicate import claims, stages, summary
from tutelage.replicate.scale import QUICK, Scale
from tutelage.replicate.toy import ARMS, Toy


def figure(low, high):
    return {"value": (low + high) / 2, "low": low, "high": high}


@pytest.mark.parametrize(
    ("wanted", "low", "high", "verdict"),
    [
        ("above", 0.1, 0.2, claims.REPRODUCED),
        ("above", -0.1, 0.2, claims.OPEN),
        ("above", -0.2, -0.1, claims.NOT),
        ("below", -0.2, -0.1, claims.REPRODUCED),
        ("below", -0.2, 0.1, claims.OPEN),
        ("below", 0.1, 0.2, claims.NOT),
        ("equal", -0.04, 0.05, claims.REPRODUCED),
        ("equal", -0.2, 0.2, claims.OPEN),
        ("equal", 0.06, 0.2, claims.NOT),
        ("flat", -0.009, 0.01, claims.REPRODUCED),
        ("flat", -0.02, 0.0, claims.OPEN),
        ("flat", -0.04, -0.02, claims.NOT),
        ("ratio", 6, 9, claims.REPRODUCED),
        ("ratio", 4, 9, claims.OPEN),
        ("ratio", 1, 4, claims.NOT),
    ],
)
def test_a_verdict_is_where_the_whole_interval_lies(wanted, low, high, verdict):
    assert claims.verdict(wanted, figure(low, high)) == verdict


def test_what_was_not_measured_cannot_be_told():
    assert claims.verdict("above", None) == claims.OPEN
    assert claims.verdict("above", {"value": None, "low": None, "high": None}) == claims.OPEN
    assert {one.verdict for one in claims.judge({})} == {claims.OPEN}


def reports(toy):
    """Trees in the shape that `evaluate` writes, with one figure everywhere."""
    point = figure(0.1, 0.3)
    trees = {}
    for one in stages.evaluations(toy):
        names = {"transfer": ["toy-b"], "pieces": ["toy-c in shards"]}.get(one.name, ["toy-a"])
        lift = {"by_turn": [point] * 10, "area": point, "gain": point, "equal_tokens": point}
        rates = dict.fromkeys(("question_rate", "premature_rate", "leak_rate"), point)
        trees[one.name] = {
            "sets": {
                name: {
                    "conditions": [
                        {"model": model, "arm": arm, "rates": rates}
                        for model in one.students
                        for arm in one.arms
                    ],
                    "lifts": [
                        {"model": model, "over": arm} | lift
                        for model in one.students
                        for arm in one.arms[1:]
                    ],
                    "comparisons": [
                        {"model": later, "over": earlier, "arm": "sml"} | lift
                        for place, later in enumerate(one.students)
                        for earlier in one.students[:place]
                    ],
                }
                for name in names
            }
        }
    trees["main"]["beyond"] = {"toy-a": dict.fromkeys(("base", *ARMS), point)}
    trees["probe"] = {"slopes": dict.fromkeys(("base", "mt-rl"), point)}
    return trees


class Nobody:
    def __call__(self, args, environment):
        raise AssertionError(args)

    def stopped(self):
        return False


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy", QUICK, 0, lambda words: None, Nobody())


def test_every_claim_finds_its_figure_in_the_reports_that_are_played(toy):
    for one in claims.judge(reports(toy)):
        assert one.figure is not None, one.claim.words
    lines = list(claims.rows(claims.judge(reports(toy))))
    assert len(lines) == len(claims.CLAIMS) and json.dumps(lines)


def test_steps_stand_in_an_order_in_which_each_has_what_it_needs(toy):
    names = [name for name, _ in stages.steps(toy)]
    assert len(names) == len(set(names))
    assert {f"report-{one.name}" for one in stages.evaluations(toy)} <= set(names)
    for later, earlier in (
        ("seed-1/mt-rl", "seed-1/mt-sft"),
        ("seed-1/st-sft", "seed-1/mt-sft"),
        ("pretrain-base", "pretrain-eager"),
        ("seed-1/sft-base-0", "pretrain-base-0"),
        ("report-main", "seed-1/q-rl"),
        ("report-reverse", "seed-1/reverse"),
        ("pretrain-base-0", "report-by-heart"),
        ("report-web", "seed-1/sft-base-0"),
        ("report-by-heart", "seed-1/by-heart-st"),
    ):
        assert names.index(earlier) < names.index(later)


def test_a_step_that_is_done_is_not_made_again(toy, monkeypatch):
    made = []
    monkeypatch.setattr(
        stages, "steps", lambda toy: [(n, lambda n=n: made.append(n)) for n in ("a", "b/c")]
    )
    toy.out.mkdir()
    monkeypatch.setattr(type(toy), "serves", False, raising=False)
    stages.perform(toy)
    stages.perform(toy)
    assert made == ["a", "b/c"]
    files = (toy.out / "steps").iterdir()
    assert {json.loads(file.read_text())["step"] for file in files} == {"a", "b/c"}


def test_a_folder_holds_one_replication(toy, tmp_path):
    stages.admit(toy)
    stages.admit(toy)
    other = Toy(toy.out, Scale(), 0, toy.say, toy.launch)
    with pytest.raises(Exception, match="another size"):
        stages.admit(other)
    (tmp_path / "full").mkdir()
    Path(tmp_path / "full/x").touch()
    with pytest.raises(Exception, match="neither empty"):
        stages.admit(Toy(tmp_path / "full", QUICK, 0, toy.say, toy.launch))


def test_a_budget_scales_what_is_played_and_not_what_is_claimed():
    half = Scale().within(22.5)
    assert (half.seeds, half.group, half.wide_group) == (5, 8, 32)
    assert half.rollouts == Scale().rollouts // 2 and half.probe == Scale().probe // 2
    assert Scale().within(45) == Scale()


def test_the_page_shows_each_verdict(toy):
    point = figure(0.1, 0.3)
    line = {
        "model": "base", "arm": "sml", "curve": [point] * 10, "rates": {"repeat_rate": point},
        "dialogues": 6,
    }  # fmt: skip
    tree = {
        "claims": list(claims.rows(claims.judge(reports(toy)))), "seed": 0,
        "seconds": {"seed-1/mt-sft": 1.0, "seed-2/mt-sft": 2.0, "report-main": 4.0},
        "signal": {"st-rl": {"groups": 32, "groups_compared": 0}},
        "scale": {"seeds": 1, "test": 6}, "code_version": "0", "beyond": {},
        "sets": {"toy-a": {"turns": 10, "conditions": [line]}},
        "probe": {"dialogues": 2, "slopes": {"base": point}, "by_turn": {"base": [point] * 3}},
    }  # fmt: skip
    html = summary.render(tree, ["main"])
    for one in tree["claims"]:
        assert one["verdict"] in html
    assert html.count('data-figure="claims/') == len(claims.CLAIMS)
    for arm in ("base", *ARMS):
        assert f"<dt>{arm}</dt>" in html
    assert "Family A, trained on" in html
    assert summary.timings(tree["seconds"]) == [("mt-sft", [1.0, 2.0]), ("report-main", [4.0])]
    assert "1, 2" in html and "<strong>7</strong>" in html
