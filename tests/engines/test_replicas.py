"""Several servers as one engine."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from tutelage import engines, settings
from tutelage.engines import replicas

CLOSED = []


class Server:
    """Answers with its URL."""

    def __init__(self, player, chosen):
        self.url = chosen.server.url
        self.capacity = 10

    async def reply(self, request):
        return self.url

    def gauges(self):
        return {"retries": 1.0, f"running@{self.url}": 2.0}

    def close(self):
        CLOSED.append(self.url)


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(replicas, "Client", Server)
    CLOSED.clear()
    chosen = settings.load("", ["student.engine=server", "server.url=http://a/v1, http://b/v1"])
    return engines.build(chosen.student, chosen)


def test_a_dialogue_stays_where_it_began(engine, make_request):
    asked = [
        replace(make_request(), dialogue=replace(make_request().dialogue, dialogue_id=f"{n:016x}"))
        for n in range(200)
    ]
    answers = [asyncio.run(engine.reply(request)) for request in asked]
    assert [asyncio.run(engine.reply(replace(one, seed=9))) for one in asked] == answers
    assert set(answers) == {"http://a/v1", "http://b/v1"}
    assert min(Counter(answers).values()) > 60


def test_they_count_together(engine):
    assert engine.capacity == 20
    assert engine.gauges() == {
        "retries": 2.0, "running@http://a/v1": 2.0, "running@http://b/v1": 2.0,
    }  # fmt: skip
    engine.close()
    assert sorted(CLOSED) == ["http://a/v1", "http://b/v1"]
