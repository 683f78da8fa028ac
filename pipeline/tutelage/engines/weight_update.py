"""What vLLM's workers learn besides: to take other weights. vLLM loads this, in its own processes.

vLLM's `reload_weights` answers that all is well, but on a CPU an output layer that is tied to the
embedding goes on with its old weights: it computes with a packed copy, and nobody packs it anew,
because no weight of the file bears its name. The text that comes out is neither model's. So that
copy is made again here. Checked against a fresh start by the very log-probabilities
(`tests/engines/test_hot_swap.py`).
"""

from typing import Any

CLASS = f"{__name__}.WeightUpdate"
"""For vLLM's `worker_extension_cls`."""


class WeightUpdate:
    """Becomes a base class of vLLM's worker; its method is called by `collective_rpc`."""

    def take_weights(self: Any, folder: str) -> None:
        """Loads the weights in `folder` in place of those that are loaded.

        Raises:
            RuntimeError: some are missing.
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
