"""Reads texts and ids from table columns of any type."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tutelage.dedup.words import spoken
from tutelage.errors import Mistake


@dataclass(frozen=True, slots=True)
class Field:
    """Reads the values of one column."""

    table: str
    column: str

    def texts(self, values: pa.Array) -> list[str | None]:
        """Text, or the content of chat messages (`list<struct<role, content>>`)."""
        kind = values.type
        if pa.types.is_dictionary(kind):
            values, kind = values.dictionary_decode(), kind.value_type
        if pa.types.is_null(kind) or _is_text(kind):
            return self._values(values)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            part = kind.value_type
            if pa.types.is_struct(part) and part.get_field_index("content") >= 0:
                return [None if chat is None else spoken(chat) for chat in self._values(values)]
        raise Mistake(
            f"{self.table}: column {self.column!r} holds {kind}: wanted text, or chat messages "
            "with role and content"
        )

    def ids(self, values: pa.Array) -> list[str] | list[int]:
        """Text or whole numbers, none missing."""
        kind = values.type
        if pa.types.is_dictionary(kind):
            values, kind = values.dictionary_decode(), kind.value_type
        if not (_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
            raise Mistake(
                f"{self.table}: column {self.column!r} holds {kind}: wanted ids that are text or "
                "whole numbers"
            )
        if values.null_count:
            raise Mistake(
                f"{self.table}: column {self.column!r} is empty in some rows: wanted an id in "
                "every row; leave out --id to number the rows"
            )
        return self._values(values)

    def _values(self, values: pa.Array) -> list[Any]:
        try:
            items: list[Any] = values.to_pylist()
        except UnicodeDecodeError as error:
            raise Mistake(
                f"{self.table}: column {self.column!r} holds text that is not UTF-8: convert it"
            ) from error
        return items


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
