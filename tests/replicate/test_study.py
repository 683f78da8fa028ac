"""Studies on real models: the ones that come along load, and say what they would play."""

import asyncio
import json
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from builders import play, problem
from tutelage import dialogue as protocol
from tutelage import rounds, settings
from tutelage.cli import cli
from tutelage.engines import vllm_options
from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.errors import SettingsError
from tutelage.leaks import find_leak
from tutelage.records import Request, Rules, Sampling
from tutelage.replicate import numbers, study, trainings
from tutelage.rounds.folder import run_file
from tutelage.train import loop


@pytest.mark.parametrize("name", ["smollm2", "gpu"])
def test_what_comes_along_loads_and_lists_its_steps(name, tmp_path):
    found = study.load(name)
    bench = study.Bench(tmp_path, found, 0, print, SimpleNamespace(stopped=lambda: False))
    names = [step for step, _, _ in study.steps(bench)]
    assert names[-1] == "report" and names.index("seed-1/rollouts") < names.index("seed-1/st-sft")
    assert ("seed-1/mt-rl" in names) == (name == "gpu")
    chosen = bench.settings(found.train, "", q_priming__enabled=True)
    assert chosen.q_priming.enabled
    assert not bench.settings(found.train, "").q_priming.enabled, "one run's options stay its own"


def test_smollm2_says_what_it_would_play(tmp_path):
    result = CliRunner().invoke(cli, ["replicate", "smollm2", "--dry-run", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "seed-1/rollouts" in result.output and "400 dialogues" in result.output
    assert not list(tmp_path.iterdir())


OMNI = [
    {"problem": f"What is {n} + {n}?", "solution": "Add.", "answer": str(2 * n)} for n in range(520)
]
LIC = {
    "task": "math", "task_id": "sharded-1", "question": "Of 9 pears 4 are eaten. How many are left?",
    "answer": "9 - 4 = 5\n#### 5",
    "shards": [{"shard_id": 1, "shard": "How many are left?"}, {"shard_id": 2, "shard": "Of 9, 4."}],
}  # fmt: skip


@pytest.fixture
def at_hand(tmp_path, monkeypatch):
    """The evaluation sets of `gpu.toml`, as small files of the same form."""
    sets = {"omni-math": OMNI, "omni-math-train": OMNI, "lic-math": [LIC]}
    for name, rows in sets.items():
        (tmp_path / "sets" / name).mkdir(parents=True)
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "sets" / name / "test.jsonl").write_text(text)
    monkeypatch.setenv("TUTELAGE_EVAL", str(tmp_path / "sets"))


def test_gpu_says_what_it_would_play_and_plan_reads_its_settings(tmp_path, at_hand):
    words = ["replicate", "study", "gpu", "--out", str(tmp_path / "gpu"), "--dry-run"]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "30 rounds of 32 x 8, from mt-sft" in result.output
    assert not (tmp_path / "gpu").exists()
    found = study.load("gpu")
    size = {"samples": found.samples, "turns": found.turns, "limit": found.problems}
    file = tmp_path / "run.toml"
    file.write_text(run_file({"corpora": list(found.train), **size, **found.settings}))
    words = ["plan", "--config", str(file), "--sample", "4", "--tokens-per-s", "3000", "--json"]
    planned = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert planned.exit_code == 0, planned.output
    assert json.loads(planned.output)["rows"] == 20  # 520 less the 500 that are held out


def test_gpu_is_sized_for_twelve_hours(tmp_path):
    """At the worst, where every turn is as long as it may be and nobody solves anything.

    3,000 tokens a second are a guess on the low side for 4B parameters and 256 dialogues at once;
    the hours that are left are for training on as many tokens, which reads them in parallel.
    """
    found = study.load("gpu")
    long = found.settings["student"]["max_tokens"] / 2  # a mean answer is half of the limit
    learnt = 2 * found.problems * found.samples * found.turns
    rounds = found.rounds * found.round_problems * found.group * (1 + found.turns)
    bench = study.Bench(tmp_path, found, 0, print, SimpleNamespace(stopped=lambda: False))
    steps = [step for step, _, _ in study.steps(bench) if step.startswith("seed-1/")]
    models = 1 + len([step for step in steps if "rollouts" not in step])
    measured = models * len(found.arms) * len(found.test) * found.test_problems * found.horizon
    assert (learnt + rounds + measured) * long / 3000 < 9 * 3600


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train = 3", "train"),
        ("trian = []", "nearest is 'train'"),
        ('train = ["starter"]\ntest = ["starter"]\n[sft]\nlrr = 1', "lr"),
        ('train = ["starter"]\ntest = ["starter"]\n[settings]\nstudnt = 1', "student"),
        ("no toml", "is no TOML"),
    ],
)
def test_a_mistake_in_a_study_is_named(tmp_path, text, told):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=told):
        study.load(str(file))


