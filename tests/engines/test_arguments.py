"""What vLLM is told, by the machine that it is to run on. Nothing is started."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tutelage import engines, settings
from tutelage.engines import vllm_options as vllm
from tutelage.errors import SettingsError
from tutelage.settings import Player


@pytest.mark.parametrize(
    ("flags", "native"),
    [
        ("flags\t\t: fpu sse2 fma f16c avx avx2", False),
        ("flags\t\t: avx2 avx512f avx512bw", False),
        ("flags\t\t: avx2 avx512f avx512_bf16", True),
        ("flags\t\t: avx512_bf16 amx_bf16 amx_tile", True),
        ("Features\t: fp asimd i8mm bf16", True),
    ],
)
def test_which_processors_compute_in_bfloat16(flags: str, native: bool, tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(f"model name\t: AMD EPYC\n{flags}\n\n")
    assert vllm.computes_in_bfloat16(told) is native


def test_a_processor_that_tells_nothing_has_float32(tmp_path: Path) -> None:
    assert not vllm.computes_in_bfloat16(tmp_path / "none")


@pytest.mark.parametrize(
    ("wanted", "gpu", "native", "dtype"),
    [
        ("auto", True, False, "auto"),
        ("auto", False, True, "bfloat16"),
        ("auto", False, False, "float32"),
        ("bfloat16", False, False, "bfloat16"),
        ("half", True, False, "half"),
    ],
)
def test_the_dtype_is_one_that_the_machine_is_quick_in(
    wanted: str, gpu: bool, native: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm, "has_gpu", lambda: gpu)
    monkeypatch.setattr(vllm, "computes_in_bfloat16", lambda: native)
    chosen = settings.load("", [f"vllm.dtype={wanted}"])
    assert vllm.arguments("", chosen, bundled=True)["dtype"] == dtype


@pytest.mark.parametrize(
    ("device", "is_cpu_build", "gpu"),
    [
        ("dev/nvidia0", False, True),
        ("dev/nvidia3", False, True),  # the only one that a container was given
        ("dev/nvidiactl", False, False),
        ("proc/driver/nvidia/gpus/0000:01:00.0", False, True),
        ("usr/lib/wsl/lib/nvidia-smi", False, True),
        ("dev/dri/card0", False, False),
        ("dev/nvidia0", True, False),
    ],
)
def test_a_gpu_is_used_where_there_is_one_and_vllm_can(
    device: str, is_cpu_build: bool, gpu: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / device).parent.mkdir(parents=True)
    (tmp_path / device).touch()
    monkeypatch.setattr(vllm, "_ROOT", tmp_path)
    monkeypatch.setattr(vllm, "_is_cpu_build", lambda: is_cpu_build)
    assert vllm.has_gpu() is gpu


@pytest.mark.parametrize(
    ("sets", "gpu", "fits"),
    [
        (("teacher.model=b/b",), True, False),
        (("teacher.model=b/b",), False, True),
        (("teacher.model=b/b", "vllm.gpu_memory_utilization=0.45"), True, True),
        (("teacher.model=b/b", "teacher.url=http://127.0.0.1:9/v1"), True, True),
        (("teacher.model=a/a",), True, True),
        (("teacher.engine=worked",), True, True),
    ],
)
def test_two_models_that_have_no_room_on_one_gpu_are_refused_before_either_loads(
    sets: tuple[str, ...], gpu: bool, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def build(player: Player, _: object) -> object:
        built.append(player.model)
        return SimpleNamespace()

    monkeypatch.setattr(vllm, "has_gpu", lambda: gpu)
    monkeypatch.setattr(engines, "build", build)
    chosen = settings.load("", ["student.model=a/a", "judge.engine=", *sets])
    if fits:
        engines.players(chosen)
        assert built
    else:
        with pytest.raises(SettingsError, match=r"two engines on one GPU; give each 0\.45 or less"):
            engines.players(chosen)
        assert not built
