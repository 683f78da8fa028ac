"""The model and its tokenizer: opened, adapted with LoRA, and frozen where text does not pass.

transformers and peft do the work. Weights are float32 while they are trained (an update of 1e-5 of
a weight is lost in bfloat16). With LoRA the frozen weights keep their type, and only the adapter is
float32. Whatever cannot be opened is a `ModelError`.
"""

import contextlib
import gc
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tutelage import models
from tutelage.errors import ModelError, SettingsError
from tutelage.train import attention
from tutelage.train.policy import Policy, blocks
from tutelage.train.recipe import Recipe

Hollow = Callable[[], contextlib.AbstractContextManager[Any]]
"""A context in which models are built from shapes, without values."""


@dataclass(slots=True)
class Student:
    """The model in training."""

    network: Any
    """A transformers model, wrapped by peft if it has an adapter."""
    tokenizer: Any
    source: str
    """Folder or hub id that it was loaded from."""
    dtype: torch.dtype
    """The original type of its weights."""


def context(config: Any) -> int:
    """Context length of a model with this configuration, in tokens."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or 1 << 30)


def half(recipe: Recipe) -> bool:
    """Whether forward passes compute in bfloat16."""
    if recipe.dtype != "auto":
        return recipe.dtype == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Context in which a GPU that is full is a mistake of one line, with what needs less.

    Raises:
        SettingsError: there was no room.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        traceback.clear_frames(error.__traceback__)  # else who keeps the error keeps the model
        release()
        reason = " ".join(". ".join(str(error).split(". ")[:3]).split())[:300].rstrip(".")
        raise SettingsError(
            f"the GPU has no room for this training ({reason}): end what else is on it (nvidia-smi), "
            "or give --checkpointing, a smaller --pack or --length, --states 8bit, --lora 16; "
            "--dry-run says what each needs"
        ) from None


def release() -> None:
    """Gives a GPU back to other processes: torch keeps the memory of what is gone for itself."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def quiet() -> None:
    """Silences the progress bars and advice of transformers."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    # It warns at every save that tied weights are stored once.
    logging.getLogger("accelerate.utils.other").setLevel(logging.ERROR)
    # It warns if a single process writes a distributed checkpoint.
    warnings.filterwarnings("ignore", module=r"torch\.distributed\.checkpoint")


def tokenizer(name: str, chat_template: str = "") -> Any:
    """The tokenizer of a model, with the chat template in the given file, if any."""
    from transformers import AutoTokenizer

    loaded = _opened(AutoTokenizer, models.resolve(name))
    if chat_template:
        try:
            loaded.chat_template = Path(chat_template).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"no chat template to read at {chat_template}: {error}") from None
    return loaded


def config(name: str) -> Any:
    """The model's configuration."""
    from transformers import AutoConfig

    return _opened(AutoConfig, models.resolve(name))


def load(name: str, recipe: Recipe, frozen: bool = False, hollow: Hollow | None = None) -> Any:
    """The model with weights and attention as `recipe` says.

    `frozen`: for inference only. `hollow`: build it in this context, without weights.
    """
    from transformers import AutoModelForCausalLM

    attention.register(recipe.compile)
    settings = config(name)
    options = {
        "dtype": (settings.dtype or torch.float32) if frozen or recipe.lora else torch.float32,
        "attn_implementation": attention.chosen(recipe.attention, half(recipe)),
    }
    if hollow:
        with hollow():
            network = AutoModelForCausalLM.from_config(settings, **options)
        network.tie_weights()  # ties weights again that were emptied separately
    else:
        network = _opened(AutoModelForCausalLM, models.resolve(name), **options)
    if recipe.compile:
        for layer in blocks(network):
            layer.compile(dynamic=True)
    return network.requires_grad_(False).eval() if frozen else network


def empty() -> Any:
    """A `Hollow` in which weights are on `meta`, and buffers have their values."""
    from accelerate import init_empty_weights

    return init_empty_weights(include_buffers=False)


def student(name: str, recipe: Recipe, hollow: Hollow | None = None) -> Student:
    """The model in training, with a new adapter if `recipe` has one.

    Parts that text does not pass, such as a vision tower, are frozen and written out unchanged.
    """
    network, native = load(name, recipe, hollow=hollow), config(name).dtype or torch.float32
    text_modules = (network.get_decoder(), network.get_output_embeddings())
    trained_ids = {id(weight) for module in text_modules for weight in module.parameters()}
    for weight in network.parameters():
        weight.requires_grad_(id(weight) in trained_ids and weight.is_floating_point())
    if recipe.checkpointing:
        network.gradient_checkpointing_enable({"use_reentrant": False})
    if recipe.lora:
        with (hollow or contextlib.nullcontext)():
            network = _adapted(network, recipe)
    return Student(network, tokenizer(name, recipe.chat_template), models.resolve(name), native)


def policy(network: Any, recipe: Recipe) -> Policy:
    """The network as the module that computes log-probabilities as `recipe` says."""
    module = Policy(network, attention.chosen(recipe.attention, half(recipe)), half(recipe))
    module.form = replace(module.form, compiled=recipe.compile, entropies=recipe.kind == "rl")
    return module


def _adapted(network: Any, recipe: Recipe) -> Any:
    """The network with a new adapter on every linear layer that text passes."""
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    if recipe.checkpointing:
        network.enable_input_require_grads()
    inside = {id(module) for module in network.get_decoder().modules()}
    targets = [
        name
        for name, module in network.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D)) and id(module) in inside
    ]
    size = {"r": recipe.lora, "lora_alpha": 2 * recipe.lora}
    return get_peft_model(
        network, LoraConfig(target_modules=targets, task_type="CAUSAL_LM", **size)
    )


def _opened(kind: Any, name: str, **options: Any) -> Any:
    hub_id, revision = models.split(name)
    if revision:
        options["revision"] = revision
    try:
        return kind.from_pretrained(hub_id, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise ModelError(f"cannot open the model {name}: {reason}") from None