@pytest.mark.parametrize(
    ("said", "words"),
    [("31", "too small"), ("61", "too large"), ("many", "as one number"), ("41", "once more")],
)
def test_the_number_teacher_says_which_way_and_never_the_number(said, words):
    posed = problem("What is 20 + 21?", "41")
    talk = play(protocol.begin(posed, Rules(), 0, 0), [f"The answer is {said}"])
    teacher = numbers.Teacher(settings.Player(), settings.Settings())
    reply = asyncio.run(teacher.reply(Request("teacher", (), Sampling(), 0, talk)))
    assert words in reply.text
    assert "41" not in reply.text or said == "41"
    if said in ("31", "61"):
        assert (
            "ends in 1" in reply.text
            and not find_leak("math", posed.gold, posed.statement, (), reply.text).kind
        )


def test_a_blind_one_knows_nothing():
    talk = play(protocol.begin(problem(), Rules(arm="blind"), 0, 0), ["The answer is 9"])
    teacher = numbers.Teacher(settings.Player(), settings.Settings())
    reply = asyncio.run(teacher.reply(Request("teacher", (), Sampling(), 0, talk)))
    assert reply.text == "That is not right. Work through it once more."


def test_single_turn_epochs_match_the_trained_tokens(monkeypatch, tmp_path):
    entry = {"token_ids": [1] * 5}
    rows = [
        {"problem_id": "a", "outcome": {"solved_turn": 4}, "trail": [entry] * 4},
        {"problem_id": "b", "outcome": {"solved_turn": None}, "trail": [entry] * 4},
    ]
    monkeypatch.setattr(trainings, "read_rows", lambda run, columns: iter(rows))
    assert trainings.matched(tmp_path, 3) == 6  # 3 epochs of 20 tokens are 6 of 5 + 5


def test_the_weights_of_a_loop_are_those_of_its_last_round(tmp_path):
    assert trainings.learnt(tmp_path) == tmp_path / "last"
    (tmp_path / "rounds.jsonl").write_text('{"weights": "x"}\n{"weights": "y/last"}\n')
    assert str(trainings.learnt(tmp_path)) == "y/last"


def test_gpu_has_room_for_student_and_teacher_on_one_card(tmp_path, monkeypatch):
    """What rounds and report check on a machine with a GPU, hours after the start."""
    monkeypatch.setattr(vllm_options, "has_gpu", lambda: True)
    loaded = []
    monkeypatch.setattr(rounds, "perform", lambda plan, *_: loaded.append(plan))
    found = study.load("gpu")
    bench = study.Bench(tmp_path, found, 0, print, SimpleNamespace(stopped=lambda: False))
    settings_of_rounds = bench.settings(("starter",), bench.base, samples=2)
    trainings.in_rounds(bench, settings_of_rounds, tmp_path / "rl", trainings.Rounds(1, 2, {}))
    assert [plan.generate.teacher.engine for plan in loaded] == ["vllm"]
    vllm_options.fits(2, loaded[0].generate.vllm)
    vllm_options.fits(2, bench.settings((), "").vllm)


def test_a_training_has_the_gpu_to_itself_and_leaves_it(tmp_path, monkeypatch):
    """Servers stay up for all steps of a replication, and hold most of a GPU while they are awake."""
    told = []
    with HotSwapServers(tmp_path, print, lambda: False) as servers:
        servers._servers["student"] = SimpleNamespace(
            rest=lambda: told.append("rest"), close=lambda: None
        )
        monkeypatch.setattr(loop, "train", lambda *_: told.append("train"))
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.cuda, "empty_cache", lambda: told.append("free"))
        trainings.train(print, tmp_path / "run", tmp_path / "out", "a/model", 0)
    assert told == ["rest", "train", "free"]
