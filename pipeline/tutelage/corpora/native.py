"""Our own problem rows (`schemas/problem.v1.json`), as `tutelage corpus make` writes them."""

import json
from dataclasses import asdict, dataclass
from typing import cast, get_args

from tutelage.corpora.problem import has, make, text
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Domain, Gold, Problem


@dataclass(frozen=True, slots=True)
class Native:
    """Reads rows made by `written`; only `statement` and `gold` are required."""

    name: str = "tutelage"
    reads: str = "problem rows of our own: statement, gold{kind, value, tests_json}, ..."

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "statement", "gold") and isinstance(record["gold"], dict)

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        gold = record.get("gold")
        if not isinstance(gold, dict):
            raise BadRow("no-answer", "`gold` is missing or no object")
        domain = text(record, "domain", "math")
        if domain not in get_args(Domain):
            raise BadRow("bad-domain", f"the domain is {domain!r}")
        shards = record.get("shards") or ()
        if not isinstance(shards, list | tuple):
            raise BadRow("bad-shards", "`shards` is no list")
        return make(
            source=text(record, "source") or self.name,
            domain=cast(Domain, domain),
            licence=text(record, "licence") or "unknown",
            statement=text(record, "statement"),
            gold=Gold(
                text(gold, "kind") or "answer", text(gold, "value"), text(gold, "tests_json")
            ),
            solution=text(record, "solution"),
            split=text(record, "split") or split,
            hint_shards=[str(shard) for shard in shards],
        )


def written(problem: Problem) -> str:
    """The problem as one line of JSON, without a newline."""
    fields = asdict(problem)
    fields["shards"] = fields.pop("hint_shards")
    return json.dumps(fields, ensure_ascii=False)
