"""The run's card: a README that people read, whose front matter the hub and `datasets` read.

Generated and derived runs have the same card: everything in it is in the manifest, the settings and
the shards.
"""

import re
from typing import Any

from tutelage.contract import DISCOUNT
from tutelage.dedup.splits import HELD
from tutelage.session.contents import Contents, contents
from tutelage.settings import Settings
from tutelage.shards import RunFolder

_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
)  # fmt: skip
"""(rows, the hub's name for fewer rows than that)."""
_LICENCES = frozenset((
    "apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "bsd-2-clause", "bsd-3-clause", "odc-by",
    "odbl", "gpl-3.0", "lgpl-3.0", "mpl-2.0", "unlicense", "openrail", "unknown",
))  # fmt: skip
"""Ids of licences that the hub accepts; any other licence is `other`."""

_CARD = """---
{front}
---

# Dialogues of run `{run_id}`

Teacher-student dialogues over {corpora}, written by Tutelage: a student attempts a problem, a
verifier judges each attempt, and a teacher who knows the answer says something about a wrong one
without giving it away (Social Meta-Learning, [arXiv:2602.16488](https://arxiv.org/abs/2602.16488)).

| | |
|---|---|
| student | `{student}` |
| teacher | `{teacher}` |
| arms, samples, turns | {arms}; {samples}; {turns} |
| problems in | {input} = {kept} kept + {filtered} filtered + {duplicate} duplicate + {dead} dead |
| dialogues | {dialogues} kept, of which {solved} solved and {near} near-duplicates |
| splits | {splits} |
| evaluation sets | {evaluations} |

## How to load it

```python
from datasets import load_dataset

sft = load_dataset("PATH OR HUB ID", "sft")  # solved, no near-duplicates
rl = load_dataset("PATH OR HUB ID", "rl")    # whole groups, failures included
```

`messages` is for trainers as it is: the student is the assistant, the teacher the user. `trail` has,
message by message, who spoke, the verdict, the leak, whether to train on it, and the sampled tokens
with their log-probabilities. Trained plainly, `messages` teaches the hints as well: use
`trail[].train`, or `tutelage export`.

## Solved, by turn
{by_turn}
## Sources

| source | domain | licence | problems | dialogues |
|---|---|---|---|---|
{sources}

Licences are those of the problems (column `licence`); the words of students and teachers are the
models', whose own terms may apply.

## Limits

- A verdict is a program's: an answer in a form that it does not know is counted as wrong or unjudged.
- Hints were checked for the answer; what a check missed, or was told to leave, has `leak.any`.
- A dialogue that was solved may hold wrong steps that came out right.
- `gold` and `privileged_context` are what no student may see: never put them into its prompt.
{example}"""


def render(settings: Settings, manifest: dict[str, Any], folder: RunFolder) -> str:
    """The card of a published run with its shards in `folder`."""
    files, rows = manifest["files"], contents(folder)
    balance, dialogues = manifest["balance"], manifest["dialogues"]
    return _CARD.format(
        front="\n".join(front_matter(rows, manifest, files)),
        run_id=manifest["run_id"],
        corpora=", ".join(f"`{spec}`" for spec in settings.shaping()["corpora"]) or "problems",
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
        by_turn=_by_turn(manifest),
        sources="\n".join(
            f"| {_cell(s.name)} | {_cell(s.domain)} | {_cell(s.licence)} | {s.problems} | "
            f"{s.dialogues} |"
            for s in rows.sources
        ),
        example=_example(rows),
        **balance,
    )


def front_matter(rows: Contents, manifest: dict[str, Any], files: dict[str, int]) -> list[str]:
    """The YAML that the hub reads: licence, language, task, size, configurations."""
    ids = {s.licence.lower() for s in rows.sources} or {"unknown"}
    licences = sorted({name if name in _LICENCES else "other" for name in ids})
    total = manifest["dialogues"]["kept"]
    size = next((name for most, name in _SIZES if total < most), "n>1T")
    lines = ["pretty_name: " + f"Tutelage dialogues {manifest['run_id']}"]
    lines += ["license:", *(f"- {name}" for name in licences)]
    if rows.english:
        lines += ["language:", "- en"]
    lines += ["task_categories:", "- text-generation", "size_categories:", f"- {size}"]
    lines += ["tags:", "- tutelage", "- synthetic", "- social-meta-learning", "- language-feedback"]
    configs = _config("rl", "*", files) + _config("sft", "solved-*", files)
    return lines + (["configs:", *configs] if configs else [])


def _by_turn(manifest: dict[str, Any]) -> str:
    kept, reached = manifest["dialogues"]["kept"], 0
    lines = []
    for turn, count in sorted((int(t), n) for t, n in manifest["solved_at"].items()):
        reached += count
        lines.append(f"| {turn} | {count} | {reached / kept:.1%} | {DISCOUNT ** (turn - 1):.3g} |")
    if not lines:
        return "\nNone was solved.\n"
    head = ["", "| turn | solved at it | solved by it | return |", "|---|---|---|---|"]
    return "\n".join([*head, *lines, ""])


def _example(rows: Contents) -> str:
    """One dialogue, in a fence that nothing in it can close."""
    if not rows.example:
        return ""
    text = "\n\n".join(f"{who}\n{words}" for who, words in rows.example)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"\n## One dialogue\n\n{fence}text\n{text}\n{fence}\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


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
