"""Trainings by several processes over gloo, on this machine alone.

    run([World(jobs, processes), ...], folder)

starts the processes of one world after those of another; each does every job in turn. They are forked
from one process that has imported torch, which takes seconds, but computed nothing yet.

A job is a training (`{"kind": "sft", "run": ..., "out": ..., ...options of a recipe}`), with
`"stop": n` one that ends after step n as by a signal, with `"gradients": file` one whose first step
leaves its gradients there instead of taking it.
"""

import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "XDG_CACHE_HOME")
"""What earlier tests leave in the environment, such as vLLM's threads, is no part of this one."""

IMPORTED = (
    "tutelage.train",  # before torch: it sets how torch waits
    "accelerate",
    "peft",
    "torch.distributed.checkpoint.state_dict",
    "torch.distributed.fsdp",
    "torch.utils.tensorboard",
    "transformers.models.gemma3.modeling_gemma3",
    "transformers.models.llama.modeling_llama",
    "tutelage.train.loop",
    "gradients",
)
"""What each process would import for itself."""


@dataclass(frozen=True)
class World:
    """So many processes, and what they do."""

    jobs: list[dict[str, Any]]
    processes: int
    environment: dict[str, str] = field(default_factory=dict)


def run(worlds: list[World], folder: Path) -> None:
    """Does the jobs; fails with what the processes printed where one of them fails."""
    shared = {name: os.environ[name] for name in KEPT if name in os.environ}
    shared["PYTHONPATH"] = os.pathsep.join(sys.path)
    shared |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "WORLDS": json.dumps([asdict(one) for one in worlds])}
    log = folder / "log"
    with log.open("w") as output:
        begun = subprocess.Popen(
            [sys.executable, __file__],
            env=shared,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        assert begun.wait(timeout=900) == 0, log.read_text()[-4000:]
    finally:
        if begun.poll() is None:
            os.killpg(begun.pid, signal.SIGKILL)
            begun.wait()


def _all(world: World) -> bool:
    """Whether every process of this world, each a child of this one, came to a good end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    size = str(world.processes)
    shared = world.environment | {"MASTER_PORT": str(port), "WORLD_SIZE": size}
    children = []
    for rank in range(world.processes):
        child = os.fork()
        if child == 0:
            os.environ.update(shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
            os._exit(_status(world.jobs))
        children.append(child)
    # the first that fails counts: the others may wait for it for ever
    return all(os.wait()[1] == 0 for _ in children)


def _status(jobs: list[dict[str, Any]]) -> int:
    """Does every job; the exit status of the process that does."""
    try:
        for job in jobs:
            _do(dict(job))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _do(job: dict[str, Any]) -> None:
    import torch

    import gradients
    from tutelage.train import loop
    from tutelage.train.learner import Learner
    from tutelage.train.recipe import recipe

    stop, kept = job.pop("stop", 0), job.pop("gradients", "")
    chosen = recipe(job.pop("kind"), job.pop("run"), job.pop("out"), **job)
    if kept:
        learner = Learner(chosen, chosen.model)
        dataset, _ = loop.prepared(chosen, chosen.model)
        figures, step = gradients.step(learner, list(dataset.samples))
        torch.save(step | {"figures": figures}, f"{kept}-{os.environ['RANK']}")
        return

    def halt(event: str, figures: dict[str, Any]) -> None:
        if event == "step" and figures["step"] == stop:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        loop.train(chosen, halt)
    except KeyboardInterrupt:
        if not stop:
            raise


if __name__ == "__main__":
    gc.disable()  # what is imported stays
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    worlds = [World(**world) for world in json.loads(os.environ["WORLDS"])]
    if not all(map(_all, worlds)):
        os.killpg(0, signal.SIGKILL)
