"""The model and its tokenizer: opened, fitted with LoRA, and frozen where text does not go.

transformers and peft do the work. Weights are float32 while they are trained (an update of 1e-5 of
a weight is lost in bfloat16). Under LoRA the frozen weights stay in the type that they came in, and
only the adapter is float32.
"""

import contextlib
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tutelage import models
from tutelage.errors import ModelError
from tutelage.train import attention
from tutelage.train.policy import parts
from tutelage.train.recipe import Recipe


@dataclass(slots=True)
class Student:
    """The model that learns."""

    network: Any
    """As transformers made it, in peft's wrapper where it has an adapter."""
    tokenizer: Any
    source: str
    """Folder or hub id that it came from."""
    dtype: torch.dtype
    """The type that its weights came in."""

    @property
    def context(self) -> int:
        """Tokens that the model takes."""
        return context(self.network.config)


def context(config: Any) -> int:
    """Tokens that a model of this configuration takes."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or 1 << 30)


def half(recipe: Recipe) -> bool:
    """Whether forward passes compute in bfloat16."""
    if recipe.dtype != "auto":
        return recipe.dtype == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def quiet() -> None:
    """Keeps transformers from drawing bars and giving advice among our lines."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    # it warns at every save that tied weights are stored once
    logging.getLogger("accelerate.utils.other").setLevel(logging.ERROR)
    # that one process alone writes a distributed checkpoint is no news
    warnings.filterwarnings("ignore", module=r"torch\.distributed\.checkpoint")


def tokenizer(name: str, chat_template: str = "") -> Any:
    """The tokenizer of a model, with another chat template where a file is given.

    Raises:
        ModelError: there is none at `name`, or the template cannot be read.
    """
    from transformers import AutoTokenizer

    opened = _opened(AutoTokenizer, models.resolve(name))
    if chat_template:
        try:
            opened.chat_template = Path(chat_template).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"no chat template to read at {chat_template}: {error}") from None
    return opened


def config(name: str) -> Any:
    """The model's configuration.

    Raises:
        ModelError: there is no model at `name`.
    """
    from transformers import AutoConfig

    return _opened(AutoConfig, models.resolve(name))


def load(
    name: str, recipe: Recipe, frozen: bool = False, empty: bool = False, shapes: bool = False
) -> Any:
    """The model with weights and attention as `recipe` wants them.

    Args:
        name: Bundled name, local folder or hub id.
        recipe: What it is for.
        frozen: For looking only.
        empty: Without weights (on `meta`), with its buffers.
        shapes: As it comes: for a mode in which no tensor has numbers.

    Raises:
        ModelError: there is no model at `name`, or it cannot be loaded.
    """
    from accelerate import init_empty_weights
    from transformers import AutoModelForCausalLM

    attention.register()
    settings = config(name)
    native = settings.dtype or torch.float32
    options = {
        "dtype": native if frozen or recipe.lora else torch.float32,
        "attn_implementation": attention.chosen(recipe.attention, half(recipe)),
    }
    if empty or shapes:
        hollow = contextlib.nullcontext() if shapes else init_empty_weights(include_buffers=False)
        with hollow:
            network = AutoModelForCausalLM.from_config(settings, **options)
        network.tie_weights()  # emptied one by one, they have come apart
    else:
        network = _opened(AutoModelForCausalLM, models.resolve(name), **options)
    return network.requires_grad_(False).eval() if frozen else network


def student(name: str, recipe: Recipe, empty: bool = False, shapes: bool = False) -> Student:
    """The model that learns, with a fresh adapter where `recipe` wants one."""
    network = load(name, recipe, empty=empty, shapes=shapes)
    native = config(name).dtype or torch.float32
    learning = parts(network)
    for weight in network.parameters():
        weight.requires_grad_(id(weight) in learning and weight.is_floating_point())
    if recipe.checkpointing:
        network.gradient_checkpointing_enable({"use_reentrant": False})
    if recipe.lora:
        network = _adapted(network, recipe, empty)
    return Student(network, tokenizer(name, recipe.chat_template), models.resolve(name), native)


def _adapted(network: Any, recipe: Recipe, empty: bool) -> Any:
    """The network with a fresh adapter on every linear layer that text goes through."""
    from accelerate import init_empty_weights
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    if recipe.checkpointing:
        network.enable_input_require_grads()
    text = network.get_decoder()
    inside = {id(module) for module in text.modules()}
    linear = (torch.nn.Linear, Conv1D)
    settings = LoraConfig(
        r=recipe.lora,
        lora_alpha=2 * recipe.lora,
        target_modules=[
            name
            for name, module in network.named_modules()
            if isinstance(module, linear) and id(module) in inside
        ],
        task_type="CAUSAL_LM",
    )
    hollow = init_empty_weights(include_buffers=False) if empty else contextlib.nullcontext()
    with hollow:
        return get_peft_model(network, settings)


def _opened(kind: Any, name: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(name, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        words = str(error).strip().splitlines()
        reason = words[0][:300] if words else type(error).__name__
        raise ModelError(f"cannot open the model {name}: {reason}") from None
