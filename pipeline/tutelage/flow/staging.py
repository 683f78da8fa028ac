"""Builds a wheel of the installed package for remote workers, which must run the same code.

It is built from the files in use, even those of a checkout, so that no release has to be built or
published. Dependencies are in the workers' image, or installed when it starts.
"""

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, SetupOptions

from tutelage import __version__, resources

_WHEEL = "Wheel-Version: 1.0\nGenerator: tutelage\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_HERE_ALREADY = ("EXTERNAL", "LOOPBACK", "PROCESS")
"""Environments whose workers are already set up; nothing is installed in them."""


def stage(options: PipelineOptions, folder: Path) -> None:
    """Adds our wheel to the packages that a runner stages, unless the user has added it."""
    setup = options.view_as(SetupOptions)
    packages = list(setup.extra_packages or [])
    kind = (options.view_as(PortableOptions).environment_type or "").upper()
    if kind in _HERE_ALREADY or any(Path(p).name.startswith("tutelage-") for p in packages):
        return
    setup.extra_packages = [*packages, str(wheel(folder))]


def wheel(folder: Path) -> Path:
    """Writes the wheel to `folder`. Equal code gives equal bytes."""
    info = f"tutelage-{__version__}.dist-info"
    path = folder / f"tutelage-{__version__}-py3-none-any.whl"
    records: list[str] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, data: bytes) -> None:
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            records.append(f"{name},sha256={digest},{len(data)}\n")
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)

        for name, file in _files():
            add(name, file.read_bytes())
        add(f"{info}/METADATA", _metadata().encode())
        add(f"{info}/WHEEL", _WHEEL.encode())
        add(f"{info}/entry_points.txt", b"[console_scripts]\ntutelage = tutelage.cli:main\n")
        records.append(f"{info}/RECORD,,\n")
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", _EPOCH), "".join(records))
    return path


def _files() -> Iterator[tuple[str, Path]]:
    """(name in the wheel, file) of each module, template and schema."""
    package = resources.package()
    beside = [(name, resources.folder(name)) for name in ("prompts", "schemas")]
    folders = [("", package), *beside]
    for name, folder in folders:
        for file in sorted(folder.rglob("*")):
            inner = file.relative_to(folder)
            if not file.is_file() or "__pycache__" in inner.parts:
                continue
            if not name and inner.parts[0] in ("prompts", "schemas"):
                continue  # they are added below, from where they are read
            yield str(Path("tutelage", name, inner)), file


def _metadata() -> str:
    try:
        text = distribution("tutelage").read_text("METADATA")
    except PackageNotFoundError:
        text = None
    return text or f"Metadata-Version: 2.1\nName: tutelage\nVersion: {__version__}\n"
