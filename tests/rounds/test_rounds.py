"""The online arm: rounds that hand their weights on, and go on where they stopped."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sampled import off
from tutelage import rounds
from tutelage.cli.rounds import Launcher
from tutelage.engines import HOT_SWAP_SERVERS
from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.errors import Fatal, Mistake, RunFailed, SettingsError
from tutelage.records import Reply, Request, Usage
from tutelage.rounds.loop import Launch
from tutelage.shards import read_rows
from typed import tutelage

SPECIAL = ["<pad>", "<stop>", "<user>", "<student>"]
WORDS = [str(n) for n in range(2, 10)]
TEMPLATE = (
    "{%- for m in messages -%}{%- if m['role'] == 'assistant' -%}<student>{%- else -%}<user>"
    "{%- endif -%}{{ m['content'] }}<stop>{%- endfor -%}"
    "{%- if add_generation_prompt -%}<student>{%- endif -%}"
)


class Toy:
    """A student that says what the model in `student.model` draws, by plain torch: one word."""

    capacity = 8

    def __init__(self, player: Any, settings: Any) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.model = AutoModelForCausalLM.from_pretrained(player.model)
        self.tokenizer = AutoTokenizer.from_pretrained(player.model)

    async def reply(self, request: Request) -> Reply:
        import torch

        await asyncio.sleep(0)
        chat = [{"role": role, "content": content} for role, content in request.chat]
        ids = self.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, return_dict=False
        )
        with torch.no_grad():
            logits = self.model(torch.tensor([ids])).logits[0, -1]
        logp = (logits / (request.sampling.temperature or 1)).log_softmax(-1)
        draw = torch.Generator().manual_seed(request.seed)
        if request.sampling.temperature:
            token = int(torch.multinomial(logp.exp(), 1, generator=draw))
        else:
            token = int(logp.argmax())
        return Reply(
            self.tokenizer.decode([token]),
            (token,),
            (float(logp[token]),),
            "stop",
            Usage(prompt=len(ids), completion=1),
        )

    def gauges(self) -> Mapping[str, float]:
        return {}

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small random model over a dozen words."""
    import tutelage.train  # noqa: F401  # before torch: it sets how torch waits

    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    made = Tokenizer(WordLevel({w: i for i, w in enumerate([*SPECIAL, *WORDS])}, unk_token="<pad>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<stop>", chat_template=TEMPLATE
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<user>", "<student>"]})
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512}
    size = len(SPECIAL + WORDS)
    config = LlamaConfig(vocab_size=size, tie_word_embeddings=True, **shape, **heads)
    folder = tmp_path_factory.mktemp("student")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def config(tmp_path: Path, student: str) -> Path:
    return configured(tmp_path, student)


def configured(folder: Path, student: str) -> Path:
    """A file for two rounds of four problems, in a folder with those problems."""
    problems = folder / "sums.jsonl"
    rows = [
        {"id": str(n), "question": f"Which digit is {w} , question {n} ?", "answer": w}
        for n, w in enumerate(WORDS * 3)
    ]
    problems.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    file = folder / "rounds.toml"
    file.write_text(
        f"""
out = "{folder / "out"}"
rounds = 2
problems = 4
held_out = 5
evaluate_every = 2

[generate]
corpora = ["{problems}"]
map = {{ statement = "question", answer = "answer" }}
samples = 6
turns = 2
leaks = {{ policy = "off" }}
student = {{ engine = "{__name__}:Toy", model = "{student}" }}
teacher = {{ engine = "scripted" }}

[train]
lr = 0.02
dtype = "fp32"
std_floor = 0.1
""",
        "utf-8",
    )
    return file


class Steps:
    """Runs the program's commands in this process, and notes them; stops at the step `until`."""

    def __init__(self, until: int = 99, status: int | None = None) -> None:
        self.done: list[tuple[str, ...]] = []
        self.until, self.status = until, status

    def stopped(self) -> bool:
        return False

    def __call__(self, args: Sequence[str], environment: Mapping[str, str]) -> int:
        from tutelage.cli import cli

        if len(self.done) == self.until:
            if self.status is None:
                raise KeyboardInterrupt
            return self.status
        assert not environment  # no vLLM plays here
        self.done.append(tuple(args))
        cli.main(args=list(args), standalone_mode=False)
        return 0


def play(
    config: Path, steps: Launch, say: Callable[[str], None] = lambda words: None
) -> list[dict[str, Any]]:
    return rounds.perform(rounds.load(str(config)), steps, say)


@dataclass(frozen=True)
class Looped:
    """A loop of two rounds that was played to its end."""

    config: Path
    steps: Steps
    lines: list[dict[str, Any]]

    @property
    def out(self) -> Path:
        return self.config.parent / "out"


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory, student: str) -> Looped:
    config, steps = configured(tmp_path_factory.mktemp("looped"), student), Steps()
    return Looped(config, steps, play(config, steps))


