"""Adds a weight update to vLLM's workers. vLLM loads this module in its own processes.

vLLM's `reload_weights` reports success, but on a CPU an output layer that is tied to the embedding
keeps its old weights: it computes with a packed copy, which is not packed again because no tensor
in the file has its name. The resulting text comes from neither model. So the copy is repacked here.
The test compares log-probabilities with those of a fresh start (`tests/engines/test_hot_swap.py`).
"""

from typing import Any

CLASS = f"{__name__}.WeightUpdate"
"""Value of vLLM's `worker_extension_cls`."""


class WeightUpdate:
    """Becomes a base class of vLLM's worker; the method is called through `collective_rpc`."""

    def take_weights(self: Any, folder: str) -> None:
        """Replaces the loaded weights by those in `folder`.

        Raises:
            RuntimeError: some weights are missing.
        """
        self.reload_weights(weights_path=folder)
        model = self.model_runner.get_model()
        missing = [name for name, weight in model.named_parameters() if weight.is_meta]
        if missing:
            raise RuntimeError(f"no weights in {folder} for {', '.join(missing[:3])}")
        layers = [layer for layer in model.modules() if hasattr(layer, "quant_method")]
        for layer in layers:
            weight = getattr(layer, "weight", None)
            if type(layer).__name__ != "ParallelLMHead" or weight is None:
                continue
            shared = (getattr(other, "weight", None) for other in layers if other is not layer)
            if any(other is weight for other in shared):
                layer.quant_method.process_weights_after_loading(layer)
