"""The processes of a vLLM server: `python -m tutelage.engines.serve` takes vLLM's own arguments.

vLLM starts its engine in a process of its own. On a CPU that is a fork here, which shares what is
imported: a start takes half as long. Where the first process may hold a GPU, the engine's imports
everything again, with this module in place of vLLM's whole web server. Garbage is looked for rarely,
as that takes up to a quarter of an import of vLLM.
"""

import gc
import multiprocessing
import runpy
from multiprocessing.context import BaseContext

gc.set_threshold(100_000, 50, 100)


def _fork_engine() -> None:
    """Has vLLM's engine forked, whatever way vLLM asks for."""
    forks = multiprocessing.get_context("fork")

    def context(method: str | None = None) -> BaseContext:
        gc.freeze()  # what is imported stays; the engine looks for garbage several times at its start
        return forks

    multiprocessing.get_context = context  # type: ignore[assignment]


if __name__ == "__main__":
    from tutelage.engines.vllm_options import has_gpu

    if not has_gpu():
        _fork_engine()
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__")
