"""What tests find in place of what is not where programs run: of numpy what is near, and of logs none.

What is not here makes a test impossible to put (`Skipped`), not wrong.
"""

import math
import types
from typing import Any

from tutelage.sandbox.proxy import Skipped

_PLAIN = (list, tuple)


def wait_for_logs(*_: Any, **__: Any) -> None:
    """Stands for `assertLogs`: the program's logs are in its own process."""
    raise Skipped("a test waits for logs")


def _allclose(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """As numpy's, of numbers and lists of them; one number may stand for all."""
    if isinstance(got, _PLAIN) or isinstance(wanted, _PLAIN):
        mine = got if isinstance(got, _PLAIN) else [got] * len(wanted)
        theirs = wanted if isinstance(wanted, _PLAIN) else [wanted] * len(mine)
        pairs = zip(mine, theirs, strict=False)
        return len(mine) == len(theirs) and all(_allclose(*pair, rtol, atol) for pair in pairs)
    return bool(got == wanted or abs(got - wanted) <= atol + rtol * abs(wanted) < math.inf)


class _Numpy(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Skipped(f"a test wants numpy.{name}")


_ARRAYS = ["ndarray", "bool_", "float16", "float32", "float64", "int32", "int64", "generic"]
"""Types of which nothing here is an instance."""
NUMPY = _Numpy("numpy")
"""What `import numpy` finds in the process of the tests."""
vars(NUMPY).update(
    allclose=_allclose, isclose=_allclose, isscalar=lambda _: True, isnan=math.isnan, inf=math.inf,
    nan=math.nan, pi=math.pi, **{name: type(name, (), {}) for name in _ARRAYS},
)  # fmt: skip
