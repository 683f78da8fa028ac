"""The Beam graphs, and nothing that does not know Beam.

    generate   corpora -> rows -> [exact dedup, decontaminate] -> dialogues -> driver -> journal
    publish    journal -> sketch -> one plan (near-duplicates, clusters, splits, files) -> shards

The journal lies between the two graphs: dialogues are durable before anything is decided about them,
and publishing can be repeated without an engine. `run` joins both in one command. Each graph has two
versions with the same output, byte for byte: a local one, in which only offsets into the journal pass
through a shuffle, never text; and one for other runners, in which every step is distributed.

    reading, candidates, play       reads rows; decides which may be played; plays them
    publish                         publishing on this machine
    publish_elsewhere               distributed publishing, with facts, near, splitting and filing
    beam_options, workers, sockets  Beam's options; worker processes of a local run, and their sockets
    staging, dataflow               our wheel for remote workers; presets and checks for Dataflow
    collected, execution            all that a step emits, in one call; runs one graph
"""

import logging
import os

# Arrow reads this when it is first imported. Its own pool keeps most of the memory that was freed.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

# Beam warns on the root logger that Google's libraries are missing, which most runs do not need.
logging.disable(logging.WARNING)
import apache_beam  # noqa: E402, F401

logging.disable(logging.NOTSET)

from tutelage.flow.run import run  # noqa: E402

__all__ = ["run"]
