"""`tutelage train` as a person types it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file

from tutelage.cli.train import command
from tutelage.errors import Mistake
from tutelage.shards import read_rows


def call(*args: str) -> Any:
    return CliRunner().invoke(command, list(args))


def test_help_names_every_option_with_its_default_and_an_example():
    for kind in ("sft", "rl"):
        page = call(kind, "--help").output
        assert f"Example: tutelage train {kind}" in page
        assert page.count("--") > 25
    assert "1e-06" in call("rl", "--help").output
    assert "2e-05" in call("sft", "--help").output
    assert "--beta" not in call("sft", "--help").output


def test_a_dry_run_shows_what_is_trained_and_writes_nothing(
    runs: Any, model_folder: str, tmp_path: Path
):
    run = runs.write(runs.dialogue(n, turns=1 + n % 2) for n in range(10))
    before = sorted(tmp_path.rglob("*"))
    shown = call(
        "sft", run, "--model", model_folder, "--dry-run", "--batch", "4", "--dtype", "fp32"
    )
    assert shown.exit_code == 0, shown.output
    marked = re.findall("»(.*?)«", shown.output)[1:]  # the first explains the marks
    assert marked and all(text.startswith("It is ") and "<|im_end|>" in text for text in marked)
    assert "10 rows read: 10 dialogues" in shown.output
    assert "3 steps, 3 passes" in shown.output
    assert "tokens/s" not in shown.output and "--measure" in shown.output  # nothing was run
    for name in ("weights", "gradients", "states", "activations", "logits", "total"):
        assert re.search(rf"^  {name} +(\d+\.\d\d +){{3}}\d+\.\d\d$", shown.output, re.M), name
    assert "no dialogue for validation" in shown.output
    measured = call("sft", run, "--model", model_folder, "--dry-run", "--measure")
    assert re.search(r"about \d+ s at \d+ tokens/s, \d+\.\d GiB", measured.output)
    counts = re.findall(r"^ +\d+-\d+ +(\d+)  #*$", shown.output, re.MULTILINE)
    assert sum(map(int, counts)) == 10
    assert sorted(tmp_path.rglob("*")) == before


def test_sft_then_rl_of_its_result(runs: Any, model_folder: str, tmp_path: Path):
    run = runs.write(
        [runs.dialogue(n, sample=s, solved=s < 2) for n in range(3) for s in range(4)],
        validation=[runs.dialogue(9)],
    )
    taught, polished = str(tmp_path / "sft"), str(tmp_path / "rl")
    done = call("sft", run, "--model", model_folder, "--out", taught, "--dtype", "fp32")
    assert done.exit_code == 0, done.output
    assert "validation loss" in done.output and "turn 2" in done.output
    assert f"done: {taught}/last is the trained model" in done.output
    again = call("sft", run, "--model", model_folder, "--out", taught, "--dtype", "fp32")
    assert "finished already" in again.output
    options = ["--old", "start", "--beta", "0.1", "--dtype", "fp32"]
    done = call("rl", run, "--model", f"{taught}/last", "--out", polished, *options)
    assert done.exit_code == 0, done.output
    assert "3 groups, 12 dialogues" in done.output and "kl_reference" in done.output
    assert json.loads((tmp_path / "rl/recipe.json").read_text())["model"] == f"{taught}/last"


def test_a_condition_chooses_dialogues_for_sft_and_whole_groups_for_rl(
    runs: Any, model_folder: str
):
    run = runs.write([runs.dialogue(n, sample=s, solved=s < 2) for n in range(3) for s in range(4)])
    first = next(iter(read_rows(run)))
    asked = ["--model", model_folder, "--dry-run", "--dtype", "fp32", "--where"]
    shown = call("sft", run, *asked, "sample = 0").output
    assert "3 rows read: 3 dialogues" in shown, shown
    shown = call("rl", run, *asked, f"dialogue_id <> '{first['dialogue_id']}'", "--old", "start")
    assert "8 rows read: 2 groups, 8 dialogues" in shown.output, shown.output
    failed = call("sft", run, *asked, "1=1; DROP TABLE x").exception
    assert isinstance(failed, Mistake) and "not SQL" in str(failed)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["sft", "{run}"], "give --out"),
        (["sft", "{run}", "--out", "{tmp}/o"], "names no student model"),
        (["sft", "{tmp}/none", "--out", "{tmp}/o"], "is not a run"),
        (["sft", "{run}", "--out", "{tmp}/o", "--model", "{run}"], "no config.json"),
        (["rl", "{run}", "--out", "{tmp}/o", "--model", "{model}"], "--samples 8"),
        (["sft", "{run}", "--out", "{tmp}/o", "--measure"], "--dry-run"),
        (["sft", "{run}", "--out", "{tmp}/o", "--model", "{model}", "--length", "9"], "too long"),
        (["rl", "{run}", "--out", "{tmp}/o", "--carry", "{run}", "--model", "{model}"], "nothing"),
    ],
)
def test_mistakes_are_one_line(
    args: list[str], words: str, runs: Any, model_folder: str, tmp_path: Path
):
    run = runs.write([runs.dialogue(n) for n in range(3)])
    filled = [a.format(run=run, tmp=tmp_path, model=model_folder) for a in args]
    failed = call(*filled).exception
    assert isinstance(failed, Mistake), failed
    assert words in str(failed) and "\n" not in str(failed)


LAUNCHED = [
    *(sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
    # Without a GPU, `--cpu` would start one process, by MPI more; this way goes by torchrun, as on
    # GPUs. Port 0: a free one, found at the moment it is bound.
    *("--multi_gpu", "--main_process_ip", "127.0.0.1", "--main_process_port", "0", "-m"),
]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "XDG_CACHE_HOME")
"""What earlier tests leave in the environment, such as vLLM's threads, is no part of this one."""


def test_accelerate_launch_takes_the_steps_of_one_process(
    runs: Any, model_folder: str, tmp_path: Path
):
    """Also where the passes of a step do not go round: seven dialogues, a pass each."""
    run = runs.write(
        [runs.dialogue(n, turns=1 + n % 3) for n in range(7)], validation=[runs.dialogue(8)]
    )
    options = ["--model", model_folder, "--dtype", "fp32", "--lr", "0.003", "--epochs", "2"]
    options += ["--batch", "7", "--pack", "8", "--threads", "1"]
    call("sft", run, "--out", str(tmp_path / "one"), *options)
    # By the loopback: this machine's own name may lead nowhere.
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    typed = [*LAUNCHED, "tutelage", "train", "sft", run, "--out", str(tmp_path / "two"), *options]
    log = tmp_path / "log"
    with log.open("w") as said:
        begun = subprocess.Popen(typed, env=environment, stdout=said, stderr=subprocess.STDOUT)
    try:
        begun.wait(timeout=400)
    except subprocess.TimeoutExpired:
        begun.terminate()  # it ends those that it started
        begun.wait()
    words = log.read_text()
    assert begun.returncode == 0, words
    assert words.count("done:") == 1, words  # only the first of two speaks
    assert words.count("2 processes share each step") == 1, words
    one, two = (
        load_file(str(tmp_path / name / "last/model.safetensors")) for name in ("one", "two")
    )
    for name, weight in one.items():
        # Sums in another order; Adam makes steps of up to lr = 3e-3 of them.
        assert float((weight - two[name]).abs().max()) < 1e-4, name
