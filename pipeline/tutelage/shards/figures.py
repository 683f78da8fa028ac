"""The figures of a run, computed from its shards by SQL that anybody can repeat.

Rates are over the dialogues of one arm unless the name says otherwise. Leak rates are over the
messages that the leak gate checks: a teacher's feedback and the questions of Q-priming. Failed
dialogues are in the rejects and are not counted here; `balance` is copied from the manifest.
"""

from typing import Any

from tutelage.errors import Mistake
from tutelage.shards import message_figures, sql
from tutelage.shards.folder import RunFolder
from tutelage.shards.live import View, viewed
from tutelage.shards.reader import connect

_TOKENS = ",\n       ".join(
    f"sum(usage.{side}.{kind}) AS {side}_{kind}_tokens"
    for side in ("student", "teacher", "judge", "donors")
    for kind in ("prompt", "cached", "completion")
)

_ARMS = f"""
SELECT arm,
       count(*) AS dialogues,
       count(DISTINCT problem_id) AS problems,
       count(outcome.solved_turn) AS solved,
       avg(outcome."return") AS mean_return,
       avg(outcome.turns) AS mean_turns,
       count(duplicate_of) AS near_duplicates,
       count(*) FILTER (WHERE leak."any") AS leaked,
       sum(len(leaks)) AS leaking_drafts,
       sum(len(primed_turns)) AS primed_turns,
       count(*) FILTER (WHERE flaw.false_equation <> '') AS solved_by_a_false_sum,
       count(*) FILTER (WHERE flaw.cut) AS solved_by_a_cut_turn,
       quantile_disc(usage.student.completion, 0.5) AS median_tokens_written,
       quantile_disc(usage.student.completion, 0.9) AS tokens_written_by_nine_of_ten,
       max(usage.student.completion) AS most_tokens_written,
       {_TOKENS}
FROM dialogues GROUP BY arm ORDER BY arm
"""

_SOLVED_AT = """
SELECT arm, outcome.solved_turn AS turn, count(*) FROM dialogues
WHERE outcome.solved_turn IS NOT NULL GROUP BY ALL ORDER BY ALL
"""

_GROUPS = """
SELECT arm, count(*) AS groups, count(*) FILTER (WHERE low = high) AS groups_without_signal
FROM (SELECT arm, group_id, min(outcome."return") AS low, max(outcome."return") AS high
      FROM dialogues GROUP BY arm, group_id)
GROUP BY arm ORDER BY arm
"""

_MAKERS = """
SELECT models.student AS student, models.teacher AS teacher, models.judge AS reader,
       models.revision AS revision, prompts.student AS student_prompt,
       prompts.teacher AS teacher_prompt, prompts.question AS question_prompt,
       prompts.judge AS reader_prompt, count(*) AS dialogues
FROM dialogues GROUP BY ALL ORDER BY dialogues DESC, student, teacher, student_prompt
"""

_SOURCES = "SELECT source, domain, licence, count(*) FROM dialogues GROUP BY ALL ORDER BY ALL"


def figures(run: str) -> dict[str, Any]:
    """All figures of a run, as one JSON-ready tree; of an unpublished run, the figures so far.

    Raises:
        Mistake: `run` is not a run, it has no dialogue yet, or its shards have other columns.
    """
    with viewed(run) as view:
        return figures_of(run, view)


def figures_of(run: str, view: View) -> dict[str, Any]:
    """The figures of a run whose view is open. Raises as `figures` does."""
    import duckdb

    try:
        return _figures(view)
    except duckdb.Error as error:
        words = str(error).splitlines()[0]
        raise Mistake(f"the shards of {run!r} are of another version: {words}") from None


def _figures(view: View) -> dict[str, Any]:
    folder, files = view.folder, list(view.files)
    arms: dict[str, dict[str, Any]] = {}
    sources: list[dict[str, Any]] = []
    makers: list[dict[str, Any]] = []
    if files:
        connection = connect(files)
        for query in (_ARMS, _GROUPS):
            for row in sql.dicts(connection.execute(query)):
                arms.setdefault(row.pop("arm"), {"solved_at": {}}).update(row)
        for name, counts in message_figures.counted(connection, files).items():
            arms[name].update(counts)
        for arm_name, turn, count in connection.execute(_SOLVED_AT).fetchall():
            arms[arm_name]["solved_at"][str(turn)] = count
        makers = sql.dicts(connection.execute(_MAKERS))
        sources = [
            {"source": source, "domain": domain, "licence": licence, "dialogues": count}
            for source, domain, licence, count in connection.execute(_SOURCES).fetchall()
        ]
        connection.close()
    gate = folder.read_json("run.json").get("settings", {}).get("leaks", {}).get("policy")
    for arm in arms.values():
        if gate == "off":
            arm["gated_messages"] = 0
        _rates(arm)
    account = _so_far(view, arms) if view.ended else _published(folder)
    return {
        "state": view.state,
        **account,
        "arms": arms,
        "sources": sources,
        "makers": makers,
        "telemetry": {
            key: value
            for key, value in folder.read_json("telemetry.json").items()
            if key not in ("workers", "schema_version")
        },
    }


def _published(folder: RunFolder) -> dict[str, Any]:
    """The account of a published run, from its manifest."""
    manifest = folder.read_json("manifest.json")
    keys = ("run_id", "balance", "dialogues", "derived")
    return {key: manifest[key] for key in keys if key in manifest}


def _so_far(view: View, arms: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The account of an unpublished run, as far as its journal shows it."""
    ended = view.ended
    dead = ended.get("dead", 0) + ended.get("passing", 0)
    return {
        "run_id": view.folder.read_json("run.json").get("run_id", ""),
        "balance": {
            "input": int(view.folder.read_json("journal/input.json").get("rows", 0)),
            "kept": max((arm["problems"] for arm in arms.values()), default=0),
            **{fate: ended.get(fate, 0) for fate in ("filtered", "duplicate")},
            "dead": dead,
        },
        "dialogues": {"kept": ended.get("kept", 0), "dead": dead},
    }


def _rates(arm: dict[str, Any]) -> None:
    """Adds the rates to the counts of an arm."""
    total, reached = arm["dialogues"], 0
    arm["solve_rate"] = arm["solved"] / total
    arm["solved_by"] = {}
    for turn in range(1, max((int(t) for t in arm["solved_at"]), default=0) + 1):
        reached += arm["solved_at"].get(str(turn), 0)
        arm["solved_by"][str(turn)] = reached / total
    gated = arm.setdefault("gated_messages", 0)
    for name in ("gated_with_a_leaking_draft", "leaks_that_stand", "questions"):
        arm.setdefault(name, 0)
    arm["leak_rate_raw"] = arm["gated_with_a_leaking_draft"] / gated if gated else 0.0
    arm["leak_rate_residual"] = arm["leaks_that_stand"] / gated if gated else 0.0
    later = arm["later_attempts"]
    arm["repeat_rate"] = arm["repeated_wrong_answers"] / later if later else 0.0
