"""The folder of a report: figures, plots and page, written from the shards of its runs and read
back.

    REPORT/runs/LABEL     one run per model (LABEL-1, LABEL-2 if it has several seeds)
    REPORT/report.json    every figure, the settings, the expectations; schema `report.v1`
    REPORT/report.html    the same as one self-contained page
    REPORT/*.png          the curves of each set

Values that depend on a clock are under `took` and nowhere else.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tutelage import __version__
from tutelage.errors import Mistake, RunFailed
from tutelage.evaluate import cautions, expectations, page, plots
from tutelage.evaluate.conditions import Condition, Played, conditions
from tutelage.evaluate.examples import examples
from tutelage.evaluate.figures import against, figures
from tutelage.seeds import digest
from tutelage.settings import Settings
from tutelage.shards import RunFolder

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """An existing report."""

    folder: Path
    tree: Tree

    def played(self) -> list[Played]:
        """Its runs."""
        return [Played(run["model"], str(self.folder / run["run"])) for run in self.tree["runs"]]


def stored(folder: str) -> Stored:
    """The report in a folder.

    Raises:
        Mistake: there is none.
    """
    file = Path(folder) / "report.json"
    try:
        return Stored(Path(folder), json.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise Mistake(
            f"{folder!r} is no report ({error}): give a folder that `tutelage evaluate` wrote"
        ) from None


def write(
    out: Path,
    settings: Settings,
    played: Sequence[Played],
    wanted: Sequence[expectations.Expectation] = (),
    other: Stored | None = None,
    probed: int = 0,
) -> Tree:
    """Writes the report of these published runs; returns the contents of `report.json`.

    Args:
        other: a report to compare with.
        probed: number of dialogues of each set for the gold probe; 0: none. Loads every model into
            this process.

    Raises:
        Mistake: a run is not published, or an expectation refers to a figure that does not exist.
        RunFailed: no dialogue ended.
    """
    cells = conditions(played)
    if not cells:
        raise RunFailed(
            f"no dialogue of {out} ended: see its rejects by `tutelage inspect {played[0].run}`"
        )
    tree = derived(cells, settings.turns)
    if other is not None:
        tree["against"] = {
            "report": other.folder.name,
            "lines": against(cells, conditions(other.played()), settings.turns),
        }
    tree |= {
        "schema_version": "report.v1",
        "code_version": __version__,
        "settings": settings.model_dump(mode="json"),
        "runs": [_run(out, run) for run in played],
    }
    if probed:
        from tutelage.evaluate import probe  # imports torch

        tree["probe"] = probe.of_models(cells, _students(tree["runs"]), probed)
    tree["warnings"] = list(cautions.of_report(tree))
    tree["expectations"] = [
        asdict(outcome) for each in wanted for outcome in expectations.judge(each, tree)
    ]
    tree["took"] = {run.run: _took(run) for run in played}
    tree["plots"] = {}
    for name, figures_of_set in tree["sets"].items():
        png = f"curves-{digest(name, size=8)}.png"
        plots.save(figures_of_set, name, out / png)
        tree["plots"][name] = png
    text = json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (out / "report.json").write_text(text, "utf-8")
    (out / "report.html").write_text(page.render(tree, out.name), "utf-8")
    return tree


def derived(cells: Sequence[Condition], turns: int) -> Tree:
    """What depends on the dialogues alone: figures, and dialogues in which two conditions differ."""
    return figures(cells, turns) | {"examples": list(examples(cells))}


def again(folder: Path) -> Tree:
    """`derived` of an existing report, from its shards."""
    existing = stored(str(folder))
    return derived(conditions(existing.played()), existing.tree["settings"]["turns"])


def _students(runs: Sequence[Tree]) -> dict[str, list[str]]:
    """Label -> models, one per training seed."""
    students: dict[str, list[str]] = {}
    for run in runs:
        students.setdefault(run["model"], []).append(run["student"])
    return students


def _run(out: Path, played: Played) -> Tree:
    folder = RunFolder(Path(played.run))
    manifest, run = folder.read_json("manifest.json"), folder.read_json("run.json")
    return {
        "model": played.model,
        "student": run["settings"]["student"]["model"] or run["settings"]["student"]["engine"],
        "run": Path(played.run).relative_to(out).as_posix(),
        "run_id": manifest["run_id"],
        "balance": manifest["balance"],
        "kept": manifest["dialogues"]["kept"],
        "dead": manifest["dialogues"]["dead"],
        "dead_by_class": dict(_dead(played.run)),
    }


def _dead(run: str) -> Iterator[tuple[str, int]]:
    """Failure classes of failed dialogues, with counts; includes those dropped for a leak."""
    from collections import Counter

    import pyarrow.parquet as pq

    count: Counter[str] = Counter()
    for file in sorted((Path(run) / "rejects").glob("dead-*.parquet")):
        for outcome in pq.read_table(file, columns=["outcome"]).column("outcome").to_pylist():
            count[outcome["reason"].partition(":")[0]] += 1
    yield from sorted(count.items())


def _took(played: Played) -> Tree:
    telemetry = RunFolder(Path(played.run)).read_json("telemetry.json")
    return {name: telemetry.get(name) for name in ("generate_s", "publish_s", "tokens_per_s")}
