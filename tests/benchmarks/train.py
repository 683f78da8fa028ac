"""SFT beside TRL's: tokens a second on the same dialogues, model and settings.

    python tests/benchmarks/train.py [--steps 3] [--batch 8] [--model smollm2-135m]

Each trainer lives in a process of its own and takes whole optimiser steps (forward, backward,
clipping, AdamW) by its own code: `Learner.step` here, `SFTTrainer.train` there, held between steps
by a callback. They take turns, a step each, so that a busy machine slows both alike. Both compute
in bfloat16 over float32 weights, learn the same dialogues once in steps of the same size, and train
on the assistant's tokens only. A token counts whether it is trained or not; padding never counts.
The first step of each is not timed.

What is measured on a CPU is true of a CPU: TRL pads a batch to its longest dialogue, and its head
scores every position there, on a GPU only the trained ones.
"""

import argparse
import json
import multiprocessing as mp
import os
import random
import statistics
import time
from multiprocessing.connection import Connection
from typing import Any

SEED = 4
TEXT = (
    "so then we take the first number and add what is left over to find how many there are in all "
    "because each of them has two more than before and we must not count the same one twice"
)

Chat = list[dict[str, str]]


def dialogues(count: int) -> list[Chat]:
    """Dialogues of one to four turns and of very different lengths, as runs have them."""
    draw, words = random.Random(SEED), TEXT.split()

    def said(low: int, high: int) -> str:
        return " ".join(draw.choices(words, k=draw.randint(low, high)))

    made = []
    for number in range(count):
        chat = [{"role": "system", "content": "You solve word problems."}]
        for turn in range(1 + number % 4):
            chat.append({"role": "user", "content": said(*((30, 70) if turn == 0 else (10, 30)))})
            chat.append({"role": "assistant", "content": f"{said(15, 80)}. So it is {number}."})
        made.append(chat)
    return made


def ours(pipe: Connection, model: str, chats: list[Chat], batch: int) -> None:
    """Learner.step on packed rows."""
    from tutelage.contract.tokens import Encoder
    from tutelage.train import model as models
    from tutelage.train.learner import Learner
    from tutelage.train.recipe import recipe

    models.quiet()
    chosen = recipe("sft", "", "", dtype="bf16", batch=batch)
    learner = Learner(chosen, model)
    encoder = Encoder(learner.student.tokenizer)
    rows = [{"dialogue_id": str(i), "messages": c, "trail": trail(c)} for i, c in enumerate(chats)]
    samples = [encoder.sample(row) for row in rows]
    for start in range(0, len(samples), batch):
        pipe.recv()
        begun = time.perf_counter()
        figures = learner.step(samples[start : start + batch], 1e-5)
        pipe.send((figures["tokens"], time.perf_counter() - begun))


def trail(chat: Chat) -> list[dict[str, Any]]:
    blank = {"form": "", "token_ids": [], "logprobs": [], "reasoning": "", "finish_reason": "stop"}
    return [
        blank | {"turn": i // 2, "train": message["role"] == "assistant"}
        for i, message in enumerate(chat)
    ]


def trl(pipe: Connection, model: str, chats: list[Chat], batch: int) -> None:
    """SFTTrainer.train with its defaults for all that does not make the task another one."""
    import tempfile

    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from tutelage import models

    folder = models.resolve(model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}",
        "{{'<|im_start|>' + message['role'] + '\n'}}{% if message['role'] == 'assistant' %}"
        "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
        "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}",
    )
    assert "{% generation %}" in tokenizer.chat_template, "the template is not the one expected"

    class Turns(TrainerCallback):  # type: ignore[misc]
        """Waits for its turn before each step, and reports after it."""

        begun = 0.0
        seen = 0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            pipe.recv()
            self.begun = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            total = int(trainer._total_train_tokens)
            pipe.send((total - self.seen, time.perf_counter() - self.begun))
            self.seen = total

    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
            args=SFTConfig(
                output_dir=scratch,
                per_device_train_batch_size=batch,
                assistant_only_loss=True,
                max_length=None,
                bf16=True,
                use_cpu=not torch.cuda.is_available(),
                gradient_checkpointing=False,
                learning_rate=1e-5,
                logging_steps=10_000,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
            processing_class=tokenizer,
            train_dataset=Dataset.from_list([{"messages": chat} for chat in chats]),
            callbacks=[Turns()],
        )
        trainer.train()


def race(model: str, steps: int, batch: int) -> dict[str, list[tuple[int, float]]]:
    """(tokens, seconds) of every timed step of each trainer."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # for both: threads that wait sleep
    context = mp.get_context("spawn")
    chats = dialogues(batch * (steps + 1))
    pipes: dict[str, Connection] = {}
    workers = []
    for work in (ours, trl):
        pipes[work.__name__], theirs = context.Pipe()
        workers.append(
            context.Process(target=work, args=(theirs, model, chats, batch), daemon=True)
        )
        workers[-1].start()
    taken: dict[str, list[tuple[int, float]]] = {name: [] for name in pipes}
    for step in range(steps + 1):
        for name in list(pipes)[:: 1 if step % 2 == 0 else -1]:
            pipes[name].send("go")
            taken[name].append(pipes[name].recv())
    for worker in workers:
        worker.join(timeout=60)
    return {name: times[1:] for name, times in taken.items()}


def figures(model: str = "smollm2-135m", steps: int = 3, batch: int = 8) -> dict[str, Any]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    from tutelage import models

    if model == models.BUNDLED:
        models.pull()
    taken = race(model, steps, batch)
    speed = {
        name: sum(tokens for tokens, _ in times) / sum(seconds for _, seconds in times)
        for name, times in taken.items()
    }
    pairs = zip(taken["ours"], taken["trl"], strict=True)
    by_step = [(n / s) / (m / t) for (n, s), (m, t) in pairs]
    return {
        "sft_tokens_per_second": {
            "ratio": round(speed["ours"] / speed["trl"], 3),
            "goal": 0.95,
            "better": "higher",
            "value": round(speed["ours"], 1),
            "unit": "tokens/s",
            "rivals": {
                "TRL SFTTrainer": {
                    "tokens_per_second": round(speed["trl"], 1),
                    "median_of_the_steps_ratios": round(statistics.median(by_step), 3),
                }
            },
            "command": f"python tests/benchmarks/train.py --steps {steps} --batch {batch}",
        }
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="SFT beside TRL's SFTTrainer.")
    parser.add_argument("--steps", type=int, default=3, help="Timed steps of each.")
    parser.add_argument("--batch", type=int, default=8, help="Dialogues a step.")
    parser.add_argument("--model", default="smollm2-135m")
    given = parser.parse_args()
    print(json.dumps(figures(given.model, given.steps, given.batch), indent=1))


if __name__ == "__main__":
    main()
