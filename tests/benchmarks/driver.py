"""How much of vLLM's speed is left when it plays dialogues: ours beside three other drivers.

    python tests/benchmarks/driver.py [--dialogues 48] [--slots 16] [--rounds 3]

True vLLM, in this process, with the bundled model. First the pipeline plays dialogues of up to four
turns over the starter corpus, and every request to the student is recorded. Then all contenders
have the one engine work off exactly these requests (the same prompts, and as many tokens as were
sampled, whatever they are), in turns, with the prefix cache emptied before each:

- **pipeline**: the whole command, Beam, verifier, teacher, leak gate and journal included. A
  dialogue's next request is sent when its last reply has come.
- **plain batch**: all prompts, tokenised before the clock starts, added to vLLM's `LLMEngine` at
  once, as if no reply depended on another. It is what the others are measured by.
- **turn barrier**: all first turns, then all second ones, and so on.
- **RunInference**: Beam's own step, once for each turn, with a handler that does what Beam's
  `VLLMChatModelHandler` does, one `asyncio.gather` a batch; a batch is as many as the engine slots.

Time runs from the first request to the last reply. A ratio is the median over rounds of a contender's
speed over that of the plain batch in the same round; the best of each over all rounds stands beside
it, because other work on the machine only ever slows.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import ModelHandler, PredictionResult, RunInference
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tutelage import settings as settings_room
from tutelage.engines.vllm import InProcess
from tutelage.records import Reply, Request
from tutelage.settings import Player, Settings


@dataclass(frozen=True)
class Recorded:
    """One student turn as it was recorded."""

    request: Request
    reply: Reply


@dataclass
class Stage:
    """What all contenders share: the engine, what was recorded, and the clock."""

    engine: InProcess
    turns: dict[str, list[Recorded]]
    """Dialogue id -> its turns in order."""
    recording: bool = True
    begun: float = 0.0
    ended: float = 0.0

    def clear(self) -> None:
        self.engine.started.engine.reset_prefix_cache()
        self.begun = self.ended = 0.0

    async def reply(self, request: Request) -> Reply:
        """The engine's reply to a request; the clock runs from the first to the last."""
        self.begun = self.begun or time.perf_counter()
        reply = await self.engine.reply(request)
        self.ended = time.perf_counter()
        return reply


STAGE: Stage


class Played:
    """The student of the pipeline's runs: the engine, asked anew for what was recorded."""

    def __init__(self, player: Player, settings: Settings) -> None:
        self._turn: dict[str, int] = {}

    @property
    def capacity(self) -> int:
        return STAGE.engine.capacity

    async def reply(self, request: Request) -> Reply:
        name = request.dialogue.dialogue_id
        if STAGE.recording:
            reply = await STAGE.reply(request)
            STAGE.turns.setdefault(name, []).append(Recorded(request, reply))
            return reply
        turn = self._turn.get(name, 0)
        self._turn[name] = turn + 1
        recorded = STAGE.turns[name][turn]
        assert recorded.request.chat == request.chat, "the dialogue went another way"
        made = await STAGE.reply(exactly(recorded))
        assert made.usage.completion == recorded.reply.usage.completion
        return recorded.reply

    def gauges(self) -> Mapping[str, float]:
        return {}

    def close(self) -> None:
        """The engine stays for the next contender."""


def exactly(recorded: Recorded) -> Request:
    """The recorded request with the number of tokens that was sampled."""
    request = recorded.request
    count = recorded.reply.usage.completion
    return replace(request, sampling=replace(request.sampling, max_tokens=count))


def pipeline(dialogues: int) -> None:
    from tutelage.flow import run

    settings = settings_room.load(
        corpora=(f"starter?size={dialogues}",),
        student__engine="driver:Played",
        teacher__engine="worked",
    )
    with tempfile.TemporaryDirectory() as out:
        run(settings, f"{out}/run")


def _work_off(recorded: Sequence[Recorded]) -> None:
    """Hands requests to the engine's thread all at once, and waits until all are answered."""

    async def gathered() -> None:
        await asyncio.gather(*(STAGE.reply(exactly(turn)) for turn in recorded))

    asyncio.run(gathered())


def plain_batch() -> None:
    """vLLM alone: the engine's own thread sleeps, because nobody has asked it anything."""
    engine = STAGE.engine.started.engine
    requests = [exactly(one) for turns in STAGE.turns.values() for one in turns]
    ready = [
        (STAGE.engine.prompt(one), STAGE.engine.params(one, one.sampling.max_tokens))
        for one in requests
    ]
    STAGE.begun = time.perf_counter()
    for number, (prompt, params) in enumerate(ready):
        engine.add_request(f"plain {number}", {"prompt_token_ids": prompt}, params)
    while engine.has_unfinished_requests():
        engine.step()
    STAGE.ended = time.perf_counter()


