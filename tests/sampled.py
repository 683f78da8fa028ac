"""What a run stored of its sampled tokens, held against a model in a folder."""

from pathlib import Path

from tutelage.shards import read_rows


def off(folder: str, run: Path) -> float:
    """How far stored log-probabilities are from those under the weights in `folder`, on average.

    Those of the distribution that was sampled, at its temperature and otherwise whole.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    apart: list[float] = []
    for row in list(read_rows(str(run)))[:6]:
        before: list[int] = []
        temperature = row["sampling"]["student"]["temperature"]
        for i, known in enumerate(row["trail"]):
            if known["speaker"] != "student":
                continue
            said = known["token_ids"]
            if known["prompt_ids"]:  # the very prompt that was sampled after
                prompt = (before if known["continues"] else []) + known["prompt_ids"]
            else:
                prompt = tokenizer.apply_chat_template(
                    row["messages"][:i], add_generation_prompt=True, return_dict=False
                )
            before = prompt + said
            with torch.no_grad():
                logits = model(torch.tensor([prompt + said])).logits[0, len(prompt) - 1 : -1]
            drawn = (logits / temperature).log_softmax(-1)[range(len(said)), said]
            apart += (drawn - torch.tensor(known["logprobs"])).abs().tolist()
    return sum(apart) / len(apart)
