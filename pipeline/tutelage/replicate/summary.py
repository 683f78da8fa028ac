"""The page of a replication: its reports, two further figures, and the table of claims.

    OUT/report.json, report.html      the table of claims; every figure from OUT/reports and the probe
    OUT/curves.png                    solved by turn on A and on B, as in the README

The further figures are the gain beyond the last turn of the training, and the gold probe.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tutelage import __version__, intervals
from tutelage.evaluate import page, plots, probe, report
from tutelage.evaluate.conditions import conditions
from tutelage.evaluate.figures import plain
from tutelage.evaluate.scores import scores
from tutelage.replicate import claims
from tutelage.replicate.stages import evaluations, weights
from tutelage.replicate.toy import ARMS, HORIZON, TURNS, Toy

Tree = dict[str, Any]
_PROBED = ("base", "mt-sft", "mt-rl")
_SHOWN = ("base", "st-sft", "mt-sft", "mt-rl")
TITLES = {
    "toy-a": "Family A, trained on",
    "toy-b": "Family B, never trained on",
    "toy-c in shards": "Family C, underspecified",
}
_LEARNT_FROM = {
    "base": "pretraining alone, on a web where three students in ten listen",
    "st-sft": "problem and gold answer, as many trained tokens as mt-sft",
    "mt-sft": "dialogues over at most four turns that the base solved",
    "q-sft": "the same with Q-priming, and problems in pieces among them",
    "st-rl": "GRPO over one turn, from the base, groups of 8",
    "st-rl-32": "the same with groups of 32",
    "mt-rl": "GRPO over four turns, from mt-sft, groups of 8",
    "q-rl": "the same from q-sft",
}
_SEED = re.compile(r"^seed-\d+/")


def write(toy: Toy) -> Tree:
    """Writes the page from the existing reports; claims without a report stay open.

    Raises:
        Mistake: the main report does not exist.
    """
    reports = toy.out / "reports"
    names = [
        each.name for each in evaluations(toy) if (reports / each.name / "report.json").is_file()
    ]
    trees = {name: report.stored(str(reports / name)).tree for name in names or ["main"]}
    extended: Tree = {"main": trees["main"] | {"beyond": beyond(reports / "main")}}
    extended["probe"] = probed(toy)
    judged = claims.judge(trees | extended)
    tree: Tree = {
        "schema_version": "replication.v1",
        "code_version": __version__,
        "claims": list(claims.rows(judged)),
        "beyond": extended["main"]["beyond"],
        "probe": extended["probe"],
        "scale": {name: getattr(toy.scale, name) for name in toy.scale.__slots__},
        "seed": toy.seed,
        "sets": sets(trees),
        "signal": signal(toy),
        "seconds": _seconds(toy.out),
    }
    for name, figures in tree["sets"].items():
        plots.save(figures, name, toy.out / f"{name.replace(' ', '-')}.png")
    titled_sets = {
        TITLES[name]: tree["sets"][name] for name in ("toy-a", "toy-b") if name in tree["sets"]
    }
    plots.overview(titled_sets, _SHOWN, toy.out / "curves.png")
    text = json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (toy.out / "report.json").write_text(text, "utf-8")
    (toy.out / "report.html").write_text(render(tree, names), "utf-8")
    return tree


def sets(trees: Mapping[str, Tree]) -> Tree:
    """The evaluation sets on the page: families A, B and C."""
    set_groups = [trees[name]["sets"] for name in ("main", "transfer", "pieces") if name in trees]
    return {name: figures for by_name in set_groups for name, figures in by_name.items()}


def beyond(folder: Path) -> Tree:
    """By set and model: solved by the last turn minus solved by the last turn of the training."""
    by_set: Tree = {}
    for condition in conditions(report.stored(str(folder)).played()):
        turn_scores = scores(condition.seeds, HORIZON)
        difference = intervals.difference(
            turn_scores.at(HORIZON), turn_scores.at(TURNS), same_seeds=True
        )
        by_set.setdefault(condition.set, {})[condition.model] = plain(difference)
    return by_set


def signal(toy: Toy) -> Tree:
    """By arm of RL: the groups played, and those whose returns differ (the others teach nothing)."""
    by_arm: Tree = {}
    for arm in ARMS:
        files = sorted(toy.out.glob(f"seed-*/{arm}/rounds.jsonl"))
        lines = [
            json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()
        ]
        rounds = [line for line in lines if "groups" in line]
        if rounds:
            by_arm[arm] = {
                name: sum(x[name] for x in rounds) for name in ("groups", "groups_compared")
            }
    return by_arm


def probed(toy: Toy) -> Tree:
    """The gold probe on the base's unsolved dialogues in family A."""
    stored = report.stored(str(toy.out / "reports" / "main"))
    base_runs = [run for run in stored.played() if run.model == "base"]
    cells = [condition for condition in conditions(base_runs) if condition.set == "toy-a"]
    students = {student: weights(toy, student) for student in _PROBED}
    return dict(probe.of_models(cells, students, toy.scale.probe)["toy-a"])


def render(tree: Mapping[str, Any], names: list[str]) -> str:
    """The page of a replication."""
    pictures = {
        name: {scheme: plots.svg(of, scheme, name) for scheme in ("light", "dark")}
        for name, of in tree["sets"].items()
    }
    tally = {
        word: sum(line["verdict"] == word for line in tree["claims"])
        for word in (claims.REPRODUCED, claims.NOT, claims.OPEN)
    }
    return str(
        _template().render(
            tree=tree,
            pictures=pictures,
            tally=tally,
            reports=names,
            titles=TITLES,
            arms=_LEARNT_FROM,
            timings=timings(tree["seconds"]),
        )
    )


def timings(seconds: Mapping[str, float]) -> list[tuple[str, list[float]]]:
    """Seconds by step; the seeds of one step share a line."""
    lines: dict[str, list[float]] = {}
    for step, duration in seconds.items():
        lines.setdefault(_SEED.sub("", step), []).append(duration)
    return list(lines.items())


def _seconds(out: Path) -> dict[str, float]:
    files = sorted((out / "steps").glob("*.json"), key=lambda file: file.stat().st_mtime)
    lines = [json.loads(file.read_text("utf-8")) for file in files]
    return {line["step"]: line["seconds"] for line in lines}


@cache
def _template() -> Any:
    import jinja2

    loader = jinja2.ChoiceLoader(
        [
            jinja2.PackageLoader("tutelage.replicate", "."),
            jinja2.PackageLoader("tutelage.evaluate", "."),
        ]
    )
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {"interval": page.interval}
    return environment.get_template("replication.html.j2")
