"""The run's card: a README that people read, whose front matter `datasets.load_dataset` reads."""

from typing import Any

from tutelage.dedup.splits import HELD
from tutelage.settings import Settings

_CARD = """---
configs:
{configs}
---

# Dialogues of run `{run_id}`

Teacher-student dialogues over {corpora}, written by Tutelage.

| | |
|---|---|
| student | `{student}` |
| teacher | `{teacher}` |
| arms, samples, turns | {arms}; {samples}; {turns} |
| problems in | {input} = {kept} kept + {filtered} filtered + {duplicate} duplicate + {dead} dead |
| dialogues | {dialogues} kept, of which {solved} solved and {near} near-duplicates |
| splits | {splits} |
| evaluation sets | {evaluations} |

`load_dataset(RUN, "sft")` reads the solved dialogues that are no duplicates;
`load_dataset(RUN, "rl")` reads all of them, whole groups, failures included.
Licences are those of the problems: see the column `licence`.
"""


def render(settings: Settings, manifest: dict[str, Any]) -> str:
    """The card of a published run."""
    files = manifest["files"]
    balance, dialogues = manifest["balance"], manifest["dialogues"]
    return _CARD.format(
        configs="\n".join(_config("rl", "*", files) + _config("sft", "solved-*", files)),
        run_id=manifest["run_id"],
        corpora=", ".join(f"`{spec}`" for spec in settings.shaping()["corpora"]),
        student=settings.student.model,
        teacher=settings.teacher.model or settings.teacher.engine,
        arms=", ".join(settings.arms),
        samples=settings.samples,
        turns=settings.turns,
        dialogues=dialogues["kept"],
        solved=dialogues["solved"],
        near=dialogues["near_duplicates"],
        splits=_splits(manifest["splits"]["dialogues"]),
        evaluations=_evaluations(manifest["decontamination"]),
        **balance,
    )


def _splits(dialogues: dict[str, int]) -> str:
    parts = [f"{name} {count}" for name, count in dialogues.items() if name != HELD]
    if held := dialogues.get(HELD):
        parts.append(f"{held} held back in `shards/{HELD}`, being near-duplicates of two splits")
    return ", ".join(parts) or "none"


def _evaluations(summary: dict[str, Any]) -> str:
    if not summary:
        return "none was compared with"
    names = ", ".join(f"`{name}`" for name in summary["sets"])
    done = "left out" if summary["action"] == "drop" else "kept"
    return f"{names}: {summary['matches']} matching problems {done}, see `contamination.md`"


def _config(name: str, pattern: str, files: dict[str, int]) -> list[str]:
    prefix = pattern.removesuffix("*")
    splits = {
        path.split("/")[1]
        for path in files
        if path.startswith("shards/") and path.split("/")[2].startswith(prefix)
    } - {HELD}
    if not splits:
        return []
    lines = [f"- config_name: {name}", *(["  default: true"] if name == "rl" else [])]
    lines.append("  data_files:")
    for split in sorted(splits):
        lines += [f"  - split: {split}", f"    path: shards/{split}/{pattern}.parquet"]
    return lines
