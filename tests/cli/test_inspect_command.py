"""`tutelage inspect`: figures that can be counted by hand, side by side, in a page and a picture."""

import json
import re

import pytest
from click.testing import CliRunner

from tables import published, row
from tutelage.cli import cli
from tutelage.cli.inspect import sparkline
from tutelage.inspection import counting
from tutelage.intervals import wilson
from tutelage.shards.figures import figures

TURNS = (1, 2, None, 2)


def rows(prefix, better=0, arms=("sml", "retry"), samples=2):
    """Forty problems; under `sml` some are solved that are not under `retry`."""
    for i in range(40):
        for arm in arms:
            for sample in range(samples):
                turn = TURNS[(i + sample) % 4]
                if arm == "sml" and turn is None and i % 5 < better:
                    turn = 3
                yield row(
                    f"{prefix}{i:02d}{arm}{sample}",
                    problem=f"p{i:02d}", arm=arm, sample=sample, solved=turn,
                )  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("inspect")
    published(place / "plain", list(rows("a", better=2)), arms=("sml", "retry"), samples=2)
    published(place / "better", list(rows("b", better=5)), arms=("sml", "retry"), samples=2)
    published(place / "single", list(rows("c", arms=("sml",), samples=1)))
    return place


def call(*args):
    return CliRunner().invoke(cli, ["inspect", *map(str, args)], catch_exceptions=False)


def test_a_dialogue_a_problem_has_wilsons_interval(runs):
    found = json.loads(call(runs / "single", "--json").stdout)
    (line,) = found["conditions"]
    for turn, solved in enumerate((10, 30, 30, 30)):
        known = wilson(solved, 40)
        assert line["curve"][turn] == pytest.approx(
            {"value": known.value, "low": known.low, "high": known.high}
        )
    assert found["balance"]["kept"] == 40  # the figures of old stand beside


def test_several_dialogues_a_problem_are_drawn_by_problem(runs):
    found = json.loads(call(runs / "plain", "--json").stdout)
    by_arm = {line["arm"]: line for line in found["conditions"]}
    point = by_arm["retry"]["curve"][1]
    assert point["value"] == pytest.approx(0.75)
    alone = wilson(60, 80)
    assert point["low"] != pytest.approx(alone.low)
    assert point["low"] < 0.75 < point["high"]


def test_the_lift_over_retry_is_paired_and_taken_at_equal_tokens_too(runs):
    found = json.loads(call(runs / "better", "--json").stdout)
    (line,) = found["lifts"]
    assert (line["arm"], line["over"]) == ("sml", "retry")
    last = line["by_turn"][-1]
    assert last["value"] == pytest.approx(0.25)
    assert last["low"] > 0 and last["p"] <= 0.05 and last["problems"] == 40
    # Tokens a dialogue: 2 a turn, so (10 * 1 + 20 * 2 + 10 * 3) * 2 / 40. By then the control has
    # reached all that it reaches at all.
    assert line["budget"] == pytest.approx(4.0)
    assert line["equal_tokens"]["value"] == pytest.approx(0.25)


def test_runs_are_compared_on_the_problems_that_both_have(runs):
    found = json.loads(call(runs / "plain", runs / "better", "--json").stdout)
    by_arm = {line["arm"]: line for line in found["comparisons"]}
    assert by_arm["retry"]["by_turn"][-1]["value"] == pytest.approx(0)
    assert by_arm["sml"]["by_turn"][-1]["value"] > 0
    assert (by_arm["sml"]["model"], by_arm["sml"]["over"]) == ("better", "plain")
    assert len(found["figures"]) == 2
    printed = call(runs / "plain", runs / "better").stdout
    assert "better less plain, sml, 40 problems" in printed
    assert printed.splitlines()[0].split() == [
        "plain", "retry", "plain", "sml", "better", "retry", "better", "sml",
    ]  # fmt: skip


def test_more_problems_than_a_bootstrap_draws_from(runs, monkeypatch):
    monkeypatch.setattr(counting, "MOST", 10)
    few = counting.inspected(str(runs / "plain"))
    assert all(len(scores.problems) == 10 for scores in few.scores.values())
    assert few.scores["sml"].problems == few.scores["retry"].problems
    assert few.curves["retry"][1].value == pytest.approx(0.75)  # counted over all
    assert few.curves["retry"][1].low < 0.75


def test_the_page_is_one_file_and_says_what_was_counted(runs, tmp_path):
    page, picture = tmp_path / "report.html", tmp_path / "curves.png"
    call(runs / "plain", runs / "better", "--html", page, "--png", picture)
    text = page.read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|@import|<script""", text)
    assert "sml over retry" in text and "better" in text and "<svg" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_a_corpus_says_is_text_in_the_page_and_harmless_in_the_terminal(tmp_path):
    one = row("a")
    one["source"] = "<script>alert(1)</script>\x1b]0;x\x07"
    one["models"]["student"] = "<img src=x onerror=alert(1)>\u202e"
    published(tmp_path / "run", [one])
    page = tmp_path / "page.html"
    printed = call(tmp_path / "run", "--html", page).stdout
    assert "\x1b" not in printed and "\u202e" not in printed
    text = page.read_text()
    assert "<script" not in text and "<img" not in text and "\u202e" not in text


def test_message_figures_are_those_counted_by_hand(tmp_path):
    made = [row("a", solved=2), row("b", solved=None), row("c", solved=1, finish="length")]
    made[0]["trail"][3]["leak"] |= {"kind": "number", "action": "marked"}
    made[1]["primed_turns"] = [2]
    place = next(i for i, k in enumerate(made[1]["trail"]) if k["turn"] == 2)
    made[1]["trail"][place] |= {"act": "question", "move": "clarification"}
    made[1]["trail"][place]["leak"] |= {"kind": "string", "action": "regenerated"}
    published(tmp_path, made, rows_a_file=1)
    arm = figures(str(tmp_path))["arms"]["sml"]
    counted = {name: arm[name] for name in ("attempts", "cut_at_length", "questions")}
    assert counted == {"attempts": 6, "cut_at_length": 1, "questions": 1}
    assert (arm["later_attempts"], arm["repeated_wrong_answers"]) == (3, 2)
    assert (arm["gated_messages"], arm["gated_with_a_leaking_draft"]) == (5, 2)
    assert arm["leaks_that_stand"] == 1
    assert arm["forms"] == {"hint": 4} and sum(arm["moves"].values()) == 7


def test_a_sparkline_goes_from_none_to_all():
    assert sparkline([0, 0.24, 0.5, 1.0]) == "▁▂▅█"


def test_a_filtered_run_is_said_to_be_no_fair_sample(runs, tmp_path):
    late = tmp_path / "late"
    asked = ["filter", runs / "plain", "--solved-turn", "2..4", "--no-cut", "--break-groups"]
    CliRunner().invoke(cli, [*map(str, asked), "--out", str(late)], catch_exceptions=False)
    page = tmp_path / "page.html"
    printed = call(runs / "plain", late, "--html", page).stdout
    assert "late was filtered (solved-turn): its shares are of what was kept" in printed
    assert "plain was filtered" not in printed
    assert "late was filtered by solved-turn" in page.read_text()
