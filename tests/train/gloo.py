"""Trainings by several processes over gloo, on this machine alone.

    run(jobs, processes, folder)      starts the processes, each of which does every job in turn

A job is a training (`{"kind": "sft", "run": ..., "out": ..., ...options of a recipe}`), with
`"stop": n` one that ends after step n as by a signal, with `"gradients": file` one whose first step
leaves its gradients there instead of taking it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "XDG_CACHE_HOME")
"""What earlier tests leave in the environment, such as vLLM's threads, is no part of this one."""


def run(jobs: list[dict[str, Any]], processes: int, folder: Path, **more: str) -> None:
    """Does the jobs with so many processes; fails with what the first that failed printed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {name: os.environ[name] for name in KEPT if name in os.environ} | more
    shared |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"WORLD_SIZE": str(processes), "JOBS": json.dumps(jobs)}
    begun = []
    for rank in range(processes):
        log = (folder / f"log-{rank}").open("w")
        own = shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        begun.append(subprocess.Popen([sys.executable, __file__], env=own, stdout=log, stderr=log))
    try:
        for rank, process in enumerate(begun):
            if process.wait(timeout=900):
                raise AssertionError((folder / f"log-{rank}").read_text()[-4000:])
    finally:
        for process in begun:
            process.kill()
            process.wait()


def _do(job: dict[str, Any]) -> None:
    import torch

    from tutelage.train import loop
    from tutelage.train.learner import Learner
    from tutelage.train.recipe import recipe

    stop, kept = job.pop("stop", 0), job.pop("gradients", "")
    chosen = recipe(job.pop("kind"), job.pop("run"), job.pop("out"), **job)
    if kept:
        learner = Learner(chosen, chosen.model)
        dataset, _ = loop.prepared(chosen, chosen.model)
        torch.save(gradients(learner, list(dataset.samples)), f"{kept}-{os.environ['RANK']}")
        return

    def halt(event: str, figures: dict[str, Any]) -> None:
        if event == "step" and figures["step"] == stop:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        loop.train(chosen, halt)
    except KeyboardInterrupt:
        if not stop:
            raise


def gradients(learner: Any, samples: list[Any]) -> dict[str, Any]:
    """Loss, norm and gradients of a step, by the learner's own code; no weight moves."""
    from tutelage.train.sharding import whole

    found: dict[str, Any] = {}

    class Still:
        param_groups = learner.optimizer.param_groups

        @staticmethod
        def step() -> None:
            for name, weight in learner.student.network.named_parameters():
                if weight.requires_grad:
                    found[name] = whole(weight.grad).clone()

        zero_grad = staticmethod(lambda: None)

    learner.optimizer = Still()
    figures = learner.step(samples, 0.0)
    return found | {name: figures[name] for name in ("loss", "grad_norm", "trained_tokens")}


if __name__ == "__main__":
    import tutelage.train  # noqa: F401  # before torch: it sets how torch waits

    for job in json.loads(os.environ["JOBS"]):
        _do(dict(job))
