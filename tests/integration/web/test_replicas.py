"""Which replica converges, as each of them says it over HTTP."""

from typing import Any

import pytest

from healer.journey.tenure import Converging
from tests.integration.web.stand import standing

ALONE = {"replica": None, "converges": True, "owner": None, "epoch": None}


@pytest.mark.parametrize(
    ("known", "said", "part"),
    [
        (None, ALONE, "healer is ready.\n"),
        (
            Converging("a", True, "a", "http://a", 3),
            {"replica": "a", "converges": True, "owner": {"replica": "a", "url": "http://a"}, "epoch": 3},
            "healer is ready: a converges (epoch 3).\n",
        ),
        (
            Converging("b", False, "a", "http://a", 3),
            {"replica": "b", "converges": False, "owner": {"replica": "a", "url": "http://a"}, "epoch": 3},
            "healer is ready: b follows a at http://a.\n",
        ),
        (
            Converging("b", False, "", "", 3),
            {"replica": "b", "converges": False, "owner": None, "epoch": 3},
            "healer is ready: no replica converges just now.\n",
        ),
    ],
)
async def test_each_says_who_converges(known: Converging | None, said: dict[str, Any], part: str) -> None:
    """To programs and to people; alone it is the one."""
    async with standing(converging=lambda: known) as (_, client):
        async with client.get("/api/v1/owner") as answer:
            assert await answer.json() == said
        async with client.get("/-/ready") as answer:
            assert await answer.text() == part
