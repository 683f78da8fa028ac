"""What a replication says: its reports, two figures more, the table of claims, one page.

    OUT/report.json, report.html      the table of claims; every figure from OUT/reports and the probe
    OUT/curves.png                    solved by turn on A and on B, as README shows it

The two more: what is gained beyond the last turn of the training, and the gold probe.
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
    """Writes the page from the reports that are there; a claim whose report is not stays open.

    Raises:
        Mistake: not even the main report is there.
    """
    reports = toy.out / "reports"
    names = [one.name for one in evaluations(toy) if (reports / one.name / "report.json").is_file()]
    trees = {name: report.stored(str(reports / name)).tree for name in names or ["main"]}
    more: Tree = {"main": trees["main"] | {"beyond": beyond(reports / "main")}}
    more["probe"] = probed(toy)
    judged = claims.judge(trees | more)
    tree: Tree = {
        "schema_version": "replication.v1",
        "code_version": __version__,
        "claims": list(claims.rows(judged)),
        "beyond": more["main"]["beyond"],
        "probe": more["probe"],
        "scale": {name: getattr(toy.scale, name) for name in toy.scale.__slots__},
        "seed": toy.seed,
        "sets": sets(trees),
        "signal": signal(toy),
        "seconds": _seconds(toy.out),
    }
    for name, of in tree["sets"].items():
        plots.save(of, name, toy.out / f"{name.replace(' ', '-')}.png")
    shown = {
        TITLES[name]: tree["sets"][name] for name in ("toy-a", "toy-b") if name in tree["sets"]
    }
    plots.overview(shown, _SHOWN, toy.out / "curves.png")
    text = json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (toy.out / "report.json").write_text(text, "utf-8")
    (toy.out / "report.html").write_text(render(tree, names), "utf-8")
    return tree


def sets(trees: Mapping[str, Tree]) -> Tree:
    """The evaluation sets that the page shows: families A, B and C."""
    shown = [trees[name]["sets"] for name in ("main", "transfer", "pieces") if name in trees]
    return {name: of for by_name in shown for name, of in by_name.items()}


def beyond(folder: Path) -> Tree:
    """By set and model: solved by the last turn less by the last turn of the training."""
    by_set: Tree = {}
    for condition in conditions(report.stored(str(folder)).played()):
        of = scores(condition.seeds, HORIZON)
        gained = intervals.difference(of.at(HORIZON), of.at(TURNS), same_seeds=True)
        by_set.setdefault(condition.set, {})[condition.model] = plain(gained)
    return by_set


def signal(toy: Toy) -> Tree:
    """By arm of RL: groups that were played, and those whose returns differ; only they teach."""
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
    """The gold probe over the base's unsolved dialogues on family A."""
    stored = report.stored(str(toy.out / "reports" / "main"))
    played = [one for one in stored.played() if one.model == "base"]
    cells = [condition for condition in conditions(played) if condition.set == "toy-a"]
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
    """Seconds by step, those of one name under each seed in one line."""
    lines: dict[str, list[float]] = {}
    for step, took in seconds.items():
        lines.setdefault(_SEED.sub("", step), []).append(took)
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
