"""What a stranger installs: a wheel and an sdist, built from a copy, run far from any checkout.

The copy holds what a working checkout collects (caches, runs, an environment), none of which may
travel. The installed package sees this environment's libraries, but not this checkout.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import tutelage
from tutelage import resources

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("hatchling", reason="the wheel is built without a network")
pytest.importorskip("pip")
pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="there is no checkout to build from"
)

JUNK = (
    "outputs/run/shards/train/rest-00000-of-00001.parquet",
    "outputs/run/README.md",
    "pipeline/tutelage/__pycache__/records.cpython-311.pyc",
    "pipeline/tutelage/dedup/__pycache__/minhash_kernels._word-52.py311.1.nbc",
    "prompts/student/__pycache__/x.pyc",
    "tests/__pycache__/conftest.cpython-311.pyc",
    ".venv/lib/python3.11/site-packages/other/__init__.py",
    "dist/tutelage-0.0.1-py3-none-any.whl",
)
"""Files that a checkout collects and that belong in no package."""

EXTRAS = (
    "accelerate", "datasets", "gguf", "hypothesis", "peft", "reasoning_gym", "rensa", "safetensors",
    "tensorboard", "tokenizers", "torch", "transformers", "trl", "vllm",
)  # fmt: skip
"""What the base install does without."""

FORBID = f"""
import sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Forbid())
"""


@dataclass(frozen=True)
class Location:
    """An environment with an installed Tutelage and no checkout."""

    folder: Path

    @property
    def site(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def __call__(self, *command: str, name: str = "tutelage") -> str:
        """What a command of the environment prints, run from the root of the file system."""
        hidden = ("PYTHON", "TUTELAGE_", "PIP_", "VIRTUAL_ENV", "COV_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
        done = subprocess.run(
            [self.folder / "bin" / name, *command],
            capture_output=True, text=True, cwd="/", timeout=300, env=kept | {"COLUMNS": "120"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def where(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self("where", "--json"))
        return found


def _pip(*words: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def _hatch(checkout: Path, target: str, out: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return next(out.iterdir())


def _place(folder: Path, wheel: Path) -> Location:
    """An environment in which `wheel` was installed; after that it also sees our libraries."""
    venv.create(folder, with_pip=False, symlinks=True)
    made = Location(folder)
    python = str(folder / "bin" / "python")
    _pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    libraries = Path(pytest.__file__).parents[1]
    # A folder named in a .pth file is searched, but its own .pth files are not read: an editable
    # install of this checkout stays out of sight.
    (made.site / "libraries.pth").write_text(f"{libraries}\n")
    return made


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout's files, and junk among them."""
    made = tmp_path_factory.mktemp("checkout") / "tutelage"
    passed = shutil.ignore_patterns(".git", ".venv", "dist", "build", "__pycache__", ".*_cache")

    def ignored(folder: str, names: list[str]) -> set[str]:
        runs = (
            set(names) - {"README.md", ".gitignore"} if folder == str(ROOT / "outputs") else set()
        )
        return set(passed(folder, names)) | runs

    shutil.copytree(ROOT, made, ignore=ignored)
    for name in JUNK:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("junk")
    return made


