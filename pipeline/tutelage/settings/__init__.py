"""One run file (TOML) -> one frozen tree -> `--set teacher.temperature=0.7`.

pydantic lives at this edge and nowhere else. An unknown key is an error that names the nearest
known one. The resolved tree is stored with the run; what of it shapes the data gives the run its id.

    names      arms, forms of feedback, engines
    sections   one class for each table of a run file
    tree       the whole, with the defaults that hang on one another
    loading    from files and options
"""

from tutelage.settings.loading import altered, differences, keys, load, schema
from tutelage.settings.names import ARMS, BUNDLED, ENGINES, FORMS
from tutelage.settings.sections import (
    Decontaminate,
    Dedup,
    Driver,
    Feedback,
    Flow,
    Leaks,
    Player,
    Prices,
    Priming,
    Reader,
    Server,
    Shards,
    Splits,
    Underspecified,
    Verifier,
    Vllm,
)
from tutelage.settings.tree import Settings

__all__ = [
    "ARMS",
    "BUNDLED",
    "ENGINES",
    "FORMS",
    "Decontaminate",
    "Dedup",
    "Driver",
    "Feedback",
    "Flow",
    "Leaks",
    "Player",
    "Prices",
    "Priming",
    "Reader",
    "Server",
    "Settings",
    "Shards",
    "Splits",
    "Underspecified",
    "Verifier",
    "Vllm",
    "altered",
    "differences",
    "keys",
    "load",
    "schema",
]
