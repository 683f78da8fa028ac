"""The Beam graphs, and nothing that does not know Beam.

    generate   corpora -> rows -> [exact dedup, decontaminate] -> dialogues -> driver -> journal
    publish    journal -> sketch -> one plan (near-duplicates, clusters, splits, files) -> shards

Two graphs with the journal between them: what was generated is durable before anything is decided
about it, and publishing can be done again without an engine. `run` puts both into one command. Each
has two executions, which give the same bytes: on this machine, where no text travels through a
shuffle, only offsets in the journal; and elsewhere, where every step is spread.

    reading, candidates, play       rows by piece; what may be played; the step that plays
    publish                         published here
    publish_elsewhere               published elsewhere: facts, near, splitting, filing
    beam_options, workers, sockets  Beam's options; processes of a local run, and where they listen
    staging, dataflow               our wheel for machines elsewhere; presets and looks for Dataflow
    execution                       one graph to its end
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