@pytest.fixture(scope="module")
def wheel(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", out, copy)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def sdist(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _hatch(copy, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Location:
    """The wheel in an environment of its own, where nothing but the base install can be imported."""
    made = _place(tmp_path_factory.mktemp("installed"), wheel)
    (made.site / "sitecustomize.py").write_text(FORBID)
    return made


def _contents(wheel: Path) -> dict[str, str]:
    """Name -> digest of each file in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {n: hashlib.sha256(archive.read(n)).hexdigest() for n in archive.namelist()}


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_nothing_else(copy: Path, wheel: Path) -> None:
    names = {n for n in _contents(wheel) if ".dist-info/" not in n}
    expected = {f"tutelage/{n}" for n in _files(copy / "pipeline" / "tutelage")}
    for folder in ("prompts", "schemas"):
        expected |= {f"tutelage/{folder}/{n}" for n in _files(copy / folder)}
    assert names == expected
    assert {"tutelage/py.typed", "tutelage/prompts/student/system.j2"} <= names
    assert wheel.name == f"tutelage-{tutelage.__version__}-py3-none-any.whl"


def _names(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_sdist_holds_what_was_written(sdist: Path) -> None:
    names = _names(sdist)
    assert not [n for n in names if "__pycache__" in n or n.startswith((".venv", "dist"))]
    wanted = {"pyproject.toml", "README.md", "LICENSE", "Makefile", "CHANGELOG.md"}
    wanted |= {"pipeline/tutelage/records.py", "prompts/student/system.j2", "tests/conftest.py"}
    assert wanted <= names


def test_the_sdist_holds_no_run(sdist: Path) -> None:
    made = {name for name in _names(sdist) if name.startswith("outputs/")}
    assert made == {"outputs/README.md", "outputs/.gitignore"}


def test_the_sdist_gives_the_same_wheel(
    sdist: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("rebuilt")
    _pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", out, sdist)
    assert _contents(out / wheel.name) == _contents(wheel)


def test_it_is_found_inside_the_environment(installed: Location) -> None:
    places = installed.where()
    package = installed.site / "tutelage"
    assert places["package"] == str(package)
    assert places["prompts"] == str(package / "prompts")
    assert places["schemas"] == str(package / "schemas")
    path = installed("-c", "import sys; print(sys.path)", name="python")
    assert str(ROOT) not in path.replace(str(Path(pytest.__file__).parents[1]), "")
    assert not Path("/prompts").exists()


def test_the_version_is_the_same_everywhere(installed: Location) -> None:
    assert installed("--version").split()[-1] == tutelage.__version__
    asked = "from importlib.metadata import version; print(version('tutelage'))"
    assert installed("-c", asked, name="python").strip() == tutelage.__version__


def test_the_base_install_has_no_extra(installed: Location) -> None:
    """Or the tests below would prove nothing."""
    code = f"""
for name in {EXTRAS!r}:
    try:
        __import__(name)
    except ImportError:
        print(name)
"""
    assert installed("-c", code, name="python").split() == list(EXTRAS)


def test_every_command_can_be_asked_for_help(installed: Location) -> None:
    """By one process, in which each command's module is imported as it is called."""
    code = """
from click.testing import CliRunner
from tutelage.cli import COMMANDS, cli
for name in COMMANDS:
    told = CliRunner().invoke(cli, [name, "--help"], prog_name="tutelage")
    print(name, told.exit_code, f"Usage: tutelage {name}" in told.output)
"""
    lines = [line.split() for line in installed("-c", code, name="python").splitlines()]
    assert {"generate", "show", "inspect", "prompts"} <= {name for name, *_ in lines}
    assert {tuple(end) for _, *end in lines} == {("0", "True")}
    assert "Commands:" in installed("--help")


def test_the_prompts_lint(installed: Location) -> None:
    assert "no fault" in installed("prompts", "lint")


def test_dialogues_are_generated_and_read(installed: Location, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    installed("generate", "starter", "--limit", "5", "--engine", "scripted", "--out", run)
    figures = json.loads(installed("inspect", run, "--json"))
    assert figures["balance"]["input"] == figures["balance"]["kept"] == 5
    assert "student 1" in installed("show", run, "--limit", "1")


def test_an_editable_install_finds_the_live_folders(
    copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It leaves a copy of both folders in site-packages, which goes stale at once."""
    pytest.importorskip("editables")
    wheel = _hatch(copy, "wheel:editable", tmp_path_factory.mktemp("wheel"))
    made = _place(tmp_path_factory.mktemp("editable"), wheel)
    for name in ("prompts", "schemas"):
        ghost = made.site / "tutelage" / name
        if not ghost.exists():
            shutil.copytree(copy / name, ghost)
    places = made.where()
    assert places["package"] == str(copy / "pipeline" / "tutelage")
    assert places["prompts"] == str(copy / "prompts")
    assert places["schemas"] == str(copy / "schemas")
    live = copy / "prompts" / "student" / "fresh.j2"
    try:
        live.write_text("Written a moment ago: {{ statement }}")
        assert "a moment ago" in made("prompts", "show", "student/fresh.j2")
    finally:
        live.unlink()


@pytest.mark.parametrize("name", ["prompts", "schemas"])
def test_this_checkout_uses_its_own_folders(name: str) -> None:
    package = Path(tutelage.__file__).resolve().parent
    if package != ROOT / "pipeline" / "tutelage":
        pytest.skip("the tests run against an installed package")
    assert resources.folder(name) == ROOT / name


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_lock_keeps_to_its_constraints(device: str) -> None:
    """Locks are resolved for Python 3.11, and later ones want less of some packages."""
    pinned = dict(
        re.findall(
            r"^([\w.-]+)==(\S+)", (ROOT / "pipeline/locks" / f"{device}.txt").read_text(), re.M
        )
    )
    lines = (ROOT / "pipeline/locks" / "constraints.txt").read_text().splitlines()
    constraints = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert constraints
    for constraint in constraints:
        assert constraint.specifier.contains(pinned[constraint.name]), constraint
