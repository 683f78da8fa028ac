"""A vLLM server that outlives single runs and takes new weights while it is up.

A generating process learns from its environment which weights are served where (`HOT_SWAP_SERVERS`
in `tutelage.engines`) and sends its requests there instead of starting an engine. Its settings are
those of a run without such a server, so a run can be resumed with or without one.

    play(model)     ready to serve these weights: as it is, after a reload, or after a restart
    rest()          GPU memory is free for other use, until the next `play`

A reload is tried only if the tensors of both folders have the same names, shapes and types. If it
fails in any way, the server is restarted, which is slower but always correct. Control requests need
the server's key like all others (`access`). Nothing here checks that tokenizer and chat template
are the same; the trainer ensures that.
"""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tutelage import models
from tutelage.engines import HOT_SWAP_MODEL, access, bodies, weight_update
from tutelage.engines.launch import VllmServer
from tutelage.engines.vllm_options import has_gpu
from tutelage.errors import ModelError
from tutelage.settings import Settings

_UNUSUAL = re.compile("quantization|load_format|lora|speculative")
"""Engine arguments under which the loaded weights differ from those in the files."""
_ORDER_S = 600.0


class HotSwapServer:
    """A hot-swap server and the weights it holds."""

    def __init__(
        self,
        settings: Settings,
        model: str,
        log: Path,
        say: Callable[[str], None],
        stopped: Callable[[], bool],
    ) -> None:
        """Starts the server and returns when it is healthy.

        Raises:
            ModelError: it could not start.
            Fatal: it was not ready in time, or `stopped` returned true during the start.
        """
        engine_arguments: dict[str, Any] = {"worker_extension_cls": weight_update.CLASS}
        if has_gpu():
            engine_arguments["enable_sleep_mode"] = True
        self._can_reload = not any(_UNUSUAL.search(name) for name in settings.vllm.extra)
        self._say = say
        self._asleep = False
        self._model, self._layout = model, layout(model)
        self.server = VllmServer(
            settings,
            model,
            log,
            say,
            name=HOT_SWAP_MODEL,
            more=engine_arguments,
            environment={"VLLM_SERVER_DEV_MODE": "1"},
            stopped=stopped,
        )

    def play(self, model: str) -> None:
        """Returns when the server answers with the weights of `model`. Raises as the constructor
        does.
        """
        new = layout(model)
        ready = self.server.alive() and (not self._asleep or self._succeeded("/wake_up"))
        self._asleep = False
        if not ready or (model != self._model and not self._reload(model, new)):
            self._say(f"starting vLLM again, for {model}")
            self.server.restart(model)
        self._model, self._layout = model, new

    def rest(self) -> None:
        """Frees GPU memory until the next `play`. Does nothing on a CPU, which has room for both."""
        if not has_gpu() or self._asleep or not self.server.alive():
            return
        # Level 1 keeps the weights in host memory, because they may be needed again.
        self._asleep = self._succeeded("/sleep?level=1")
        if not self._asleep:
            self.server.stop()

    def close(self) -> None:
        """Stops the server."""
        self.server.close()

    def _reload(self, model: str, new: str) -> bool:
        """Loads `model` into the running server. If this returns false, the server may be unusable."""
        if not self._can_reload or not new or new != self._layout:
            return False
        order = {"method": "take_weights", "args": [models.resolve(model)]}
        # The prefix cache was computed with the old weights.
        return self._succeeded("/collective_rpc", order) and self._succeeded("/reset_prefix_cache")

    def _succeeded(self, path: str, order: Any = None) -> bool:
        """POSTs a control request; returns whether the server reports success."""
        url = self.server.url.removesuffix("/v1") + path
        try:
            page = httpx.post(
                url, json=order, headers=access.headers(), timeout=_ORDER_S, trust_env=False,
                verify=bodies.certificates(),
            )  # fmt: skip
            return page.status_code == 200 and '"success":false' not in page.text
        except httpx.HTTPError:
            return False


def layout(model: str) -> str:
    """Names, shapes and types of the tensors in a model folder; empty if unknown."""
    folder = Path(models.resolve(model))
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    tensors: dict[str, Any] = {}
    for file in files:
        # Header: its length in eight bytes, then JSON.
        with file.open("rb") as weights:
            (length,) = struct.unpack("<Q", weights.read(8))
            try:
                header = json.loads(weights.read(length))
            except ValueError:
                raise ModelError(f"{file} is no safetensors file: pull or train it anew") from None
        header.pop("__metadata__", None)
        tensors |= {name: (tensor["dtype"], tensor["shape"]) for name, tensor in header.items()}
    return json.dumps(tensors, sort_keys=True) if tensors else ""