def turn_barrier() -> None:
    for turn in range(max(map(len, STAGE.turns.values()))):
        _work_off([turns[turn] for turns in STAGE.turns.values() if len(turns) > turn])


class Handler(ModelHandler):
    """As `VLLMChatModelHandler`: a batch is gathered, and ends with its slowest row."""

    def __init__(self, size: int) -> None:
        super().__init__(min_batch_size=size, max_batch_size=size)

    def load_model(self) -> Stage:
        return STAGE

    def run_inference(
        self, batch: Sequence[tuple[str, int]], model: Stage, inference_args: Any = None
    ) -> list[PredictionResult]:
        async def gathered() -> list[Reply]:
            requests = [exactly(model.turns[name][turn]) for name, turn in batch]
            return list(await asyncio.gather(*map(model.reply, requests)))

        replies = asyncio.run(gathered())
        return [PredictionResult(row, reply) for row, reply in zip(batch, replies, strict=True)]


def goes_on(result: Any) -> Iterator[tuple[str, int]]:
    """The next turn of a dialogue that has one."""
    name, turn = result.example
    if turn + 1 < len(STAGE.turns[name]):
        yield name, turn + 1


def run_inference() -> None:
    size = STAGE.engine.capacity
    with beam.Pipeline(runner=FnApiRunner()) as pipe:
        rows = pipe | beam.Create([(name, 0) for name in STAGE.turns], reshuffle=False)
        for turn in range(max(map(len, STAGE.turns.values()))):
            results = rows | f"turn {turn + 1}" >> RunInference(Handler(size))
            rows = results | f"go on after {turn + 1}" >> beam.FlatMap(goes_on)


def record(dialogues: int, slots: int) -> None:
    """Starts the engine and plays the dialogues once."""
    global STAGE
    settings = settings_room.load("", ["student.engine=vllm", f"vllm.max_num_seqs={slots}"])
    STAGE = Stage(InProcess(settings.student, settings), {})
    pipeline(dialogues)
    STAGE.recording = False
    # What was sampled as the end of a reply must not end its repetition early.
    started = STAGE.engine.started
    STAGE.engine.started = replace(started, params=partial(started.params, ignore_eos=True))


def figures(dialogues: int = 48, slots: int = 16, rounds: int = 3) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    with contextlib.redirect_stdout(sys.stderr):
        record(dialogues, slots)
    recorded = [turn for turns in STAGE.turns.values() for turn in turns]
    tokens = sum(turn.reply.usage.completion for turn in recorded)
    contenders: dict[str, Callable[[], None]] = {
        "pipeline": partial(pipeline, dialogues),
        "plain batch": plain_batch,
        "turn barrier": turn_barrier,
        "RunInference": run_inference,
    }
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, play in contenders.items():
            STAGE.clear()
            play()
            speeds[name].append(tokens / (STAGE.ended - STAGE.begun))
            print(f"{name}: {speeds[name][-1]:.1f} tokens/s", file=sys.stderr, flush=True)
    STAGE.engine.close()

    value = {name: round(max(found), 1) for name, found in speeds.items()}

    def paired(name: str) -> list[float]:
        return [a / b for a, b in zip(speeds[name], speeds["plain batch"], strict=True)]

    def ratio(name: str) -> float:
        return round(median(paired(name)), 4)

    def best(name: str) -> float:
        return round(max(speeds[name]) / max(speeds["plain batch"]), 4)

    return {
        "driver_efficiency": {
            "ratio": ratio("pipeline"),
            "goal": 0.9,
            "better": "higher",
            "value": value["pipeline"],
            "unit": "generated tokens/s at best",
            "ratio_of_best": best("pipeline"),
            "ratio_by_round": [round(one, 4) for one in paired("pipeline")],
            "rivals": {
                name: {
                    "tokens_per_second": value[name],
                    "ratio": ratio(name),
                    "ratio_of_best": best(name),
                }
                for name in contenders
                if name != "pipeline"
            },
            "requests": {
                "dialogues": len(STAGE.turns),
                "requests": len(recorded),
                "tokens": tokens,
                "dialogues_by_turns": dict(sorted(Counter(map(len, STAGE.turns.values())).items())),
            },
            "command": "python tests/benchmarks/driver.py "
            f"--dialogues {dialogues} --slots {slots} --rounds {rounds}",
        }
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Our driver beside others, on true vLLM.")
    parser.add_argument("--dialogues", type=int, default=48)
    parser.add_argument("--slots", type=int, default=16, help="what vLLM runs at once")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(json.dumps(figures(given.dialogues, given.slots, given.rounds), indent=1))


if __name__ == "__main__":
    # Workers find the engine by the name of this module, which must be there once only.
    from driver import main

    main()
