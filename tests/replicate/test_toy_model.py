"""The toy's model folder, its pretraining, and the gold probe over it."""

import random

import numpy as np
import pytest

import tutelage.train  # noqa: F401  before torch, so that waiting threads sleep

torch = pytest.importorskip("torch")

from tutelage.evaluate import probe  # noqa: E402
from tutelage.evaluate.conditions import Condition  # noqa: E402
from tutelage.replicate import chats, pretraining, toy_model  # noqa: E402


@pytest.fixture(scope="module")
def words():
    return toy_model.tokenizer()


def test_a_chat_is_the_same_by_the_template_and_decodes_to_itself(words):
    source = random.Random(0)
    for _ in range(200):
        turns = chats.chat(chats.Web(), source)
        ids, labels = pretraining.encoded(words.get_vocab(), turns)
        messages = [{"role": role, "content": content} for role, content in turns]
        assert ids == words.apply_chat_template(messages, tokenize=True, return_dict=False)
        assert words.decode(ids) == words.apply_chat_template(messages, tokenize=False)
        assert words.unk_token_id not in ids
        learnt = [i for i, label in zip(ids, labels, strict=True) if label >= 0]
        said = "".join(f"{c}{toy_model.END}" for role, c in turns if role == "assistant")
        assert words.decode(learnt) == said
        assert len(ids) < toy_model.LENGTH


def test_what_is_no_word_of_the_world_is_unknown_and_no_crash(words):
    assert words("zebra", add_special_tokens=False)["input_ids"] == [words.unk_token_id]


def test_pretraining_learns_and_goes_on_from_a_folder(tmp_path):
    said = []
    lessons = pretraining.curriculum(0.2, 30)
    short = lessons[:1]
    pretraining.pretrain(short, tmp_path / "one", said.append, batch=8, threads=1)
    pretraining.pretrain(
        lessons[2:], tmp_path / "two", said.append, batch=4, start=tmp_path / "one", threads=1
    )
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said]
    assert losses[0] < np.log(130), "better than any word"
    one, two = (
        {n: p.clone() for n, p in toy_model_weights(tmp_path / name).items()}
        for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    assert any(not torch.equal(one[name], two[name]) for name in one)


def toy_model_weights(folder):
    from transformers import LlamaForCausalLM

    return dict(LlamaForCausalLM.from_pretrained(folder).named_parameters())


def test_the_curriculum_ends_in_the_web_that_was_asked_for():
    for listen in (0.0, 0.05, 0.2):
        lessons = pretraining.curriculum(listen, 100)
        assert sum(lesson.steps for lesson in lessons) == 100
        assert [lesson.web.listen for lesson in lessons] == [0.9, 0.9, listen]
        assert lessons[0].web.longest < lessons[1].web.longest


def talk(gold, remarks, solved=None):
    messages = [("user", "Market 417 times 83, from ann to cid.")]
    for remark in remarks:
        messages += [("assistant", "The answer is ann one bob one cid one."), ("user", remark)]
    trail = [{"speaker": "teacher" if role == "user" else "student"} for role, _ in messages]
    return {
        "dialogue_id": f"d-{gold}-{len(remarks)}", "problem_id": gold, "trail": trail,
        "messages": [{"role": role, "content": content} for role, content in messages],
        "gold": {"value": gold}, "outcome": {"solved_turn": solved, "turns": len(remarks)},
    }  # fmt: skip


def test_the_probe_is_the_loss_on_the_gold_alone(tmp_path, words):
    """Against the plain sum over the reply's tokens, by another way."""
    model = toy_model.fresh(len(words), 0).eval()
    toy_model.save(model, words, tmp_path / "toy")
    row = talk("ann two bob three cid four", ["No, ann is two.", "No, bob is three."])
    found = probe.probe(str(tmp_path / "toy"), [row])
    assert found.losses.shape == (1, 3)
    for turn in range(3):
        chat = [*row["messages"][: 2 * turn + 1], {"role": "assistant", "content": "The answer is"}]
        before = words.apply_chat_template(chat, tokenize=False).removesuffix(toy_model.END)
        ids = words(before + " ann two bob three cid four", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logp = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        gold = [logp[place - 1, ids[place]].item() for place in range(len(ids) - 6, len(ids))]
        assert found.losses[0, turn] == pytest.approx(-np.mean(gold), abs=1e-5)


def test_a_slope_is_that_of_a_line_through_each_dialogue():
    one = probe.Probe(("a", "b"), np.array([[3.0, 2.0, 1.0], [4.0, 2.0, 0.0]]))
    assert probe.slope([one]).value == pytest.approx(-1.5)
    assert probe.slope([one, one]).value == pytest.approx(-1.5)


def test_the_probe_of_a_report_is_over_the_first_models_dialogues(tmp_path, words):
    toy_model.save(toy_model.fresh(len(words), 0), words, tmp_path / "a")
    toy_model.save(toy_model.fresh(len(words), 1), words, tmp_path / "b")
    rows = (talk("ann two bob three cid four", ["No, ann is two."]),)
    found = [Condition("base", "sml", "toy-a", (rows,)), Condition("sft", "sml", "toy-a", ((),))]
    models = {"base": [str(tmp_path / "a")], "sft": [str(tmp_path / "a"), str(tmp_path / "b")]}
    part = probe.of_models(found, models, 5)["toy-a"]
    assert (part["dialogues"], part["of"]) == (1, "base")
    assert [len(part["by_turn"][name]) for name in models] == [2, 2]
    assert part["slopes"]["base"]["value"] != part["slopes"]["sft"]["value"]
    assert probe.of_models([Condition("base", "sml", "x", ((),))], models, 5)["x"]["by_turn"] == {}


def test_the_probe_keeps_to_dialogues_that_went_all_the_way():
    rows = [
        talk("a", ["x", "y"]),
        talk("b", ["x"]),
        talk("c", ["x", "y"], 2),
        talk("a", ["x", "y"]),
    ]
    assert [row["problem_id"] for row in probe.fixed(rows, 9)] == ["a"]
    assert probe.fixed([], 9) == []
