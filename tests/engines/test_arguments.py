"""What vLLM is told, by the machine that it is to run on. Nothing is started."""

from pathlib import Path

import pytest

from tutelage import settings
from tutelage.engines import vllm_options as vllm


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