def test_each_round_plays_with_what_the_last_one_learnt(looped: Looped, student: str):
    steps, lines, out = looped.steps, looped.lines, looped.out
    assert [s[0] for s in steps.done] == ["generate", *["generate", "train"] * 2, "generate"]
    first, second = (out / f"rounds/000{n}" for n in (1, 2))
    learnt = str(first / "train/last")
    assert lines[1]["weights"] == learnt
    # by its name, and by the very numbers it drew
    assert tomllib.loads((second / "run.toml").read_text())["student"]["model"] == learnt
    assert off(student, first / "run") < 1e-4
    assert off(learnt, second / "run") < 1e-4
    assert off(student, second / "run") > 1e-2
    # the optimiser went on, too: the trainer's policy is the sampler's at the second round's start
    assert "--carry" in steps.done[4] and str(first / "train") in steps.done[4]
    assert lines[2]["ratio"] == pytest.approx(1, abs=1e-3)
    assert not (first / "train/state").exists() and (second / "train/state").is_dir()


def test_metrics_are_those_of_the_rows_and_held_out_problems_stay_out(looped: Looped):
    lines, out = looped.lines, looped.out
    assert [json.loads(x) for x in (out / "rounds.jsonl").read_text().splitlines()] == lines
    assert [line["round"] for line in lines] == [0, 1, 2]
    assert ["held_out" in line for line in lines] == [True, False, True]
    played = {n: list(read_rows(str(out / f"rounds/000{n}/run"))) for n in (1, 2)}
    for number, rows in played.items():
        mean = sum(row["outcome"]["return"] for row in rows) / len(rows)
        assert lines[number]["return"] == pytest.approx(mean, abs=1e-5)
        assert (len(rows), lines[number]["groups"]) == (24, 4)
        assert lines[number]["tokens"] == sum(row["outcome"]["turns"] for row in rows)
    looked = list(read_rows(str(out / "rounds/0002/evaluation")))
    for turn in (1, 2):
        share = sum((row["outcome"]["solved_turn"] or 9) <= turn for row in looked) / 5
        assert lines[2]["held_out"][str(turn)] == share
    problems = [{row["problem_id"] for row in rows} for rows in (looked, *played.values())]
    assert [len(ids) for ids in problems] == [5, 4, 4]
    assert len(set.union(*problems)) == 13  # no problem is in two of them
    assert {row["sampling"]["student"]["temperature"] for row in looked} == {0}


def test_each_arm_stands_by_itself(config: Path):
    """What `retry` solves says nothing of `sml`."""
    text = config.read_text().replace("rounds = 2", "rounds = 1")
    config.write_text(text + '\n[evaluate]\narms = ["sml", "retry"]\nsamples = 2\n')
    lines = play(config, Steps())
    rows = list(read_rows(str(config.parent / "out/rounds/0001/evaluation")))
    by_arm = lines[1]["held_out_arms"]
    assert by_arm.keys() == {"sml", "retry"}
    for arm, figures in by_arm.items():
        own = [row for row in rows if row["arm"] == arm]
        assert figures["dialogues"] == len(own) == 10
        mean = sum(row["outcome"]["return"] for row in own) / len(own)
        assert figures["return"] == pytest.approx(mean, abs=1e-5)
    assert lines[1]["held_out"] == by_arm["sml"]["solved_by"]
    assert lines[1]["held_out_return"] == by_arm["sml"]["return"]


class Apart(Steps):
    """Steps that may be asked for by two threads at once; in one process they take turns."""

    def __init__(self, until: int = 99) -> None:
        super().__init__(until)
        self._turn, self.threads = threading.Lock(), set[str]()

    def __call__(self, args: Sequence[str], environment: Mapping[str, str]) -> int:
        with self._turn:
            self.threads.add(threading.current_thread().name)
            return super().__call__(args, environment)


