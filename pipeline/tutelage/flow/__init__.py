"""The Beam graphs, and nothing that does not know Beam.

    generate   corpora -> rows -> [exact dedup, decontaminate] -> dialogues -> driver -> journal
    publish    journal -> sketch -> one plan (near-duplicates, clusters, splits, files) -> shards

Two graphs with the journal between them: what was generated is durable before anything is decided
about it, publishing can be done again without an engine, and no text travels through a shuffle,
only offsets in the journal. `run` puts both into one command.
"""

import logging
import os

# Read when Arrow is first imported. Its own pool keeps much of what was freed.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

# Beam warns on the root logger about Google libraries that nobody asked for.
logging.disable(logging.WARNING)
import apache_beam  # noqa: E402, F401

logging.disable(logging.NOTSET)

from tutelage.flow.run import run  # noqa: E402

__all__ = ["run"]
