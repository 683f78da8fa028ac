"""What lies between the steps of publishing, as far as size goes."""

import pyarrow as pa
import pytest

from tutelage.session import spool


@pytest.mark.parametrize("schema", [spool.FACTS, spool.LISTED])
def test_columns_that_grow_with_the_run_can_pass_two_gigabytes(schema: pa.Schema) -> None:
    """Those of a few values are dictionaries, whose numbers are small."""
    texts = [field for field in schema if pa.types.is_string(field.type)]
    assert texts == []
    columns = [field for field in schema if pa.types.is_large_string(field.type)]
    assert {field.name for field in columns} <= {
        "key", "group", "problem", "cluster_id", "duplicate_of",
    }  # fmt: skip
    assert len(columns) >= 2