def test_a_stopped_asynchronous_loop_goes_on_with_the_same_weights(config: Path, student: str):
    text = config.read_text().replace("rounds = 2", "rounds = 2\nasynchronous = true")
    config.write_text(text.replace("held_out = 5", "held_out = 0"))
    stops: list[tuple[str, ...]] = []
    lines: list[dict[str, Any]] = []
    for _ in range(6):  # one step more each time, whichever of two comes first
        steps = Apart(until=1)
        with contextlib.suppress(KeyboardInterrupt):
            lines = play(config, steps)
        stops += steps.done
    assert len(lines) == 3 and len(stops) == len(set(stops)) == 4
    assert [line.get("staleness") for line in lines] == [None, 0, 1]
    assert off(student, config.parent / "out/rounds/0002/run") < 1e-4


def test_a_loop_that_never_began_binds_nobody(config: Path):
    """Other settings, other problems: the folder holds only what was asked for."""
    with pytest.raises(KeyboardInterrupt):
        play(config, Steps(until=0))
    config.write_text(config.read_text().replace("lr = 0.02", "lr = 0.03\nbeta = 0.1"))
    config.write_text(config.read_text().replace("problems = 4", "problems = 3"))
    with pytest.raises(KeyboardInterrupt):
        play(config, Steps(until=1))
    drawn = (config.parent / "out/problems/0001.jsonl").read_text()
    assert len(drawn.splitlines()) == 3
    config.write_text(config.read_text().replace("lr = 0.03", "lr = 0.04"))
    with pytest.raises(SettingsError, match="holds other rounds"):  # now it has begun
        play(config, Steps())


def test_a_stopped_loop_goes_on_and_repeats_nothing(config: Path):
    config.write_text(config.read_text().replace("rounds = 2", "rounds = 1"))
    stops = []
    for _ in range(5):  # one step more each time
        steps = Steps(until=1)
        try:
            lines = play(config, steps)
        except KeyboardInterrupt:
            lines = []
        stops += steps.done
    assert len(lines) == 2
    assert [s[0] for s in stops] == ["generate", "generate", "train", "generate"]
    assert len(set(stops)) == 4
    again = Steps(until=0)
    assert play(config, again) == lines and not again.done
    config.write_text(config.read_text().replace("rounds = 1", "rounds = 2"))
    more = Steps()
    assert play(config, more)[:2] == lines
    assert [s[0] for s in more.done] == ["generate", "train", "generate"]
    config.write_text(config.read_text().replace("lr = 0.02", "lr = 0.03"))
    with pytest.raises(SettingsError, match=r"train.lr: 0.02 -> 0.03"):
        play(config, again)


def test_a_round_without_a_difference_keeps_the_weights(config: Path, student: str):
    config.write_text(config.read_text().replace('answer = "answer"', 'answer = "id"'))
    text = config.read_text().replace("[generate]", '[generate]\nformat = "generic"')
    text = text.replace("held_out = 5", "held_out = 0")
    config.write_text(text.replace("student = {", "student = { max_tokens = 1,"))
    problems = config.parent / "sums.jsonl"
    problems.write_text(problems.read_text().replace('"id": "', '"id": "77'))  # no word for it
    steps = Steps()
    lines = play(config, steps)
    assert [s[0] for s in steps.done] == ["generate"] * 2
    assert [line["weights"] for line in lines] == [student] * 3
    assert [line.get("groups_compared") for line in lines] == [None, 0, 0]


def test_warm_up_comes_before_the_first_round(config: Path, student: str):
    config.write_text(
        config.read_text()
        .replace("rounds = 2", "rounds = 1")
        .replace("held_out = 5", "held_out = 0")
        + "\n[warmup]\nproblems = 6\ntrain = { lr = 0.01, epochs = 2 }\n"
    )
    steps = Steps()
    lines = play(config, steps)
    out = config.parent / "out"
    assert steps.done[1][:2] == ("train", "sft") and "--epochs" in steps.done[1]
    assert tomllib.loads((out / "warmup/run.toml").read_text())["q_priming"]["enabled"] is True
    warm = str(out / "warmup/train/last")
    assert lines[0]["weights"] == warm
    assert off(warm, out / "rounds/0001/run") < 1e-4
    assert warm in steps.done[-1] and "--carry" not in steps.done[-1]


