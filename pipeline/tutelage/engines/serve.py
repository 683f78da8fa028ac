"""The processes of a vLLM server: `python -m tutelage.engines.serve` takes vLLM's own arguments.

vLLM starts its engine in a process of its own, which imports again what the first process was
started with. That is this module, and not vLLM's whole web server; and garbage is looked for
rarely, as that takes up to a quarter of an import of vLLM.
"""

import gc
import runpy

gc.set_threshold(100_000, 50, 100)

if __name__ == "__main__":
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__")
