"""The rules of questions, controls and leaks, checked by SQL over the shards of a true run."""

import pytest

from tutelage import settings as settings_room
from tutelage.flow import run
from tutelage.shards.figures import figures
from tutelage.shards.reader import table

ARMS = ("sml", "retry", "shuffled", "blind", "single")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arms")
    settings = settings_room.load(
        corpora=("starter",),
        limit=60,
        samples=2,
        arms=ARMS,
        q_priming__enabled=True,
        student__engine="scripted",
        teacher__engine="scripted",
    )
    run(settings, str(folder))
    return folder


@pytest.fixture(scope="module")
def sql(done):
    connection = table(str(done))
    connection.execute("""
        CREATE VIEW said AS
        SELECT dialogue_id, problem_id, sample, arm, outcome, leaks, primed_turns, donors,
               len(trail) AS length, unnest(messages) AS m, unnest(trail) AS t,
               unnest(range(len(trail))) AS place
        FROM dialogues
    """)
    return lambda query: connection.execute(query).fetchall()


def test_every_arm_has_every_problem_and_sample(sql):
    counts = sql("SELECT arm, count(*), count(DISTINCT problem_id) FROM dialogues GROUP BY arm")
    assert sorted(counts) == sorted((arm, 120, 60) for arm in ARMS)


def test_arms_share_their_first_attempts(sql):
    # Where the first turn was replaced by a question, the attempt is in replaced_attempts.
    assert sql("""
        SELECT max(n) FROM (
            SELECT count(DISTINCT first) AS n FROM (
                SELECT problem_id, sample, CASE WHEN list_contains(primed_turns, 1)
                    THEN replaced_attempts[1].content
                    ELSE list_filter(messages, lambda m: m.role = 'assistant')[1].content
                    END AS first
                FROM dialogues)
            GROUP BY problem_id, sample)
    """) == [(1,)]


def test_dialogues_end_at_the_first_correct_attempt_or_at_the_last_turn(sql):
    assert sql("""
        SELECT count(*) FROM said
        WHERE t.verdict.status = 'correct' AND (place <> length - 1 OR outcome.status <> 'solved'
              OR outcome.solved_turn <> t.turn)
    """) == [(0,)]
    assert sql("""
        SELECT count(*) FROM dialogues
        WHERE outcome.status = 'exhausted'
          AND outcome.turns <> CASE WHEN arm = 'single' THEN 1 ELSE 4 END
    """) == [(0,)]


def test_returns_are_discounted(sql):
    assert sql("""
        SELECT count(*) FROM dialogues
        WHERE abs(outcome."return" - coalesce(0.7 ** (outcome.solved_turn - 1), 0)) > 1e-9
    """) == [(0,)]


def test_primed_turns_are_questions_whose_wrong_attempts_are_kept(sql):
    assert sql("SELECT count(*) > 20 FROM dialogues WHERE len(primed_turns) > 0") == [(True,)]
    assert sql("""
        SELECT count(*) FROM dialogues
        WHERE primed_turns <> list_transform(replaced_attempts, lambda a: a.turn)
           OR len(list_filter(replaced_attempts, lambda a: a.status <> 'incorrect')) > 0
    """) == [(0,)]
    assert sql("""
        SELECT count(*) FROM said WHERE t.speaker = 'student'
          AND list_contains(primed_turns, t.turn) AND t.act <> 'question'
    """) == [(0,)]
    assert sql("SELECT count(*) FROM dialogues WHERE arm = 'single' AND len(primed_turns) > 0") == [
        (0,)
    ]


def test_questions_have_no_verdict_and_natural_ones_exist(sql):
    assert sql("""
        SELECT count(*) FROM said WHERE t.act = 'question' AND t.verdict.status <> ''
    """) == [(0,)]
    assert sql("""
        SELECT count(*) > 0 FROM said
        WHERE t.act = 'question' AND NOT list_contains(primed_turns, t.turn)
    """) == [(True,)]


