"""The model and its tokenizer: opened, fitted with LoRA, and written out again for others to load.

transformers and peft do the work. Weights are float32 while they are trained (an update of 1e-5 of
a weight is lost in bfloat16) and are written in the type that they came in. Under LoRA the frozen
weights stay in the type that they came in, and only the adapter is float32.
"""

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tutelage import models
from tutelage.errors import ModelError, OutputError
from tutelage.train.packing import each
from tutelage.train.recipe import Recipe

ADAPTER = "adapter"


@dataclass(slots=True)
class Student:
    """The model that learns."""

    model: Any
    tokenizer: Any
    source: str
    """Folder or hub id that it came from."""
    dtype: torch.dtype
    """The type that its weights came in."""

    @property
    def context(self) -> int:
        """Tokens that the model takes."""
        return int(getattr(self.model.config.get_text_config(), "max_position_embeddings", 1 << 30))


def quiet() -> None:
    """Keeps transformers from drawing bars and giving advice among our lines."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    # it warns at every save that tied weights are stored once
    logging.getLogger("accelerate.utils.other").setLevel(logging.ERROR)


def tokenizer(name: str, chat_template: str = "") -> Any:
    """The tokenizer of a model, with another chat template where a file is given.

    Raises:
        ModelError: there is none at `name`, or the template cannot be read.
    """
    from transformers import AutoTokenizer

    found = _opened(AutoTokenizer, models.resolve(name))
    if chat_template:
        try:
            found.chat_template = Path(chat_template).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"no chat template to read at {chat_template}: {error}") from None
    return found


def config(name: str) -> Any:
    """The model's configuration.

    Raises:
        ModelError: there is no model at `name`.
    """
    from transformers import AutoConfig

    return _opened(AutoConfig, models.resolve(name))


def load(name: str, recipe: Recipe, frozen: bool = False) -> Any:
    """The model with weights and attention as `recipe` wants them.

    Raises:
        ModelError: there is no model at `name`, or it cannot be loaded.
    """
    from transformers import AttentionInterface, AutoModelForCausalLM

    AttentionInterface.register("each", each)
    native = config(name).dtype or torch.float32
    model = _opened(
        AutoModelForCausalLM,
        models.resolve(name),
        dtype=native if frozen or recipe.lora else torch.float32,
        attn_implementation=recipe.attention,
    )
    model.config.use_cache = False
    return model.requires_grad_(False).eval() if frozen else model


def student(name: str, recipe: Recipe) -> Student:
    """The model that learns, with a fresh adapter where `recipe` wants one."""
    model = load(name, recipe)
    native = config(name).dtype or torch.float32
    if recipe.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if recipe.lora:
        from peft import LoraConfig, get_peft_model

        if recipe.checkpointing:
            model.enable_input_require_grads()
        wanted = LoraConfig(
            r=recipe.lora,
            lora_alpha=2 * recipe.lora,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(model, wanted)
    return Student(model, tokenizer(name, recipe.chat_template), models.resolve(name), native)


def export(taught: Student, model: Any, state: dict[str, Any], folder: Path) -> None:
    """Writes a model folder that transformers and vLLM load; whole or not at all.

    An adapter is merged into its model, and also kept apart in `adapter/`.

    Args:
        taught: Where the model came from, and its tokenizer.
        model: The trained model, out of any wrapper.
        state: Its weights, gathered from all machines.
        folder: Replaced where it exists.
    """
    stage = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(stage, ignore_errors=True)
    if hasattr(model, "peft_config"):
        model.save_pretrained(str(stage / ADAPTER), state_dict=state)
        _merged(taught.source, stage)
    else:
        model.save_pretrained(str(stage), state_dict=_cast(state, taught.dtype))
    taught.tokenizer.save_pretrained(str(stage))
    _say_type(stage / "config.json", taught.dtype)
    readable = (stage / "config.json").stat().st_mode
    for weights in stage.glob("*.safetensors"):  # written for their owner alone
        weights.chmod(readable)
    replace(stage, folder)


def replace(stage: Path, folder: Path) -> None:
    """Puts the folder `stage` in the place of `folder`.

    Raises:
        OutputError: the file system will not have it.
    """
    old = folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        stage.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from None


def _cast(state: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """The weights in another type; those that share their memory (tied ones) go on sharing it."""
    made: dict[int, Any] = {}
    for weight in state.values():
        if weight.data_ptr() not in made:
            made[weight.data_ptr()] = weight.to(dtype) if weight.is_floating_point() else weight
    return {name: made[weight.data_ptr()] for name, weight in state.items()}


def _merged(source: str, stage: Path) -> None:
    """The base model with the adapter in it; added in float32, written as the base came."""
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    whole = PeftModel.from_pretrained(base, str(stage / ADAPTER)).merge_and_unload()
    native = AutoConfig.from_pretrained(source).dtype or torch.float32
    whole.to(native).save_pretrained(str(stage))


def _say_type(file: Path, dtype: torch.dtype) -> None:
    """`config.json` names the type of the weights in the file, not of those in memory."""
    tree = json.loads(file.read_text("utf-8"))
    tree.pop("torch_dtype", None)
    tree |= {"dtype": str(dtype).removeprefix("torch."), "use_cache": True}
    file.write_text(json.dumps(tree, indent=2) + "\n", "utf-8")


def _opened(kind: Any, name: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(name, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        words = str(error).strip().splitlines()
        said = words[0][:300] if words else type(error).__name__
        raise ModelError(f"cannot open the model {name}: {said}") from None
