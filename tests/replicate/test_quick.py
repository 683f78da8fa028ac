"""The whole chain at its smallest, with vLLM and the trainer: pretrained, taught, measured, judged."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam  # noqa: F401 - imported first, its graphs cost less (tests/graphs.py)
import pytest
from click.testing import CliRunner

from proc import descendants
from sampled import off
from tutelage import models
from tutelage.cli import cli
from tutelage.evaluate import report
from tutelage.replicate import claims, stages, summary
from tutelage.replicate.scale import QUICK
from tutelage.replicate.toy import Toy
from tutelage.settings import Settings
from tutelage.shards import read_rows

pytestmark = pytest.mark.vllm


class Nobody:
    def __call__(self, args, environment):
        raise AssertionError(args)

    def stopped(self):
        return False


@pytest.fixture(scope="module", autouse=True)
def few_words() -> Iterator[None]:
    """A student that has learnt nothing wastes each turn that it gets, and every word."""
    true = Toy.settings

    def brief(toy: Toy, corpora: Sequence[str], model: Path, **options: Any) -> Settings:
        chosen = true(toy, corpora, model, **options)
        student = chosen.student.model_copy(update={"max_tokens": 4})
        vllm = chosen.vllm.model_copy(update={"gpu_memory_utilization": 0.25})  # one of several
        return chosen.model_copy(update={"student": student, "vllm": vllm})

    with pytest.MonkeyPatch.context() as patch:
        for module in (stages, summary):
            patch.setattr(module, "HORIZON", 5)
        patch.setattr(Toy, "settings", brief)
        yield


@pytest.fixture(scope="module")
def said(few_words: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder of a replication, and what the command said."""
    out = tmp_path_factory.mktemp("replicate") / "toy"
    words = ["replicate", "toy", "--quick", "--out", str(out)]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out, result.output


@pytest.fixture(scope="module")
def toy(said: tuple[Path, str]) -> Toy:
    return Toy(said[0], QUICK, 0, lambda words: None, Nobody())


@pytest.fixture(scope="module")
def tree(toy: Toy) -> dict:
    return json.loads((toy.out / "report.json").read_text())


def test_every_step_ran_and_its_seconds_are_on_the_page(toy, tree):
    assert list(tree["seconds"]) == [name for name, _ in stages.steps(toy)]
    page = (toy.out / "report.html").read_text()
    for step, seconds in summary.timings(tree["seconds"]):
        assert f"<td>{step}</td>" in page and f"{sum(seconds):.0f}</td>" in page


def test_one_server_plays_with_the_weights_of_each_model(toy, said):
    """To the numbers that it drew, after each swap; it was started once and is gone."""
    for name, other in (("base-0", "base-5"), ("base-5", "base-0")):
        run, folder = toy.out / "reports/web/runs" / name, toy.models / name
        assert off(str(folder), run) < 1e-4 < off(str(toy.models / other), run)
        rows = list(read_rows(str(run)))
        assert {row["models"]["student"] for row in rows} == {str(folder)}
        assert {row["models"]["revision"] for row in rows} == {models.revision(str(folder))}
    assert said[1].count("starting vLLM") == 1
    own = str(toy.out).encode()
    assert not [pid for pid in descendants(os.getpid()) if own in commanded(pid)]


def commanded(pid: int) -> bytes:
    """The command line of a process; a server's names the model that it began with."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


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
