"""vLLM's own counters under our names, from this process or from a server's `/metrics` page."""

import re

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

_LINE = re.compile(
    r"^([a-zA-Z_:][\w:]*?)(?:_total)?(?:\{[^}]*\})?\s+([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)


def parse(page: str) -> dict[str, float]:
    """Our names and values from a Prometheus text page; series of one name are summed.

    >>> parse('vllm:num_preemptions_total{engine="0"} 3.0')
    {'preemptions': 3.0}
    """
    found: dict[str, float] = {}
    for name, value in _LINE.findall(page):
        if name in NAMES:
            found[NAMES[name]] = found.get(NAMES[name], 0.0) + float(value)
    return found


def snapshot() -> dict[str, float]:
    """The same from the vLLM in this process."""
    from vllm.v1.metrics.reader import get_metrics_snapshot

    found: dict[str, float] = {}
    for metric in get_metrics_snapshot():
        if metric.name in NAMES:
            found[NAMES[metric.name]] = found.get(NAMES[metric.name], 0.0) + float(metric.value)
    return found
