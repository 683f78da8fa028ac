"""The row contract: a dialogue as one row, and the Arrow schema that every shard has.

    schema    columns from `schemas/*.json`, as Arrow; whether a row has them
    loss      which messages are trained on
    rows      a dialogue as a row

This room reads and writes no files but the schemas.
"""

from tutelage.contract.loss import LOSS_POLICIES, train_mask
from tutelage.contract.rows import DISCOUNT, Stamp, discounted, flaw, reject, row, stands
from tutelage.contract.schema import (
    SCHEMA_VERSION,
    Row,
    arrow_schema,
    faults,
    fits,
    json_schema,
)

__all__ = [
    "DISCOUNT",
    "LOSS_POLICIES",
    "SCHEMA_VERSION",
    "Row",
    "Stamp",
    "arrow_schema",
    "discounted",
    "faults",
    "fits",
    "flaw",
    "json_schema",
    "reject",
    "row",
    "stands",
    "train_mask",
]