def test_every_attempt_was_judged(sql):
    assert sql("""
        SELECT count(*) FROM said WHERE t.act = 'attempt' AND t.verdict.status NOT IN
          ('correct', 'incorrect', 'unjudged')
    """) == [(0,)]


def test_feedback_follows_every_turn_but_the_last(sql):
    assert sql("""
        SELECT count(*) FROM (
            SELECT t.speaker, lead(t.act) OVER (PARTITION BY dialogue_id ORDER BY place) AS after,
                   place, length FROM said)
        WHERE speaker = 'student' AND place < length - 1 AND after <> 'feedback'
    """) == [(0,)]


def test_controls_are_what_they_say(sql):
    assert sql("""
        SELECT count(*) FROM said WHERE arm = 'retry' AND t.act = 'feedback' AND t.form <> 'retry'
    """) == [(0,)]
    assert sql("SELECT count(*) FROM dialogues WHERE arm = 'single' AND outcome.turns > 1") == [
        (0,)
    ]
    assert sql("""
        SELECT count(*) FROM dialogues
        WHERE (arm = 'shuffled') <> (len(donors) = 3) OR list_contains(donors, problem_id)
    """) == [(0,)]


def test_leak_rates_are_over_what_the_gate_looked_at(done, sql):
    arms = figures(str(done))["arms"]
    looked = dict(
        sql("""
        SELECT arm, count(*) FROM said
        WHERE t.act = 'feedback' AND (t.form <> 'retry' OR t.leak.kind <> '')
           OR t.act = 'question' AND list_contains(primed_turns, t.turn) GROUP BY arm
        """)
    )
    assert looked["sml"] > 0
    assert {name: arm["gated_messages"] for name, arm in arms.items()} == {
        name: looked.get(name, 0) for name in arms
    }


def test_what_donors_took_is_counted_apart(sql):
    assert sql("""
        SELECT arm, bool_and((usage.donors.completion > 0) = (outcome.turns > 1)) FROM dialogues
        WHERE arm = 'shuffled' GROUP BY arm
    """) == [("shuffled", True)]
    assert sql("""
        SELECT sum(usage.donors.completion) FROM dialogues WHERE arm <> 'shuffled'
    """) == [(0,)]


def test_every_template_that_was_used_has_its_digest_in_the_row(sql):
    assert sql("""
        SELECT DISTINCT prompts.student <> '', prompts.teacher <> '', prompts.question <> '',
               prompts.judge <> '' FROM dialogues
    """) == [(True, True, True, False)]


def test_forms_are_recorded_and_mixed(sql):
    forms = {form for (form,) in sql("SELECT DISTINCT t.form FROM said WHERE t.act = 'feedback'")}
    assert {"pinpoint", "hint", "counter-example", "remark", "vague", "answer", "retry"} <= forms
    assert "test-output" not in forms  # no code, no test


def test_no_leak_stands_and_the_caught_ones_are_counted(sql):
    assert sql("""SELECT count(*) FROM dialogues WHERE leak."any" """) == [(0,)]
    assert sql("SELECT sum(len(leaks)) > 0 FROM dialogues") == [(True,)]
    assert sql("""
        SELECT count(*) FROM said
        WHERE t.leak.kind <> '' AND len(list_filter(leaks, lambda l: l.turn = t.turn)) = 0
          AND arm <> 'shuffled'
    """) == [(0,)]


def test_only_students_have_tokens_and_those_who_train_are_students(sql):
    assert sql("""
        SELECT count(*) FROM said WHERE (t.speaker = 'student') <> (len(t.token_ids) > 0)
           OR t.train <> (t.speaker = 'student')
           OR len(t.logprobs) <> CASE WHEN t.act = 'question' AND list_contains(primed_turns, t.turn)
                                      THEN 0 ELSE len(t.token_ids) END
    """) == [(0,)], (
        "a primed question was sampled after another prompt: it has no log-probabilities"
    )
