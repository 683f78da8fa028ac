"""`tutelage plan`: beside the truth of the run that it was for."""

import json
import random

import pytest
from click.testing import CliRunner

from runs import scripted
from tutelage.cli.inspect import command as inspect
from tutelage.cli.plan import command
from tutelage.errors import SettingsError
from tutelage.flow import run
from tutelage.session import estimate
from tutelage.session.estimate import Range
from tutelage.session.shard_sizes import ShardSizes
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
    for name in ("calls", "prompt", "completion", "journal_bytes", "shard_bytes"):
        assert plan[name]["value"] == pytest.approx(truth[name], rel=0.2), name
    assert plan["calls"]["low"] < plan["calls"]["value"] < plan["calls"]["high"]
    assert plan["hours"]["value"] == pytest.approx(plan["completion"]["value"] / 500 / 3600)
    assert plan["cost"]["value"] == pytest.approx(plan["hours"]["value"] * 2, rel=0.05)
    table = planned(*words)
    assert "120 rows, 120 problems to be played, 240 dialogues" in table
    assert "give prices.engine_hour" in table
    assert "give --tokens-per-s or --true" in planned(*words[:5])


def word_problems(path, count):
    """A file as GSM8K has them: long statements that have little in common, worked solutions."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abdeiklmnorstu", k=draw.randint(2, 9))) for _ in range(2000)]
    with path.open("w") as file:
        for _ in range(count):
            a, b = draw.randint(2, 99), draw.randint(2, 99)
            story = " ".join(draw.choices(words, k=draw.randint(20, 70)))
            steps = f"{a} and {b} are <<{a}+{b}={a + b}>>{a + b}.\n#### {a + b}"
            record = {"question": f"{story}: how many are {a} and {b}?", "answer": steps}
            file.write(json.dumps(record) + "\n")
    return str(path)


@pytest.mark.parametrize("count", [160, 300])
def test_bytes_of_shards_are_foreseen_from_forty_problems(count, tmp_path):
    file = word_problems(tmp_path / "problems.jsonl", count) if count == 300 else ""
    corpus = file or f"starter?size={count}"
    run(scripted(corpora=(corpus,)), str(tmp_path / "run"))
    output = planned(corpus, "--sample", "40", "--beside", str(tmp_path / "run"), "--json")
    plan, truth = json.loads(output)["plan"], json.loads(output)["truth"]
    assert truth["shard_bytes"] > 60_000
    assert plan["shard_bytes"]["value"] == pytest.approx(truth["shard_bytes"], rel=0.2)


def test_sizes_of_shards_grow_by_files_as_well_as_by_rows():
    sizes = ShardSizes(fixed=1000.0, slope=0.1, gain=0.0, text=100.0, shares=(0.75, 0.25))
    assert sizes.total(100, 1000) == 2 * 1000 + 100 * 10
    assert sizes.total(100, 25) == 4 * 1000 + 100 * 10
    assert ShardSizes.of([], 3).total(100, 1000) == 0


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
    whole = estimate.estimate(sums, RunFolder(tmp_path), 9e3, 100, 150, 0.0, settings)
    assert whole.prompt.value == 100 * 30 and whole.hours is None
    assert whole.shard_bytes.value == 9e3
    assert Range(1, 0, 2) + Range(1, 1, 1) * 2 == Range(3, 2, 4)