@pytest.mark.parametrize(("status", "fault"), [(2, Mistake), (1, RunFailed), (-9, RunFailed)])
def test_a_step_that_fails_ends_the_loop(config: Path, status: int, fault: type[Exception]):
    with pytest.raises(fault, match="the same command goes on"):
        play(config, Steps(until=0, status=status))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("held_out = 5", "holdout = 5", "'holdout', the nearest is 'held_out'"),
        ("samples = 6", "sample = 6", r"\[generate\].*'sample', the nearest is 'samples'"),
        ("engine =", "engin =", r"\[generate\].*'student.engin', the nearest is 'student.engine'"),
        ("lr = 0.02", "lrr = 0.02", r"\[train\].*'lrr', the nearest is 'lr'"),
        ("lr = 0.02", 'lr = "high"', r"\[train\] lr: wanted a float"),
        ("lr = 0.02", "batch = 0", r"\[train\] batch: wanted at least 1"),
        ("lr = 0.02", 'model = "x"', r"\[train\] no setting is called 'model'"),
        ("rounds = 2", "rounds = 0", "rounds: .*greater than or equal to 1, got 0"),
        ("samples = 6", "samples = 1", "at least 2 dialogues"),
        ("held_out = 5", "held_out = 50", "too few|want more"),
        ("rounds = 2", "rounds =", "is no TOML file"),
        ('out = "/', 'out = "s3://bucket/', "a folder on this machine"),
    ],
)
def test_mistakes_are_one_line(config: Path, old: str, new: str, words: str):
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(SettingsError, match=words) as caught:
        play(config, Steps(until=0))
    assert "\n" not in str(caught.value)


def test_a_student_without_weights_is_refused(config: Path):
    config.write_text(config.read_text().replace(f"{__name__}:Toy", "scripted"))
    with pytest.raises(SettingsError, match="no weights can be handed to"):
        rounds.load(str(config))


def test_a_killed_process_goes_on(config: Path, monkeypatch: pytest.MonkeyPatch):
    """The command as a person types it, interrupted as it trains, then killed as it trains again.

    What was played before, and what is left after, are steps in this process.
    """
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
    monkeypatch.syspath_prepend(Path(__file__).parent)
    config.write_text(
        config.read_text()
        .replace(f"{__name__}:Toy", f"{Path(__file__).stem}:Toy")
        .replace("rounds = 2", "rounds = 1")
        .replace("held_out = 5", "held_out = 0")
    )
    with pytest.raises(KeyboardInterrupt):
        play(config, Steps(until=1))
    typed = [sys.executable, "-m", "tutelage", "rounds", "--config", str(config)]
    out = config.parent / "out"
    manifest = out / "rounds/0001/run/manifest.json"
    played = manifest.stat().st_mtime_ns

    def ended_in_training(number: signal.Signals) -> tuple[int, str]:
        begun = subprocess.Popen(typed, stderr=subprocess.PIPE, text=True)
        assert begun.stderr
        printed = ""
        while "training on" not in printed and (line := begun.stderr.readline()):
            printed += line
        begun.send_signal(number)
        printed += begun.communicate(timeout=60)[1]
        assert "training on" in printed and "generating" not in printed, printed
        assert not (out / "rounds/0001/done.json").exists()
        return begun.returncode, printed

    status, printed = ended_in_training(signal.SIGINT)
    assert status == 130 and "interrupted: finished steps are safe" in printed, printed
    status, printed = ended_in_training(signal.SIGKILL)
    assert status == -signal.SIGKILL, printed
    steps = Steps()
    lines = play(config, steps)
    assert [done[0] for done in steps.done] == ["train"]
    assert manifest.stat().st_mtime_ns == played
    assert len((out / "rounds.jsonl").read_text().splitlines()) == len(lines) == 2
    done = beside(tutelage, "rounds", "--config", str(config))  # says so, with nothing left to do
    assert (done.returncode, done.stderr) == (0, "")
    assert f"last   {out}/rounds/0001/train/last" in done.stdout


@pytest.mark.parametrize(
    ("words", "environment", "status"),
    [
        (["--version"], {}, 0),
        (["no-such-command"], {}, 2),
        (["--version"], {"PYTHONHOME": "/nowhere"}, 1),  # Python itself does not start
    ],
)
def test_a_step_is_a_process_with_this_environment_whose_status_counts(
    words: list[str], environment: dict[str, str], status: int
):
    assert beside(lambda: Launcher("")(words, environment)) == status


