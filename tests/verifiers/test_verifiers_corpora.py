"""Golds of real corpora pass, and mutants of them fail: a sample, since all of them take a minute."""

import random

import pytest

from tutelage.corpora import mutants, open_corpus
from tutelage.verifiers import VerifierPool


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(timeout=20, workers=2) as pool:
        yield pool


@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("gsm8k_train.jsonl", 500),
        ("svamp.json", 300),
        ("mbpp.jsonl", 40),
        ("HumanEval.jsonl.gz", 24),
    ],
)
def test_golds_pass_and_mutants_fail(corpora, pool, file, size):
    problems = [row.problem for row in open_corpus(str(corpora / file)).rows() if row.problem]
    for problem in random.Random(0).sample(problems, size):
        verdict = pool.verify(problem, mutants.gold(problem))
        assert verdict.status == "correct", (problem.statement, verdict)
        verdict = pool.verify(problem, mutants.mutate(problem))
        assert verdict.status == "incorrect", (problem.statement, verdict)
