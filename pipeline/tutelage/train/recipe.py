"""Everything that a training run depends on, as one frozen record with its defaults.

The command line fills it in, and so does `rounds` from a file. No torch here: mistakes show at once.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from tutelage.contract import LOSS_POLICIES
from tutelage.errors import SettingsError
from tutelage.plugins import nearest

Kind = Literal["sft", "rl"]
Normaliser = Literal["token", "sequence", "constant"]
DEFAULTS: dict[Kind, dict[str, Any]] = {
    "sft": {},
    "rl": {"lr": 1e-6, "schedule": "constant", "batch": 8, "normaliser": "sequence"},
}
"""Defaults of a kind that differ from those of the fields below."""

_FREE = ("runs", "out", "save_every", "wandb", "threads", "fresh", "shard", "attention", "compile")
"""Fields that may change when a training resumes; for `runs`, the rows are compared."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one training."""

    kind: Kind
    runs: tuple[str, ...]
    """Folders of the runs whose shards are read."""
    out: str
    """Folder for weights, state and metrics."""

    model: str = ""
    """Bundled name, local folder or hub id; empty: the run's own student."""
    carry: str = ""
    """Output folder of an earlier training whose weights and optimiser are continued (for rounds)."""
    chat_template: str = ""
    """File with a chat template to use in place of the tokenizer's."""

    arms: tuple[str, ...] = ()
    """Arms to read; empty: all."""
    where: str = ""
    """SQL condition on a row's columns; RL reads groups in which it is true of every row."""
    limit: int = 0
    """Maximum number of dialogues (SFT) or groups (RL); 0: all."""
    loss: str = ""
    """Loss policy that overrides the one in the rows; empty: no override."""
    control: Literal["", "single", "unfiltered"] = ""
    """`single`: from statement to worked solution, in one turn. `unfiltered`: failures too."""
    keep_leaks: bool = False
    """Train on dialogues in which an answer leaked; they are left out otherwise."""
    length: int = 0
    """Maximum length of a sequence in tokens; 0: the model's context."""
    too_long: Literal["drop", "refuse"] = "drop"
    """A longer one is left out and counted, or stops the training. It is never cut."""

    epochs: int = 1
    batch: int = 16
    """Dialogues (SFT) or groups (RL) per optimiser step."""
    pack: int = 2048
    """Tokens per forward pass; a longer sequence gets its own. 0: each sequence does."""
    lr: float = 2e-5
    schedule: Literal["constant", "constant_with_warmup", "linear", "cosine"] = "cosine"
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    dtype: Literal["auto", "bf16", "fp32"] = "auto"
    """`bf16`: autocast over float32 weights; `auto`: bf16 if the machine computes in it."""
    attention: str = "auto"
    """`each` or `varlen` (see `attention`), the faster one here (`auto`), or transformers' own."""
    compile: bool = False
    """`torch.compile` the layers except attention: pays off on a GPU, after a slow first step."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, a third more time."""
    shard: bool = False
    """Shard weights, gradients and optimiser states over the processes (FSDP2)."""
    states: Literal["fp32", "bf16", "8bit"] = "fp32"
    """Type of AdamW's two states per weight: 8, 4 or about 2 bytes (see `optimizer`)."""
    lora: int = 0
    """Rank of a LoRA adapter on all linear layers; 0: train all weights."""
    seed: int = 0
    threads: int = 0
    """CPU threads; 0: as torch decides."""

    normaliser: Normaliser = "token"
    """What the loss is divided by; see `loss.coefficients`."""
    ratio: Literal["token", "sequence"] = "token"
    """Importance ratio of each token, or of its whole sequence (GSPO)."""
    clip_low: float = 0.2
    clip_high: float = 0.2
    """The ratio is clipped to [1 - clip_low, 1 + clip_high]."""
    beta: float = 0.0
    """Weight of the KL divergence to the reference; 0 in the paper."""
    reference: str = ""
    """Frozen model of the KL term; empty: `model`."""
    std_floor: float = 1e-4
    """Lower bound of the standard deviation that divides a group's advantages."""
    old: Literal["stored", "start"] = "stored"
    """Log-probabilities in the ratio's denominator: the sampler's, or the starting weights'."""
    truncate: float = 0.0
    """Above 0: ratio against the starting weights, each token weighted by `loss.truncated`."""
    temperature: float = 0.0
    """Of the policy; 0: the temperature that fits the stored log-probabilities."""

    eval_every: int = 0
    """Steps between validations; 0: at the end of each epoch."""
    save_every: int = 0
    """Steps between saved states, besides the end and interruptions; 0: each epoch and half hour."""
    wandb: str = ""
    """Weights & Biases project to report to; empty: none."""
    fresh: bool = False
    """Start anew even if the output folder holds a training."""

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingsError(f"{name}: wanted one of {choices}, got {getattr(self, name)!r}")
        for field in dataclasses.fields(self):
            value, least = getattr(self, field.name), field.name in ("epochs", "batch")
            if isinstance(value, int | float) and value < least and field.name != "seed":
                raise SettingsError(f"{field.name}: wanted at least {least:d}, got {value}")
        if not self.lr > 0:
            raise SettingsError(f"lr: wanted a number above 0, got {self.lr}")
        if not 0 <= self.warmup < 1 or not 0 <= self.clip_low < 1:
            raise SettingsError("warmup and clip_low: wanted a share in [0, 1)")
        if self.pack and self.pack < 8:
            raise SettingsError(f"pack: wanted 0, or at least 8 tokens, got {self.pack}")
        if self.kind == "rl" and self.control:
            raise SettingsError("control: rl has failures, and a solution no return; it is for sft")

    def shaping(self) -> dict[str, Any]:
        """The fields that affect the result: all but folders, saving and speed."""
        tree = dataclasses.asdict(self)
        return {key: value for key, value in tree.items() if key not in _FREE}

    @property
    def stored(self) -> bool:
        """Whether the sampler's own log-probabilities are needed."""
        return self.kind == "rl" and (self.old == "stored" or self.truncate > 0)

    @property
    def rescored(self) -> bool:
        """Whether rows are scored under the starting weights before the first step."""
        return self.kind == "rl" and (self.old == "start" or self.truncate > 0)


def default(kind: Kind, name: str) -> Any:
    """Default of a field for this kind of training."""
    return ({f.name: f.default for f in dataclasses.fields(Recipe)} | DEFAULTS[kind])[name]


def recipe(kind: Kind, runs: str | Sequence[str], out: str, **options: Any) -> Recipe:
    """A recipe of this kind, with its defaults for fields that are not given.

    Raises:
        SettingsError: a field does not exist, or a value is out of range.
    """
    known = [f.name for f in dataclasses.fields(Recipe)]
    for name in options.keys() - {*known}:
        raise SettingsError(f"no setting of a training is called {name!r}{nearest(name, known)}")
    if "://" in out:
        raise SettingsError(f"--out wants a folder on this machine, got {out}: copy it there later")
    folders = (runs,) if isinstance(runs, str) else tuple(runs)
    return Recipe(kind, folders, out, **(DEFAULTS[kind] | options))


CHOICES: dict[str, tuple[str, ...]] = {
    field.name: get_args(field.type)
    for field in dataclasses.fields(Recipe)
    if get_origin(field.type) is Literal
} | {"loss": ("", *LOSS_POLICIES)}
"""The possible values of enumerated fields."""
