"""vLLM's counters under our names, from this process or a server's `/metrics` page.

Several clients and workers read the same server, which may have served others before. So each value
is labelled with its source (`preemptions@http://host:8000`), a counter starts at zero when its
reader starts, and `total` counts each source once.
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
"""vLLM's name -> ours. Running, waiting and usage are gauges, the others counters."""
_GAUGES = ("running", "waiting", "kv_cache_usage")
_HERE = f"process-{uuid.uuid4().hex[:12]}"
"""Source label of the vLLM in this process."""

_LINE = re.compile(
    r"^([a-zA-Z_:][\w:]*?)(?:_total)?(?:\{[^}]*\})?\s+([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)


def parse(page: str) -> dict[str, float]:
    """Reads our metrics from a Prometheus text page; series of one name are summed.

    >>> parse('vllm:num_preemptions_total{engine="0"} 3.0')
    {'preemptions': 3.0}
    """
    counters: dict[str, float] = {}
    for name, value in _LINE.findall(page):
        if name in NAMES:
            counters[NAMES[name]] = counters.get(NAMES[name], 0.0) + float(value)
    return counters


class Meter:
    """A server's counters since the first reading. Counts before and after a restart add up."""

    def __init__(self) -> None:
        self._last: dict[str, float] | None = None
        self._counted: dict[str, float] = {}
        self._lock = threading.Lock()

    def read(self, now: Mapping[str, float]) -> dict[str, float]:
        """Gauges from `now`, and counters since the first call; if `now` is empty, only the latter.

        >>> meter = Meter()
        >>> [meter.read({"preemptions": count})["preemptions"] for count in (7, 9, 1)]
        [0.0, 2.0, 3.0]
        """
        counters = {name: value for name, value in now.items() if name not in _GAUGES}
        with self._lock:
            if counters:
                last = counters if self._last is None else self._last
                if any(value < last.get(name, 0.0) for name, value in counters.items()):
                    last = {}  # the server restarted
                for name, value in counters.items():
                    increase = float(value - last.get(name, 0.0))
                    self._counted[name] = self._counted.get(name, 0.0) + increase
                self._last = counters
            return {**now, **self._counted}


def marked(values: Mapping[str, float], source: str) -> dict[str, float]:
    """Labels each name with its source."""
    return {f"{name}@{source}": value for name, value in values.items()}


def merged(gauges: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sums by name. Of a shared source, the maximum: its earliest reader has counted everything."""
    totals: dict[str, float] = {}
    for values in gauges:
        for name, value in values.items():
            if "@" in name:
                totals[name] = max(totals.get(name, value), value)
            else:
                totals[name] = totals.get(name, 0.0) + value
    return totals


def total(gauges: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sums by name over all sources, each counted once, without source labels.

    >>> total([{"preemptions@a": 2.0, "retries": 1.0}, {"preemptions@a": 3.0, "retries": 1.0}])
    {'preemptions': 3.0, 'retries': 2.0}
    """
    totals: dict[str, float] = {}
    for label, value in merged(gauges).items():
        name = label.partition("@")[0]
        totals[name] = totals.get(name, 0.0) + value
    return totals


def snapshot() -> dict[str, float]:
    """The metrics of the vLLM in this process, labelled with it."""
    from vllm.v1.metrics.reader import get_metrics_snapshot

    counters: dict[str, float] = {}
    for metric in get_metrics_snapshot():
        if metric.name in NAMES:
            counters[NAMES[metric.name]] = counters.get(NAMES[metric.name], 0.0) + float(
                metric.value
            )
    return marked(counters, _HERE)
