"""A server of ours answers nobody who has no key."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tutelage import settings
from tutelage.engines import access
from tutelage.engines.launch import command_line


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/collective_rpc", "/sleep"])
@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic x", ""])
async def test_who_has_no_key_is_refused(path: str, given: str | None) -> None:
    access.key()
    transport = httpx.ASGITransport(access.RequireKey(app))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        refused = await client.get(path, headers={"Authorization": given} if given else {})
        served = await client.get(path, headers=access.headers())
        health = await client.get("/health")
    assert (refused.status_code, served.status_code, health.status_code) == (401, 200, 200)


def test_the_key_is_on_no_command_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").touch()
    command = command_line(settings.load(""), str(tmp_path), "m", 1, {})
    assert access.MIDDLEWARE in command and not any(access.key() in word for word in command)
