"""Reports of students whose chances are known, and every number in them derived once more."""

import json
import re
import shutil
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tutelage.cli import cli
from tutelage.evaluate import expectations, page, report
from tutelage.evaluate.conditions import conditions, sorted_rows
from tutelage.evaluate.scores import curve, scores
from tutelage.shards import read_rows


def evaluate(out: Path, *words: str) -> Any:
    given = ["evaluate", "starter", "--out", str(out), "--teacher", "scripted", "--quiet", *words]
    return CliRunner().invoke(cli, given, catch_exceptions=True)


def two(out: Path, *words: str, limit: int = 60) -> Any:
    return evaluate(
        out, "--limit", str(limit), "--turns", "4", "--model", "students:Ignoring",
        "--model", "students:Listening", "--arm", "sml,retry,shuffled", *words,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluate") / "report"
    result = two(
        out, "--expect", "lift_over_retry[listening] > 0", "--expect", "lift_over_ignoring@4 > 0",
        "--expect", "accuracy@1 < 0.5",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def tree(done: Path) -> dict[str, Any]:
    return json.loads((done / "report.json").read_text())


def at(tree: Any, path: str) -> Any:
    for part in path.split("/"):
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    return tree


def test_feedback_that_is_used_is_told_from_feedback_that_is_not(tree):
    lifts = {(x["model"], x["over"]): x for x in tree["sets"]["starter"]["lifts"]}
    used, ignored = lifts["listening", "retry"], lifts["ignoring", "retry"]
    for name in ("equal_tokens", "area", "gain"):
        assert used[name]["low"] > 0
        assert ignored[name]["low"] <= 0 <= ignored[name]["high"]
    assert used["by_turn"][0]["value"] == 0, "arms share their first attempts"
    assert used["by_turn"][-1]["p"] <= 0.001 < ignored["by_turn"][-1]["p"]


def test_every_number_is_derived_again_from_the_shards(done, tree):
    again = json.loads(json.dumps(report.again(done)))
    assert {name: tree[name] for name in again} == again


def test_the_figures_are_what_sql_counts(done, tree):
    """By another way: point values of curves, rates, lifts and tokens by plain loops and SQL."""
    for line in tree["sets"]["starter"]["conditions"]:
        rows = [
            row
            for row in read_rows(str(done / "runs" / line["model"]))
            if row["arm"] == line["arm"]
        ]
        assert line["dialogues"] == len(rows)
        for turn in range(1, 5):
            solved = sum((row["outcome"]["solved_turn"] or 99) <= turn for row in rows)
            assert line["curve"][turn - 1]["value"] == pytest.approx(solved / len(rows))
        tokens = sum(row["usage"]["student"]["completion"] for row in rows) / len(rows)
        assert line["rates"]["student_tokens"]["value"] == pytest.approx(tokens)
        later = again = 0
        for row in rows:
            said = [t["verdict"]["extracted"] for t in row["trail"] if t["act"] == "attempt"]
            later += max(0, len(said) - 1)
            again += sum(a == b != "" for a, b in pairwise(said))
        assert line["rates"]["repeat_rate"]["value"] == pytest.approx(again / later)
    lines = {(x["model"], x["arm"]): x for x in tree["sets"]["starter"]["conditions"]}
    for lift in tree["sets"]["starter"]["lifts"]:
        one, other = lines[lift["model"], "sml"], lines[lift["model"], lift["over"]]
        for turn in range(4):
            wanted = one["curve"][turn]["value"] - other["curve"][turn]["value"]
            assert lift["by_turn"][turn]["value"] == pytest.approx(wanted)


def test_every_figure_on_the_page_is_that_of_the_file(done, tree):
    html = (done / "report.html").read_text()
    cells = re.findall(
        r'<td class="figure[^"]*" data-figure="([^"]+)" data-kind="(\w+)">([^<]*)</td>', html
    )
    assert len(cells) > 100
    for path, kind, shown in cells:
        try:
            figure = at(tree, path)
        except KeyError:
            figure = None
        assert shown == page.interval(figure, kind), path


def test_the_page_loads_nothing_and_knows_both_schemes(done):
    html = (done / "report.html").read_text()
    links = re.findall(r'(?:src|href)="([^"#]+)', html)
    assert not [link for link in links if not link.startswith("#")]
    assert "@import" not in html and "url(http" not in html
    assert html.count("<svg") == 2 and "prefers-color-scheme: dark" in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), "two plots share a name"


def test_what_is_written_is_a_run_that_other_commands_read(done):
    shown = CliRunner().invoke(cli, ["inspect", str(done / "runs/listening"), "--json"])
    assert json.loads(shown.output)["arms"]["sml"]["dialogues"] == 60
    ids = [row["dialogue_id"] for run in (done / "runs").iterdir() for row in read_rows(str(run))]
    assert len(ids) == len(set(ids)) == 360


def test_examples_are_where_the_two_part(tree):
    assert len(tree["examples"]) == 10
    for example in tree["examples"]:
        one, other = example["sides"]
        assert (one["model"], other["model"]) == ("ignoring", "listening")
        assert (one["solved_turn"] is None) != (other["solved_turn"] is None)


def test_evaluated_twice_it_says_the_same(done, tree):
    kept = {file: file.stat().st_mtime_ns for file in done.rglob("*.parquet")}
    assert two(done).exit_code == 0
    assert kept == {file: file.stat().st_mtime_ns for file in done.rglob("*.parquet")}, (
        "played anew"
    )
    again = json.loads((done / "report.json").read_text())
    assert again["sets"] == tree["sets"]


def test_an_evaluation_that_was_cut_short_goes_on(done, tree, tmp_path):
    out = tmp_path / "report"
    shutil.copytree(done, out)
    shutil.rmtree(out / "runs/listening")
    (out / "report.json").unlink()
    kept = (out / "runs/ignoring/manifest.json").stat().st_mtime_ns
    assert two(out).exit_code == 0
    assert (out / "runs/ignoring/manifest.json").stat().st_mtime_ns == kept
    again = json.loads((out / "report.json").read_text())
    assert again["sets"] == tree["sets"] and again["examples"] == tree["examples"]


def test_two_reports_are_compared_problem_by_problem(done, tmp_path):
    out = tmp_path / "second"
    result = evaluate(
        out, "--limit", "60", "--turns", "4", "--model", "ignoring=students:Listening",
        "--against", str(done),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = json.loads((out / "report.json").read_text())["against"]["lines"]
    assert [(x["arm"], x["model"], x["other"]) for x in lines] == [
        ("sml", "ignoring", "ignoring"), ("retry", "ignoring", "ignoring"),
    ]  # fmt: skip
    assert lines[0]["by_turn"][-1]["low"] > 0 and lines[0]["by_turn"][-1]["problems"] == 60
    assert "Against report" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("lift_over_retry[listening] > 0", "holds"),
        ("lift_over_retry[listening] < 0", "fails"),
        ("accuracy@1[listening] > 0.2", "cannot be told"),
        ("lift_over_retry@tokens[listening] on starter >= 0.05", "holds"),
        ("question_rate <= 0", "cannot be told"),
    ],
)
def test_an_expectation_is_held_against_the_interval(tree, text, verdict):
    outcomes = expectations.judge(expectations.read(text), tree)
    assert verdict in {outcome.verdict for outcome in outcomes}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("lift_over_retry[listening] < 0", "fails"), ("question_rate <= 0", "cannot be told")],
)
def test_an_expectation_decides_the_exit_status(done, text, verdict):
    """It stands among others that hold; the fixture's all did."""
    result = two(done, "--expect", "lift_over_retry[listening] > 0", "--expect", text)
    assert result.exit_code == 1
    assert ": holds for " in result.output and f": {verdict} for " in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--expect", "lift_over_retry"), "wants FIGURE"),
        (("--expect", "repeat_rat > 0"), "nearest is 'repeat_rate'"),
        (("--expect", "accuracy@soon > 0"), "wanted a turn"),
        (("--model", "a=students:ByTurn", "--model", "a=scripted"), "two models are called a"),
        (("--model", "=x"), "--model wants"),
        (("--against", "nowhere"), "is no report"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_played(tmp_path, words, told):
    result = evaluate(tmp_path / "report", "--model", "b=students:Ignoring", *words)
    assert told in str(result.exception)
    assert not (tmp_path / "report").exists()


def test_an_expectation_of_what_was_not_played_is_a_mistake(tree):
    with pytest.raises(Exception, match="no such figure"):
        expectations.judge(expectations.read("lift_over_blind > 0"), tree)


def test_seeds_of_one_training_are_one_model(tmp_path):
    out = tmp_path / "report"
    result = evaluate(
        out, "--limit", "20", "--turns", "4", "--arm", "sml",
        "--model", "pair=students:Ignoring,students:Listening",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    written = json.loads((out / "report.json").read_text())
    (line,) = written["sets"]["starter"]["conditions"]
    assert (line["seeds"], line["problems"], line["dialogues"]) == (2, 20, 40)
    assert [run["run"] for run in written["runs"]] == ["runs/pair-1", "runs/pair-2"]
    assert line["curve"][-1]["high"] - line["curve"][-1]["low"] > 0.5, "two seeds that differ"


def test_a_known_student_is_recovered_in_as_many_evaluations_as_intervals_claim(tmp_path):
    """One run of 40 samples a problem is 40 evaluations: each sample number is one of them.

    `test_scores.py` has more of them, of simulated students; here they are played.
    """
    out = tmp_path / "report"
    result = evaluate(
        out, "--limit", "30", "--samples", "40", "--turns", "4", "--arm", "sml",
        "--model", "students:ByTurn",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    truth = 1 - np.cumprod(1 - np.array([0.10, 0.20, 0.15, 0.30]))
    by_sample = defaultdict(list)
    for condition in conditions(report.stored(str(out)).played()):
        for row in condition.rows:
            by_sample[row["sample"]].append(row)
    assert len(by_sample) == 40
    inside = np.zeros(4)
    for rows in by_sample.values():
        (condition,) = sorted_rows([("a", rows)])
        points = curve(scores(condition.seeds, 4))
        inside += [right in point for right, point in zip(truth, points, strict=True)]
    assert inside.mean() >= 0.92 * 40 and inside.min() >= 0.87 * 40, inside
