"""reasoning-gym as a corpus: deterministic, in parts, scored by its own scorers."""

import ast
import json
import pickle
from typing import Any

import pytest

from tutelage.corpora import open_corpus
from tutelage.errors import CorpusError


@pytest.fixture(scope="module", autouse=True)
def gym() -> Any:
    return pytest.importorskip("reasoning_gym")


@pytest.mark.parametrize("name", ["chain_sum", "graph_color", "list_functions", "arc_1d", "rearc"])
def test_the_scorer_accepts_the_gold_as_it_was_stored(name: str, gym: Any) -> None:
    corpus = open_corpus(f"reasoning-gym:{name}?size=3&seed=5")
    rows = list(corpus.rows())
    assert rows == list(pickle.loads(pickle.dumps(corpus)).rows())
    assert rows[1:2] == list(corpus.rows(1, 3))
    for row in rows:
        assert row.problem and row.problem.domain == "reasoning"
        value = json.loads(row.problem.gold.value)
        assert (
            value["dataset"] == name and row.problem.statement == value["entry"]["question"].strip()
        )
        entry = ast.literal_eval(value["literal"]) if value["literal"] else value["entry"]
        assert gym.get_score_answer_fn(name)(value["answer"], entry) == 1.0


def test_options_are_the_data_sets_own() -> None:
    rows = list(open_corpus("reasoning-gym:chain_sum?size=4&min_terms=6&max_terms=6").rows())
    terms = [json.loads(row.problem.gold.value)["entry"] for row in rows if row.problem]
    assert [entry["metadata"]["num_terms"] for entry in terms] == [6] * 4


def test_an_option_out_of_range_is_a_mistake() -> None:
    with pytest.raises(CorpusError, match="refuses"):
        open_corpus("reasoning-gym:chain_sum?min_terms=0")
