"""The whole chain at its smallest, with vLLM and the trainer: pretrained, taught, measured, judged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tutelage.cli import cli
from tutelage.evaluate import report
from tutelage.replicate import claims, stages, summary
from tutelage.replicate.scale import QUICK
from tutelage.replicate.toy import Toy

pytestmark = pytest.mark.vllm


class Nobody:
    def __call__(self, args, environment):
        raise AssertionError(args)

    def stopped(self):
        return False


@pytest.fixture(scope="module", autouse=True)
def few_turns() -> Iterator[None]:
    """A student that has learnt nothing wastes each turn that it gets."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (stages, summary):
            patch.setattr(module, "HORIZON", 5)
        yield


@pytest.fixture(scope="module")
def toy(few_turns: None, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    out = tmp_path_factory.mktemp("replicate") / "toy"
    words = ["replicate", "toy", "--quick", "--out", str(out)]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return Toy(out, QUICK, 0, lambda words: None, Nobody())


@pytest.fixture(scope="module")
def tree(toy: Toy) -> dict:
    return json.loads((toy.out / "report.json").read_text())


def test_every_step_ran_and_its_seconds_are_on_the_page(toy, tree):
    assert list(tree["seconds"]) == [name for name, _ in stages.steps(toy)]
    page = (toy.out / "report.html").read_text()
    for step, seconds in summary.timings(tree["seconds"]):
        assert f"<td>{step}</td>" in page and f"{sum(seconds):.0f}</td>" in page


def test_every_number_of_the_table_is_derived_again_from_the_shards(toy, tree):
    folder = toy.out / "reports"
    trees = {one.name: report.again(folder / one.name) for one in stages.evaluations(toy)}
    assert json.loads(json.dumps(summary.sets(trees))) == tree["sets"]
    trees["main"] |= {"beyond": summary.beyond(folder / "main")}
    trees["probe"] = summary.probed(toy)
    lines = list(claims.rows(claims.judge(trees)))
    assert json.loads(json.dumps(lines)) == tree["claims"]


def test_a_finished_replication_is_not_played_again(toy):
    before = {file: file.stat().st_mtime_ns for file in toy.out.rglob("*.parquet")}
    words = ["replicate", "toy", "--quick", "--out", str(toy.out)]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert before == {file: file.stat().st_mtime_ns for file in toy.out.rglob("*.parquet")}
    assert Path(toy.out / "report.html").is_file()
