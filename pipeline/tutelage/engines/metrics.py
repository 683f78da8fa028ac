"""vLLM's own counters under our names, from this process or from a server's `/metrics` page.

They are of a place, not of an engine: several clients and workers read the same server, which may
have served others before. So each value is marked with its place (`preemptions@http://host:8000`),
a counter is what has been added since its reader began, and `total` counts a place once.
"""

import re
import threading
import uuid
from collections.abc import Iterable, Mapping

NAMES = {
    "vllm:num_requests_running": "running",
    "vllm:num_requests_waiting": "waiting",
    "vllm:kv_cache_usage_perc": "kv_cache_usage",
    "vllm:prefix_cache_hits": "prefix_cache_hits",
    "vllm:prefix_cache_queries": "prefix_cache_queries",
    "vllm:num_preemptions": "preemptions",
    "vllm:prompt_tokens": "prompt_tokens",
    "vllm:generation_tokens": "completion_tokens",
}
"""vLLM's name -> ours. Running, waiting and usage are gauges, the rest counters since the start."""
_GAUGES = ("running", "waiting", "kv_cache_usage")
_HERE = f"process-{uuid.uuid4().hex[:12]}"
"""The place of what vLLM counts in this process."""

_LINE = re.compile(
    r"^([a-zA-Z_:][\w:]*?)(?:_total)?(?:\{[^}]*\})?\s+([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)


def parse(page: str) -> dict[str, float]:
    """Our names and values from a Prometheus text page; series of one name are summed.

    >>> parse('vllm:num_preemptions_total{engine="0"} 3.0')
    {'preemptions': 3.0}
    """
    counters: dict[str, float] = {}
    for name, value in _LINE.findall(page):
        if name in NAMES:
            counters[NAMES[name]] = counters.get(NAMES[name], 0.0) + float(value)
    return counters


class Meter:
    """What a server counts from the first look on. Its lives add up: a restart begins at zero."""

    def __init__(self) -> None:
        self._last: dict[str, float] | None = None
        self._counted: dict[str, float] = {}
        self._lock = threading.Lock()

    def read(self, now: Mapping[str, float]) -> dict[str, float]:
        """Gauges as they are `now`, and counters since the first call; without `now`, the latter.

        >>> meter = Meter()
        >>> [meter.read({"preemptions": count})["preemptions"] for count in (7, 9, 1)]
        [0.0, 2.0, 3.0]
        """
        counters = {name: value for name, value in now.items() if name not in _GAUGES}
        with self._lock:
            if counters:
                last = counters if self._last is None else self._last
                if any(value < last.get(name, 0.0) for name, value in counters.items()):
                    last = {}  # it was started again
                for name, value in counters.items():
                    more = float(value - last.get(name, 0.0))
                    self._counted[name] = self._counted.get(name, 0.0) + more
                self._last = counters
            return {**now, **self._counted}


def marked(values: Mapping[str, float], place: str) -> dict[str, float]:
    """Each value under the name of what it counts and where."""
    return {f"{name}@{place}": value for name, value in values.items()}


def merged(gauges: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sums by name. Of a place, the most that anybody has seen: who began first has seen it all."""
    totals: dict[str, float] = {}
    for values in gauges:
        for name, value in values.items():
            if "@" in name:
                totals[name] = max(totals.get(name, value), value)
            else:
                totals[name] = totals.get(name, 0.0) + value
    return totals


def total(gauges: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sums by name over all places, each counted once, and without their marks.

    >>> total([{"preemptions@a": 2.0, "retries": 1.0}, {"preemptions@a": 3.0, "retries": 1.0}])
    {'preemptions': 3.0, 'retries': 2.0}
    """
    totals: dict[str, float] = {}
    for marking, value in merged(gauges).items():
        name = marking.partition("@")[0]
        totals[name] = totals.get(name, 0.0) + value
    return totals


def snapshot() -> dict[str, float]:
    """The same from the vLLM in this process, marked as of this process."""
    from vllm.v1.metrics.reader import get_metrics_snapshot

    counters: dict[str, float] = {}
    for metric in get_metrics_snapshot():
        if metric.name in NAMES:
            counters[NAMES[metric.name]] = counters.get(NAMES[metric.name], 0.0) + float(
                metric.value
            )
    return marked(counters, _HERE)
