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
"""Where a kind wants other defaults than the fields below have."""

_FREE = ("runs", "out", "save_every", "wandb", "threads", "fresh", "shard", "attention", "compile")
"""What may differ between a training and its resumption; of the runs, the rows are compared."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run: `kind` says by which objective."""

    kind: Kind
    runs: tuple[str, ...]
    """Folders of the runs whose shards are read."""
    out: str
    """Folder for weights, state and metrics."""

    model: str = ""
    """Bundled name, local folder or hub id; empty: the run's own student."""
    carry: str = ""
    """Output folder of an earlier training whose weights and optimiser go on (for rounds)."""
    chat_template: str = ""
    """File with a chat template to use in place of the tokenizer's."""

    arms: tuple[str, ...] = ()
    """Arms to read; empty: all."""
    where: str = ""
    """SQL condition over a row's columns; RL reads groups in which it holds of every row."""
    limit: int = 0
    """SFT: dialogues, RL: groups, at most; 0: all."""
    loss: str = ""
    """Loss policy that is drawn anew; empty: the one stored in the rows."""
    control: Literal["", "single", "unfiltered"] = ""
    """`single`: from statement to worked solution, at one turn. `unfiltered`: failures as well."""
    keep_leaks: bool = False
    """Train on dialogues in which an answer leaked; they are left out otherwise."""
    length: int = 0
    """Tokens of a sequence at most; 0: what the model takes."""
    too_long: Literal["drop", "refuse"] = "drop"
    """A longer one is left out whole and counted, or stops the run. It is never cut."""

    epochs: int = 1
    batch: int = 16
    """SFT: dialogues, RL: groups, an optimiser step."""
    pack: int = 2048
    """Tokens of one forward pass; a longer sequence gets one of its own. 0: each does."""
    lr: float = 2e-5
    schedule: Literal["constant", "constant_with_warmup", "linear", "cosine"] = "cosine"
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    dtype: Literal["auto", "bf16", "fp32"] = "auto"
    """`bf16`: autocast over float32 weights; `auto`: bf16 where the machine computes in it."""
    attention: str = "auto"
    """`each` or `varlen` (see `attention`), whichever is quicker here; or one of transformers'."""
    compile: bool = False
    """`torch.compile` the layers but for their attention: pays on a GPU, after a slow first step."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, a third more time."""
    shard: bool = False
    """Cut weights, gradients and optimiser states over the processes (FSDP2)."""
    states: Literal["fp32", "bf16", "8bit"] = "fp32"
    """Type of AdamW's two numbers a weight: 8, 4 or about 2 bytes (see `optimizer`)."""
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
    """Least standard deviation that a group's advantages are divided by."""
    old: Literal["stored", "start"] = "stored"
    """Log-probabilities of the ratio: the sampler's own, or under the starting weights."""
    truncate: float = 0.0
    """Above 0: ratio against the starting weights, each token weighted by `loss.truncated`."""
    temperature: float = 0.0
    """Of the policy that is trained; 0: the one that the stored log-probabilities fit."""

    eval_every: int = 0
    """Steps between validations; 0: at the end of each epoch."""
    save_every: int = 0
    """Steps between saved states, besides the end and interruptions; 0: each epoch and half hour."""
    wandb: str = ""
    """Weights & Biases project to report to; empty: none."""
    fresh: bool = False
    """Start anew where the output folder holds a training."""

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
        """What the outcome depends on: all but folders, saving and speed."""
        tree = dataclasses.asdict(self)
        return {key: value for key, value in tree.items() if key not in _FREE}

    @property
    def stored(self) -> bool:
        """Whether the sampler's own log-probabilities are wanted."""
        return self.kind == "rl" and (self.old == "stored" or self.truncate > 0)

    @property
    def rescored(self) -> bool:
        """Whether rows are scored under the starting weights before the first step."""
        return self.kind == "rl" and (self.old == "start" or self.truncate > 0)


def default(kind: Kind, name: str) -> Any:
    """Default of a field for this kind of training."""
    return ({f.name: f.default for f in dataclasses.fields(Recipe)} | DEFAULTS[kind])[name]


def recipe(kind: Kind, runs: str | Sequence[str], out: str, **given: Any) -> Recipe:
    """A recipe of this kind, with its defaults for all that is not given.

    Raises:
        SettingsError: a field does not exist, or a value is out of range.
    """
    known = [f.name for f in dataclasses.fields(Recipe)]
    for name in given.keys() - {*known}:
        raise SettingsError(f"no setting of a training is called {name!r}{nearest(name, known)}")
    if "://" in out:
        raise SettingsError(f"--out wants a folder on this machine, got {out}: copy it there later")
    folders = (runs,) if isinstance(runs, str) else tuple(runs)
    return Recipe(kind, folders, out, **(DEFAULTS[kind] | given))


CHOICES: dict[str, tuple[str, ...]] = {
    field.name: get_args(field.type)
    for field in dataclasses.fields(Recipe)
    if get_origin(field.type) is Literal
} | {"loss": ("", *LOSS_POLICIES)}
"""What a field may be, where it is not a matter of degree."""
