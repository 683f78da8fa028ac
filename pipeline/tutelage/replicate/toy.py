"""A replication of the toy world: its folders, and the settings that all its runs share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutelage import settings as settings_room
from tutelage.replicate.scale import Scale
from tutelage.rounds.loop import Launch
from tutelage.settings import Settings

Say = Callable[[str], None]
ARMS = ("st-sft", "mt-sft", "q-sft", "st-rl", "st-rl-32", "mt-rl", "q-rl")
HORIZON, TURNS = 10, 4
"""Turns of the evaluation, and of the training."""
WORLD = "tutelage.replicate.world"


@dataclass(frozen=True, slots=True)
class Toy:
    """A replication: output folder, scale, and callbacks."""

    out: Path
    scale: Scale
    seed: int
    say: Say
    launch: Launch
    """Runs the steps of `rounds`."""
    engine: str = "vllm"
    """Engine of the student; tests use a dotted engine that loads `student.model`."""

    @property
    def serves(self) -> bool:
        """Whether vLLM plays the student, so that one server stays up for all steps."""
        return self.engine == "vllm"

    @property
    def models(self) -> Path:
        """Folder of the base models."""
        return self.out / "models"

    @property
    def base(self) -> Path:
        """The base model of the main web."""
        return self.models / "base"

    def folder(self, number: int) -> Path:
        """Folder of the trainings with this seed, from 1."""
        return self.out / f"seed-{number}"

    def seed_of(self, number: int) -> int:
        """The random seed of these trainings."""
        return 100 * self.seed + number

    def corpus(self, family: str, size: int, side: str, lengths: str, seed: int) -> str:
        """Corpus spec of toy problems."""
        return f"{WORLD}:Toy?family={family}&size={size}&seed={seed}&side={side}&lengths={lengths}"

    def settings(self, corpora: Sequence[str], model: Path, **options: Any) -> Settings:
        """Settings of a run; all runs agree in the options of the server."""
        prompts = Path(__file__).parent / "prompts"
        return settings_room.load(
            corpora=tuple(corpora),
            prompts=str(prompts),
            student__engine=self.engine,
            student__model=str(model),
            student__prompt="toy",
            student__max_tokens=32,
            teacher__engine=options.pop("teacher", f"{WORLD}:Teacher"),
            vllm__dtype="float32",
            vllm__max_num_seqs=256,
            vllm__max_model_len=640,
            vllm__kv_cache_gb=1.0,
            dedup__enabled=False,
            feedback__forms={},
            **options,
        )
