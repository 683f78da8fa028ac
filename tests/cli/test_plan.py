"""`tutelage plan`: beside the truth of the run that it was for."""

import json

import pytest
from click.testing import CliRunner

from runs import scripted
from tutelage.cli.inspect import command as inspect
from tutelage.cli.plan import command
from tutelage.errors import SettingsError
from tutelage.flow import run
from tutelage.session import estimate
from tutelage.session.estimate import Range
from tutelage.shards import RunFolder, read_rows


def planned(*words):
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_plan_is_near_the_truth(tmp_path):
    run(scripted(corpora=("starter?size=120",), samples=2), str(tmp_path / "run"))
    words = ("starter?size=120", "--samples", "2", "--sample", "60", "--tokens-per-s", "500")
    prices = ("--set", "prices.engine_hour=2", "--set", "prices.gigabyte_month=0.02")
    output = planned(*words, *prices, "--beside", str(tmp_path / "run"), "--json")
    result = json.loads(output)
    plan, truth = result["plan"], result["truth"]
    assert result["rows"] == plan["problems"] == 120 and plan["dialogues"] == 240
    for name in ("calls", "prompt", "completion", "journal_bytes"):
        value = plan[name]["value"] if name in plan else 0
        assert value == pytest.approx(truth[name], rel=0.2), name
    assert plan["calls"]["low"] < plan["calls"]["value"] < plan["calls"]["high"]
    assert plan["hours"]["value"] == pytest.approx(plan["completion"]["value"] / 500 / 3600)
    assert plan["cost"]["value"] == pytest.approx(plan["hours"]["value"] * 2, rel=0.05)
    table = planned(*words)
    assert "120 rows, 120 problems to be played, 240 dialogues" in table
    assert "give prices.engine_hour" in table
    assert "give --tokens-per-s or --true" in planned(*words[:5])


def test_the_plan_of_a_run_stands_beside_the_truth_in_its_report(tmp_path):
    out = str(tmp_path / "run")
    words = ("starter?size=60", "--sample", "30", "--out", out, "--set", "teacher.price_out=10")
    planned(*words)
    run(scripted(corpora=("starter?size=60",)), out)
    sums = estimate.counts(read_rows(out), scripted())
    result = CliRunner().invoke(inspect, [out, "--json"], catch_exceptions=False)
    plan = json.loads(result.output)["plan"]
    for name in ("calls", "prompt", "completion"):
        assert plan[name]["truth"] == sums[name].sum() > 0
        assert plan[name]["ratio"] == plan[name]["truth"] / plan[name]["plan"]["value"]
        assert plan[name]["ratio"] == pytest.approx(1, rel=0.25), name
    written = sum(row["usage"]["teacher"]["completion"] for row in read_rows(out))
    assert plan["cost"]["truth"] == pytest.approx(written * 10 / 1e6)
    page = CliRunner().invoke(inspect, [out], catch_exceptions=False).output
    assert "the plan made before, and the truth" in page and "tokens out" in page
    CliRunner().invoke(
        inspect, [out, "--html", str(tmp_path / "page.html")], catch_exceptions=False
    )
    assert "planned before" in (tmp_path / "page.html").read_text()
    refused = CliRunner().invoke(command, words)
    assert isinstance(refused.exception, SettingsError) and "has begun" in str(refused.exception)


def test_what_is_summed_is_what_rows_say(tmp_path):
    usage = {"prompt": 10, "cached": 4, "completion": 3}
    rows = [
        {
            "problem_id": problem,
            "usage": {"student": usage, "teacher": usage, "judge": None},
            "trail": [{"act": act} for act in ("system", "problem", "attempt", "feedback")],
        }
        for problem in ("a", "a", "b")
    ]
    settings = scripted(teacher__price_in=2.0)
    sums = estimate.counts(rows, settings)
    assert sums["dialogues"].tolist() == [2, 1]
    assert sums["calls"].tolist() == [4, 2] and sums["cached"].tolist() == [16, 8]
    assert sums["bill"].tolist() == pytest.approx([40 / 1e6, 20 / 1e6])
    whole = estimate.estimate(sums, RunFolder(tmp_path), 100, 150, 0.0, settings)
    assert whole.prompt.value == 100 * 30 and whole.hours is None
    assert Range(1, 0, 2) + Range(1, 1, 1) * 2 == Range(3, 2, 4)
