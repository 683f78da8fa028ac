"""Dataflow: the options of a job for a kind of GPU, and checks before a launch.

Only the step that plays asks for a GPU (`flow.accelerator`, a resource hint; Dataflow calls it right
fitting), so reading, sketching and writing run on cheap machines (`MACHINE`). Each machine has one
process, whose engine has the whole GPU. Nothing here submits a job.
"""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

from tutelage import models
from tutelage.corpora.paths import is_url
from tutelage.engines import weights
from tutelage.errors import Mistake, SettingsError
from tutelage.session import pins
from tutelage.settings import Settings
from tutelage.storage import STORES, location, reason

MACHINE = "n2-standard-4"
_BEAM = "apache-beam"
_ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"
"""Environment variable with another address of Compute Engine, which `gcloud` reads, too."""
_SCOPE = "https://www.googleapis.com/auth/compute.readonly"
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of GPU."""

    type: str
    """Compute Engine's name for it."""
    quota: str
    """The regional quota that counts it."""
    memory_gb: int
    """Memory of the GPU."""
    min_ram: str
    """Memory of the machine, at least."""


GPUS = {
    "t4": Gpu("nvidia-tesla-t4", "NVIDIA_T4_GPUS", 16, "15GB"),
    "l4": Gpu("nvidia-l4", "NVIDIA_L4_GPUS", 24, "16GB"),
    "a100": Gpu("nvidia-tesla-a100", "NVIDIA_A100_GPUS", 40, "80GB"),
    "a100-80gb": Gpu("nvidia-a100-80gb", "NVIDIA_A100_80GB_GPUS", 80, "160GB"),
    "h100": Gpu("nvidia-h100-80gb", "NVIDIA_H100_GPUS", 80, "200GB"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run is launched, from the options of the command."""

    project: str
    region: str
    gpu: str
    """A key of `GPUS`; empty for none, as with an external server or scripted players."""
    gpus_a_machine: int
    workers: int
    image: str
    """The workers' container, built from this project's Dockerfile; empty for Beam's own."""
    out: str

    def settings(self) -> list[str]:
        """Settings with the resource hints of the graph, as arguments of `--set`."""
        if not self.gpu:
            return []
        gpu = GPUS[self.gpu]
        count = self.gpus_a_machine
        wanted = f"type:{gpu.type};count:{count};install-nvidia-driver"
        sets = [f"flow.accelerator={wanted}", f"flow.min_ram={gpu.min_ram}"]
        return [*sets, f"vllm.tensor_parallel_size={count}"] if count > 1 else sets

    def flags(self) -> list[str]:
        """Beam's options, as they would follow `--`."""
        flags = [
            "--runner=DataflowRunner",
            f"--project={self.project}",
            f"--region={self.region}",
            f"--temp_location={self.bucket}/tmp/dataflow",
            f"--num_workers={self.workers}",
            f"--max_num_workers={self.workers}",
            f"--machine_type={MACHINE}",
            # Weights, a container of several GB and a journal exceed the default of 25 GB.
            "--disk_size_gb=200",
            "--experiments=no_use_multiple_sdk_containers",
            # One plays while another ends a bundle.
            "--number_of_worker_harness_threads=2",
        ]
        return [*flags, f"--sdk_container_image={self.image}"] if self.image else flags

    @property
    def bucket(self) -> str:
        """`gs://` and the bucket of the run."""
        return "/".join(self.out.split("?")[0].split("/")[:3]).replace("anonymous@", "")


def target(
    project: str, region: str, gpu: str, gpus: int, workers: int, image: str, out: str | None
) -> Target:
    """The target. Raises `SettingsError` if something that Dataflow needs is missing."""
    missing = [name for name, value in (("project", project), ("region", region)) if not value]
    if missing:
        raise SettingsError(
            f"Dataflow wants --{' and --'.join(missing)}, such as "
            "--project my-project --region us-central1"
        )
    if not out or not out.startswith("gs://"):
        raise SettingsError(
            f"--out wants a URL that all workers see, such as gs://bucket/run, got {out or 'none'}"
        )
    if gpu and not image:
        raise SettingsError(
            f"a worker with --gpu {gpu} wants --image: a container with vLLM, which the Dockerfile "
            "beside the README builds"
        )
    return Target(project, region, gpu, gpus, workers, image, out)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check before a launch."""

    subject: str
    message: str
    is_sound: bool


def check(where: Target, settings: Settings) -> Iterator[Check]:
    """Checks everything that would otherwise fail after minutes that cost money."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("beam", _beam),
        ("python", _python),
        ("image", lambda: _image(where)),
        ("run", lambda: _writable(where.out)),
        *((f"corpus {spec}", partial(_corpus, spec)) for spec in settings.corpora),
        ("model", lambda: _model(settings)),
        ("quota", lambda: free_quota(where)),
    ]
    for subject, run in checks:
        try:
            yield Check(subject, run(), True)
        except (Mistake, OSError, ImportError) as error:
            yield Check(subject, reason(error), False)


def _beam() -> str:
    try:
        import_module("google.cloud.dataflow_v1beta3")
    except ImportError:
        raise SettingsError("Dataflow's client is missing: pip install 'tutelage[gcp]'") from None
    return f"{_BEAM} {version(_BEAM)}, with Dataflow's client"


def _python() -> str:
    return f"{platform.python_version()}; the image must have the same minor version"


def _image(where: Target) -> str:
    if not where.image:
        return "Beam's own, which has no vLLM; our wheel and what it needs are installed at start"
    name = where.image.rpartition("/")[2]
    if ":" not in name and "@" not in name:
        raise SettingsError(f"{where.image} has no tag: a job wants one image from start to end")
    return f"{where.image}; must hold {_BEAM} {version(_BEAM)} (the Dockerfile pins it)"


def _writable(out: str) -> str:
    probe = location(out) / f".probe.{os.getpid()}.part"
    probe.write_bytes(b"\0")
    probe.unlink(missing_ok=True)
    return f"{out} can be written"


def _corpus(spec: str) -> str:
    from tutelage.corpora import open_corpus

    corpus = open_corpus(spec)
    paths = getattr(corpus, "paths", ())
    if local := [path for path in paths if not is_url(path)]:
        raise SettingsError(f"{local[0]} is a file of this machine: copy it to gs://...")
    return f"{corpus.name}, {len(paths)} files" if paths else f"{corpus.name}, made by the workers"


def _model(settings: Settings) -> str:
    names = {p.model for p in (settings.student, settings.teacher) if p.engine == "vllm"}
    for name in names:
        if models.resolve(name) != name:
            raise SettingsError(f"{name} is a folder of this machine: name it by its hub id")
        if name.startswith(STORES):
            weights.revision(name)
    known = {name: models.pinned(name) for name in sorted(names)}
    pins.check(settings, known)
    if not names:
        return "none that vLLM serves"
    return f"{', '.join(known.values())}, fetched once per machine"


def free_quota(where: Target) -> str:
    """The free quota. Raises `SettingsError` if it is too small, or Compute Engine cannot be asked."""
    if not where.gpu:
        return "no GPU"
    name, count = GPUS[where.gpu].quota, where.workers * where.gpus_a_machine
    quota = next((one for one in _quotas(where) if one["metric"] == name), {"limit": 0, "usage": 0})
    free = int(quota["limit"] - quota["usage"])
    message = f"{name} in {where.region} of {where.project}: {count} are wanted, {free} are free"
    if free < count:
        raise SettingsError(f"{message}: ask for more of it, or take fewer --workers")
    return message


def _quotas(where: Target) -> list[dict[str, Any]]:
    """All quotas of a project in a region."""
    from google.auth import default
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession
    from requests import RequestException, Session

    endpoint = os.environ.get(_ENDPOINT, "https://compute.googleapis.com/compute/v1/")
    try:
        session = Session()
        if endpoint.startswith(
            "https://"
        ):  # otherwise a local substitute, which has no authentication
            session = AuthorizedSession(default(scopes=[_SCOPE])[0])  # type: ignore[no-untyped-call]
        url = f"{endpoint}projects/{where.project}/regions/{where.region}"
        page = session.get(url, timeout=_TIMEOUT_S)
        page.raise_for_status()
        quotas: list[dict[str, Any]] = page.json().get("quotas", [])
    except GoogleAuthError as error:
        raise SettingsError(
            f"nobody is logged in ({reason(error)}): gcloud auth application-default login"
        ) from None
    except (RequestException, ValueError) as error:
        raise SettingsError(f"Compute Engine does not say: {reason(error)}") from None
    return quotas
