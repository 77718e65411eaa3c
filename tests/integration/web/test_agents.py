"""Agents over the API, where none can dial in: who asks is told what to set."""

import pytest

from tests.integration.web.stand import standing


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", "/web-1")])
async def test_where_none_can_dial_in_it_is_said(method: str, path: str) -> None:
    """Not that there is nothing at this address."""
    async with standing() as (_, client), client.request(method, f"/api/v1/agents{path}", json={"name": "a"}) as answer:
        assert answer.status == 404
        assert "set executors.agent" in (await answer.json())["detail"]
