"""What tests use of numpy, which is not where programs run: is one number near another.

MBPP+ and HumanEval+ import it for that alone. A program's own arrays are not stood in for.
"""

import math
import types
from typing import Any

from tutelage.sandbox.pytest_stand_in import known


class NdArray:
    """Of which nothing here is an instance."""


def allclose(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether all numbers are near, in containers of one shape; one number may stand for all.

    Raises:
        ValueError, TypeError: the shapes differ, or something is no number.
    """
    many = [isinstance(side, list | tuple) for side in (got, wanted)]
    if not any(many):
        near = abs(got - wanted) <= atol + rtol * abs(wanted)
        return bool(near and math.isfinite(wanted)) or bool(got == wanted)
    left = got if many[0] else [got] * len(wanted)
    right = wanted if many[1] else [wanted] * len(got)
    if len(left) != len(right):
        raise ValueError(f"shapes differ: {len(left)} and {len(right)}")
    return all(allclose(a, b, rtol, atol) for a, b in zip(left, right, strict=True))


def module() -> types.ModuleType:
    """The module that `import numpy` gives."""
    kinds = ("ndarray", "float16", "float32", "float64", "int32", "int64", "generic")
    names: dict[str, Any] = {name: type(name, (NdArray,), {}) for name in kinds}
    names |= {"allclose": allclose, "isclose": allclose, "isnan": math.isnan}
    return known("numpy", names | {"inf": math.inf, "nan": math.nan, "pi": math.pi})
