"""Everything that a training run depends on, as one frozen record with its defaults.

The command line fills it in; `rounds` can fill it in from a file. No torch here, so that a wrong
value is found out in no time.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from tutelage.contract import LOSS_POLICIES
from tutelage.errors import SettingsError
from tutelage.plugins import nearest

Kind = Literal["sft", "rl"]
Normaliser = Literal["token", "sequence", "constant"]
Schedule = Literal["constant", "constant_with_warmup", "linear", "cosine"]
Dtype = Literal["auto", "bf16", "fp32"]
Old = Literal["stored", "start"]
Ratio = Literal["token", "sequence"]
States = Literal["fp32", "bf16", "8bit"]

DEFAULTS: dict[Kind, dict[str, Any]] = {
    "sft": {},
    "rl": {"lr": 1e-6, "schedule": "constant", "batch": 8, "normaliser": "sequence"},
}
"""Where a kind wants other defaults than the fields below have."""

_UNSHAPING = ("runs", "out", "save_every", "wandb", "threads", "fresh", "shard", "attention")
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
    """SQL condition over a row's columns; for RL, of a group that it does not hold of throughout
    nothing is read."""
    limit: int = 0
    """SFT: dialogues, RL: groups, at most; 0: all."""
    loss: str = ""
    """Loss policy that is drawn anew; empty: the one stored in the rows."""
    control: Literal["", "single", "unfiltered"] = ""
    """`single`: the statement as the user's message, the worked solution as the assistant's.
    `unfiltered`: failures are learnt from as well."""
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
    schedule: Schedule = "cosine"
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    dtype: Dtype = "auto"
    """`bf16`: autocast over float32 weights; `auto`: bf16 where the machine computes in it."""
    attention: str = "auto"
    """`each` or `varlen` (see `attention`), whichever is quicker here; or one of transformers'."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, a third more time."""
    shard: bool = False
    """Cut weights, gradients and optimiser states over the processes (FSDP2)."""
    states: States = "fp32"
    """Type of AdamW's two numbers a weight: 8, 4 or about 2 bytes (see `optimizer`)."""
    lora: int = 0
    """Rank of a LoRA adapter on all linear layers; 0: train all weights."""
    seed: int = 0
    threads: int = 0
    """CPU threads; 0: as torch decides."""

    normaliser: Normaliser = "token"
    """What the loss is divided by; see `loss.coefficients`."""
    ratio: Ratio = "token"
    """Importance ratio of each token, or of its whole sequence (GSPO)."""
    clip_low: float = 0.2
    clip_high: float = 0.2
    """The ratio is clipped to [1 - clip_low, 1 + clip_high]."""
    beta: float = 0.0
    """Weight of the KL divergence to the reference; 0 in the paper."""
    reference: str = ""
    """Frozen model for the KL term; empty: `model`."""
    std_floor: float = 1e-4
    """Least standard deviation that a group's advantages are divided by."""
    old: Old = "stored"
    """`stored`: ratio against the sampler's own log-probabilities; `start`: against the starting
    weights, computed before the first step (for rows that hold none)."""
    truncate: float = 0.0
    """Above 0: ratio against the starting weights, each token weighted by what they give it over
    what the sampler did, at most so much; for a sampler in another precision."""
    temperature: float = 0.0
    """Of the policy that is trained; 0: the one that the stored log-probabilities fit."""

    eval_every: int = 0
    """Steps between validations; 0: at the end of each epoch."""
    save_every: int = 0
    """Steps between saved states; 0: after each epoch and half an hour. Always at the end, and when
    interrupted."""
    wandb: str = ""
    """Weights & Biases project to report to; empty: none."""
    fresh: bool = False
    """Start anew where the output folder holds a training."""

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingsError(f"{name}: wanted one of {choices}, got {getattr(self, name)!r}")
        for name, (least, words) in _LEAST.items():
            if getattr(self, name) < least:
                raise SettingsError(f"{name}: wanted {words}, got {getattr(self, name)}")
        if not self.lr > 0:
            raise SettingsError(f"lr: wanted a number above 0, got {self.lr}")
        if not 0 <= self.warmup < 1 or not 0 <= self.clip_low < 1:
            raise SettingsError("warmup and clip_low: wanted a share in [0, 1)")
        if self.pack and self.pack < 8:
            raise SettingsError(f"pack: wanted 0, or at least 8 tokens, got {self.pack}")
        if self.kind == "rl" and self.control:
            raise SettingsError("control: rl has failures, and a solution no return; it is for sft")

    def shaping(self) -> dict[str, Any]:
        """What the outcome depends on: all but places, saving and speed."""
        tree = dataclasses.asdict(self)
        return {key: value for key, value in tree.items() if key not in _UNSHAPING}

    @property
    def rescored(self) -> bool:
        """Whether rows are scored under the starting weights before the first step."""
        return self.kind == "rl" and (self.old == "start" or self.truncate > 0)


def default(kind: Kind, name: str) -> Any:
    """Default of a field for this kind of training."""
    plain = {f.name: f.default for f in dataclasses.fields(Recipe)}
    return (plain | DEFAULTS[kind])[name]


def recipe(kind: Kind, runs: str | Sequence[str], out: str, **given: Any) -> Recipe:
    """A recipe of this kind, with its defaults for all that is not given.

    Raises:
        SettingsError: a field does not exist, or a value is out of range.
    """
    known = [f.name for f in dataclasses.fields(Recipe)]
    for name in given:
        if name not in known:
            raise SettingsError(
                f"no setting of a training is called {name!r}{nearest(name, known)}"
            )
    if "://" in out:
        raise SettingsError(f"--out wants a folder on this machine, got {out}: copy it there later")
    folders = (runs,) if isinstance(runs, str) else tuple(runs)
    return Recipe(kind, folders, out, **(DEFAULTS[kind] | given))


CHOICES: dict[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "normaliser": get_args(Normaliser),
    "schedule": get_args(Schedule),
    "dtype": get_args(Dtype),
    "old": get_args(Old),
    "control": ("", "single", "unfiltered"),
    "ratio": get_args(Ratio),
    "states": get_args(States),
    "too_long": ("drop", "refuse"),
    "loss": ("", *LOSS_POLICIES),
}
"""What a field may be, where it is not a matter of degree."""

_LEAST: dict[str, tuple[float, str]] = {
    "epochs": (1, "at least 1"),
    "batch": (1, "at least 1"),
    "pack": (0, "0 (one sequence a pass) or more"),
    "truncate": (0, "0 (off) or more"),
    "limit": (0, "0 (all) or more"),
    "length": (0, "0 (the model's own) or more"),
    "lora": (0, "0 (no adapter) or a rank"),
    "beta": (0, "0 or more"),
    "clip_high": (0, "0 or more"),
    "std_floor": (0, "0 or more"),
    "temperature": (0, "0 (found out) or more"),
    "max_grad_norm": (0, "0 (no clipping) or more"),
    "weight_decay": (0, "0 or more"),
    "eval_every": (0, "0 (each epoch) or more"),
    "save_every": (0, "0 (at the end) or more"),
    "threads": (0, "0 (as torch decides) or more"),
}
