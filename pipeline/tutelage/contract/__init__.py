"""The row contract: how a dialogue becomes a row, and the Arrow schema of every shard.

    schema    the columns of `schemas/*.json` as an Arrow schema, and the validation of a row
    loss      which messages are trained on
    sampling  the sampling columns, and whether they alter the model's distribution
    rows      a dialogue as a row
    groups    the dialogues of one problem, and their returns
    tokens    a row as token ids: the student's prompts and its sampled tokens

The schemas are the only files that this package reads; it writes none.
"""

from tutelage.contract.loss import LOSS_POLICIES, redrawn, train_mask
from tutelage.contract.rows import DISCOUNT, Stamp, discounted, flaw, reject, row, stands
from tutelage.contract.schema import (
    SCHEMA_VERSION,
    RowDict,
    arrow_schema,
    faults,
    fits,
    json_schema,
)

__all__ = [
    "DISCOUNT",
    "LOSS_POLICIES",
    "SCHEMA_VERSION",
    "RowDict",
    "Stamp",
    "arrow_schema",
    "discounted",
    "faults",
    "fits",
    "flaw",
    "json_schema",
    "redrawn",
    "reject",
    "row",
    "stands",
    "train_mask",
]
