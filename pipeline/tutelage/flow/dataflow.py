"""Dataflow: from a kind of GPU to the options of a job, and what can be looked at beforehand.

Only the step that plays asks for a GPU (`flow.accelerator`, a resource hint, which Dataflow calls
right fitting), so reading, sketching and writing run on cheap machines of `MACHINE`. One process a
machine, so that one engine has its GPU. Nothing here submits anything.
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
"""Variable by which `gcloud` finds another Compute Engine, and we."""
_SCOPE = "https://www.googleapis.com/auth/compute.readonly"
_ANSWER_S = 30


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of GPU."""

    type: str
    """As Compute Engine calls it."""
    quota: str
    """The regional quota that it takes one of."""
    memory_gb: int
    """Of the GPU."""
    min_ram: str
    """Memory that the machine around it should have."""


GPUS = {
    "t4": Gpu("nvidia-tesla-t4", "NVIDIA_T4_GPUS", 16, "15GB"),
    "l4": Gpu("nvidia-l4", "NVIDIA_L4_GPUS", 24, "16GB"),
    "a100": Gpu("nvidia-tesla-a100", "NVIDIA_A100_GPUS", 40, "80GB"),
    "a100-80gb": Gpu("nvidia-a100-80gb", "NVIDIA_A100_80GB_GPUS", 80, "160GB"),
    "h100": Gpu("nvidia-h100-80gb", "NVIDIA_H100_GPUS", 80, "200GB"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run is launched, as a person names it."""

    project: str
    region: str
    gpu: str
    """One of `GPUS`; empty for none, as with a server elsewhere or scripted players."""
    gpus_a_machine: int
    workers: int
    image: str
    """Container of the workers, of this project's Dockerfile; empty for Beam's own."""
    out: str

    def settings(self) -> list[str]:
        """Settings by which the graph asks for what it needs, as `--set` takes them."""
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
            # Weights, a container of some gigabytes, and a journal are more than the usual 25 GB.
            "--disk_size_gb=200",
            "--experiments=no_use_multiple_sdk_containers",
            # One plays; another may end a bundle meanwhile.
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
    """Raises `SettingsError` where something is not named that Dataflow cannot do without."""
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
class Finding:
    """One thing that was looked at before a launch."""

    what: str
    words: str
    """What was found."""
    is_sound: bool


def check(where: Target, settings: Settings) -> Iterator[Finding]:
    """Looks at everything that would otherwise fail after minutes that cost money."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("beam", _beam),
        ("python", _python),
        ("image", lambda: _image(where)),
        ("run", lambda: _writable(where.out)),
        *((f"corpus {spec}", partial(_corpus, spec)) for spec in settings.corpora),
        ("model", lambda: _model(settings)),
        ("quota", lambda: _quota(where)),
    ]
    for what, look in looks:
        try:
            yield Finding(what, look(), True)
        except (Mistake, OSError, ImportError) as error:
            yield Finding(what, reason(error), False)


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
        raise SettingsError(f"{local[0]} is a file of this machine: copy it to {'gs://'}...")
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


def _quota(where: Target) -> str:
    """Raises `SettingsError` where fewer GPUs are free than are wanted, or nobody can be asked."""
    if not where.gpu:
        return "no GPU"
    name, count = GPUS[where.gpu].quota, where.workers * where.gpus_a_machine
    quota = next((one for one in _quotas(where) if one["metric"] == name), {"limit": 0, "usage": 0})
    free = int(quota["limit"] - quota["usage"])
    words = f"{name} in {where.region} of {where.project}: {count} are wanted, {free} are free"
    if free < count:
        raise SettingsError(f"{words}: ask for more of it, or take fewer --workers")
    return words


def _quotas(where: Target) -> list[dict[str, Any]]:
    """What Compute Engine grants a project in a region."""
    from google.auth import default
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession
    from requests import RequestException, Session

    endpoint = os.environ.get(_ENDPOINT, "https://compute.googleapis.com/compute/v1/")
    try:
        session = Session()
        if endpoint.startswith("https://"):  # else a stand-in, which asks nobody who he is
            session = AuthorizedSession(default(scopes=[_SCOPE])[0])  # type: ignore[no-untyped-call]
        url = f"{endpoint}projects/{where.project}/regions/{where.region}"
        page = session.get(url, timeout=_ANSWER_S)
        page.raise_for_status()
        quotas: list[dict[str, Any]] = page.json().get("quotas", [])
    except GoogleAuthError as error:
        raise SettingsError(
            f"nobody is logged in ({reason(error)}): gcloud auth application-default login"
        ) from None
    except (RequestException, ValueError) as error:
        raise SettingsError(f"Compute Engine does not say: {reason(error)}") from None
    return quotas
