"""A vLLM server that outlives the process that it answers: it takes new weights while it runs.

The process that plays is told by its environment which weights are served where (`HOT_SWAP_SERVERS` in
`tutelage.engines`), and asks there in place of starting an engine of its own. Its settings stay
those of a run without a server, so a run begun with one can go on without, and the other way round.

    play(model)     ready to answer with these weights: as it is, by a reload, or by a new start
    rest()          a GPU's memory is free for somebody else, until `play`

A reload is tried only between folders whose tensors have the same names, shapes and types. Whatever
goes wrong with one, the server is started again, which is always right and takes longer.
Its orders, like all else that it answers, want its key (`access`).
Not here: any check that tokenizer and chat template are the same; who trains knows.
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
"""Engine arguments by which loaded weights are not those of the file."""
_ORDER_S = 600.0


class HotSwapServer:
    """A server of ours, and what it holds."""

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
            Fatal: it was not ready in time, or `stopped` said so while it started.
        """
        more: dict[str, Any] = {"worker_extension_cls": weight_update.CLASS}
        if has_gpu():
            more["enable_sleep_mode"] = True
        self._usual = not any(_UNUSUAL.search(name) for name in settings.vllm.extra)
        self._say = say
        self._asleep = False
        self._holds, self._layout = model, layout(model)
        self.server = VllmServer(
            settings,
            model,
            log,
            say,
            name=HOT_SWAP_MODEL,
            more=more,
            environment={"VLLM_SERVER_DEV_MODE": "1"},
            stopped=stopped,
        )

    def play(self, model: str) -> None:
        """Returns when the server answers with the weights of `model`. Raises as at first."""
        new = layout(model)
        ready = self.server.alive() and (not self._asleep or self._did("/wake_up"))
        self._asleep = False
        if not ready or (model != self._holds and not self._take(model, new)):
            self._say(f"starting vLLM again, for {model}")
            self.server.restart(model)
        self._holds, self._layout = model, new

    def rest(self) -> None:
        """Gives a GPU's memory back until `play`; on a CPU there is room for both."""
        if not has_gpu() or self._asleep or not self.server.alive():
            return
        # Level 1 keeps the weights, in this machine's memory: they may be wanted again.
        self._asleep = self._did("/sleep?level=1")
        if not self._asleep:
            self.server.stop()

    def close(self) -> None:
        """Ends the server."""
        self.server.close()

    def _take(self, model: str, new: str) -> bool:
        """Whether the running server holds `model` now. If not, it may be fit for nothing."""
        if not self._usual or not new or new != self._layout:
            return False
        order = {"method": "take_weights", "args": [models.resolve(model)]}
        # What earlier weights made of a prompt is worth nothing to these.
        return self._did("/collective_rpc", order) and self._did("/reset_prefix_cache")

    def _did(self, path: str, order: Any = None) -> bool:
        """Whether the server says that it did this."""
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
    """Names, shapes and types of the tensors in a model's folder; empty where that is not known."""
    folder = Path(models.resolve(model))
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    tensors: dict[str, Any] = {}
    for file in files:
        # eight bytes that say how long the header is, then the header
        with file.open("rb") as weights:
            (length,) = struct.unpack("<Q", weights.read(8))
            try:
                header = json.loads(weights.read(length))
            except ValueError:
                raise ModelError(f"{file} is no safetensors file: pull or train it anew") from None
        header.pop("__metadata__", None)
        tensors |= {name: (tensor["dtype"], tensor["shape"]) for name, tensor in header.items()}
    return json.dumps(tensors, sort_keys=True) if tensors else ""
