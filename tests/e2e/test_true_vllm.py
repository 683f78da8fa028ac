"""The main job on real parts: true vLLM, true model, Beam, verifier, dedup, shards."""

import json
import os
from unittest import mock

import pyarrow.parquet as pq
import pytest

from resident import SHARE
from tutelage import models
from typed import tutelage

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    if reason := models.fault():
        pytest.skip(f"the bundled model {reason}: tutelage model pull")
    out = tmp_path_factory.mktemp("e2e") / "run"
    words = ["generate", "starter", "--limit", "8", "--samples", "2", "--turns", "3"]
    words += ["--set", "student.max_tokens=32", "--set", "vllm.kv_cache_gb=1"]
    words += ["--set", SHARE, "--out", str(out)]
    with mock.patch.dict(os.environ, {"COLUMNS": "120"}):
        made = tutelage(*words)
    assert made.returncode == 0, made.stderr[-3000:]
    return out, made


def rows_of(out):
    paths = sorted(out.glob("shards/*/*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def test_every_dialogue_is_there_and_accounted_for(done):
    out, made = done
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["balance"] == {
        "input": 8, "kept": 8, "filtered": 0, "duplicate": 0, "dead": 0,
    }  # fmt: skip
    rows = rows_of(out)
    assert len({row["dialogue_id"] for row in rows}) == 16
    assert "8 in = 8 kept" in made.stdout
    assert "tokens/s" in made.stderr or "dialogues" in made.stderr


def test_sampled_tokens_come_with_their_log_probabilities(done):
    out, _ = done
    for row in rows_of(out):
        for known in row["trail"]:
            if known["speaker"] == "student":
                assert len(known["token_ids"]) <= 32
                assert len(known["token_ids"]) == len(known["logprobs"])
                assert all(p <= 1e-6 for p in known["logprobs"])
                assert known["finish_reason"] in ("stop", "length")
            else:
                assert known["token_ids"] == []


def test_the_sampled_tokens_are_the_message(done):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(models.resolve(models.BUNDLED))
    out, _ = done
    for row in rows_of(out)[:10]:
        for message, known in zip(row["messages"], row["trail"], strict=True):
            if known["act"] == "attempt":
                text = tokenizer.decode(known["token_ids"], skip_special_tokens=True)
                assert text.strip() == message["content"]


def test_every_turn_is_trained_after_the_tokens_that_the_sampler_had(done):
    from transformers import AutoTokenizer

    from tutelage.contract.tokens import Encoder

    encoder = Encoder(AutoTokenizer.from_pretrained(models.resolve(models.BUNDLED)))
    out, _ = done
    grown = 0
    for row in rows_of(out):
        students = [known for known in row["trail"] if known["speaker"] == "student"]
        if all(known["continues"] for known in students[1:]):
            (piece,) = encoder.sample(row, "all_student").pieces
            whole = [i for known in students for i in (*known["prompt_ids"], *known["token_ids"])]
            assert piece.ids.tolist()[: len(whole)] == whole
            grown += 1
    assert grown > 12


def test_no_solved_row_holds_a_false_sum_or_was_cut(done):
    out, _ = done
    assert not any(row["flaw"]["any"] for row in rows_of(out))


def test_no_dialogue_hears_the_same_words_twice(done):
    out, _ = done
    for row in rows_of(out):
        pairs = zip(row["messages"], row["trail"], strict=True)
        heard = [m["content"] for m, known in pairs if known["act"] == "feedback"]
        assert len(set(heard)) == len(heard)


def test_verdicts_agree_with_the_gold(done):
    out, _ = done
    correct = 0
    for row in rows_of(out):
        for known in row["trail"]:
            if known["verdict"]["status"] == "correct":
                correct += 1
                said = _number(known["verdict"]["extracted"])
                assert float(row["gold"]["value"]) == pytest.approx(said)
    assert correct == sum(row["outcome"]["status"] == "solved" for row in rows_of(out))


def test_no_hint_of_the_worked_solution_teacher_is_the_answer(done):
    import re

    out, _ = done
    for row in rows_of(out):
        public = row["statement"]
        for message, known in zip(row["messages"], row["trail"], strict=True):
            if known["act"] == "feedback":
                new = set(re.findall(r"\d+", message["content"])) - set(re.findall(r"\d+", public))
                assert row["gold"]["value"] not in new, (message["content"], row["gold"])
            public += " " + message["content"]


def test_the_engine_was_busy_and_the_prefix_cache_served(done):
    out, _ = done
    telemetry = json.loads((out / "telemetry.json").read_text())
    assert telemetry["engine_busy_share"] > 0.5
    assert telemetry["workers"][0]["engine"]["prefix_cache_hits"] > 0


def _number(text):
    import re

    return float(re.findall(r"-?[\d.]+", text.replace(",", ""))[-1].rstrip("."))