def beside(act: Callable[..., Any], *words: str) -> Any:
    """In another thread than the main one, whose signals stay as they are."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act, *words).result()


class Server:
    """Stands in for a resident server; `seen` notes what it is told."""

    seen: ClassVar[list[tuple[str, ...]]] = []

    def __init__(self, settings: Any, model: str, log: Path, *_: Any) -> None:
        self.name = log.stem
        self.url = f"http://{self.name}/v1"
        self.server = self
        self.note("start", model)

    def note(self, *what: str) -> None:
        self.seen.append((self.name.removeprefix("vllm-"), *what))

    def play(self, model: str) -> None:
        self.note("play", model)

    def rest(self) -> None:
        self.note("rest")

    def close(self) -> None:
        self.note("close")


class OfLoop(HotSwapServers):
    """The servers of a loop, which is kept beside them."""

    plan: rounds.Plan


@pytest.fixture
def resident(config: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OfLoop]:
    """The servers of a loop over vLLM, with more lines before its tables, and for its settings."""

    class Supervisor:
        def __init__(self, *_: Any) -> None:
            pass

        def __enter__(self) -> None:
            Server.seen.append(("watched",))

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("tutelage.engines.hot_swap_servers.HotSwapServer", Server)
    monkeypatch.setattr("tutelage.engines.hot_swap_servers.Supervisor", Supervisor)
    Server.seen.clear()

    def make(lines: str = "", teacher: str = "scripted", more: str = "") -> OfLoop:
        text = config.read_text().replace(f"{__name__}:Toy", "vllm") + more
        text = text.replace(
            'teacher = { engine = "scripted" }', f'teacher = {{ engine = "{teacher}" }}'
        )
        config.write_text(f"{lines}\n{text}")
        plan = rounds.load(str(config))
        made = OfLoop(plan.out, lambda words: None, lambda: False, is_used=plan.resident)
        made.plan = plan
        return made

    return make


def with_weights(servers: OfLoop, weights: str) -> dict[str, str]:
    """What a step is told that plays with these weights."""
    chosen = servers.plan.generate
    student = chosen.student.model_copy(update={"model": weights})
    with servers.playing(chosen.model_copy(update={"student": student})) as environment:
        told: dict[str, str] = json.loads(environment.get(HOT_SWAP_SERVERS, "{}"))
        return told


def test_one_server_plays_with_the_weights_of_each_round(
    resident: Callable[..., OfLoop], student: str
):
    servers = resident()
    with servers:
        assert Server.seen == []  # a loop that has nothing to play starts nothing
        assert with_weights(servers, student) == {student: "http://vllm-student/v1"}
        servers.rest()
        assert with_weights(servers, "/new") == {"/new": "http://vllm-student/v1"}
    begun = [("student", "start", student), ("watched",), ("student", "rest")]
    assert Server.seen == [*begun, ("student", "play", "/new"), ("watched",), ("student", "close")]


def test_a_frozen_teacher_gets_a_server_once_it_is_another_model(
    resident: Callable[..., OfLoop], student: str
):
    servers = resident(teacher="vllm")
    with servers:
        assert with_weights(servers, student) == {student: "http://vllm-student/v1"}
        both = {"/new": "http://vllm-student/v1", student: "http://vllm-teacher/v1"}
        assert with_weights(servers, "/new") == both
    starts = [told for told in Server.seen if told[1:2] == ("start",)]
    assert starts == [("student", "start", student), ("teacher", "start", student)]
    assert Server.seen[-2:] == [("student", "close"), ("teacher", "close")]


@pytest.mark.parametrize("asked", [True, False])
def test_a_start_that_a_signal_ended_is_an_interruption(
    resident: Callable[..., OfLoop], student: str, monkeypatch: pytest.MonkeyPatch, asked: bool
):
    def no_start(*_: Any) -> None:
        raise Fatal("not ready")

    monkeypatch.setattr(Server, "__init__", no_start)
    servers = resident()
    monkeypatch.setattr(servers, "_stopped", lambda: asked)
    with pytest.raises(KeyboardInterrupt if asked else Fatal), servers:
        with_weights(servers, student)


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        ("resident = false", ""),
        ('beam = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]', ""),
        ('beam = ["--runner=DataflowRunner"]', ""),
        ("", "[evaluate]\nvllm = { max_num_seqs = 8 }\n"),
        ("", 'chat_template = "mine.jinja"\n'),
    ],
)
def test_where_no_server_can_stay_up_each_step_starts_its_own(
    lines: str, more: str, resident: Callable[..., OfLoop], student: str
):
    servers = resident(lines, more=more)
    with servers:
        assert with_weights(servers, student) == {}
    assert Server.seen == []


def test_a_loop_may_go_on_with_a_server_or_without(looped: Looped, tmp_path: Path):
    config = tmp_path / "rounds.toml"
    config.write_text("resident = false\n" + looped.config.read_text())
    assert play(config, Steps(until=0)) == looped.lines
