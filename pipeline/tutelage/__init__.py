"""Tutelage turns static, verifiable problems into teacher-student dialogues that train models.

For programs and notebooks: `import tutelage as tt`, then `tt.generate`, `tt.open_run`,
`tt.train_sft`, `tt.train_rl` (see `tutelage.api`). For readers: `pipeline/README.md` is the way in.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tutelage.api import (
        Mistake,
        Run,
        TutelageError,
        generate,
        open_run,
        train_rl,
        train_sft,
    )

__all__ = [
    "Mistake",
    "Run",
    "TutelageError",
    "__version__",
    "generate",
    "open_run",
    "train_rl",
    "train_sft",
]


def __getattr__(name: str) -> Any:
    """The names of `tutelage.api`, imported when one is first used: importing us costs nothing."""
    if name in __all__:
        from tutelage import api

        return getattr(api, name)
    raise AttributeError(f"module 'tutelage' has no attribute {name!r}")
