"""`healer notify test`: a person sees that a channel works, or why it does not, before it has to."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from healer.cli.main import main
from tests.standins.robots import WecomStandin

KEY = "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
CHANNELS = """
channels:
  here: {{type: terminal}}
  ops: {{type: wecom, key: {{env: WECOM_KEY}}, api_url: "{url}", timeout: 2s, language: zh, zone: Asia/Shanghai}}
"""


async def tried(folder: Path, url: str, *arguments: str) -> int:
    """The exit code, beside a provider that goes on answering."""
    file = folder / "healer.yaml"
    file.write_text(CHANNELS.format(url=url))
    return await asyncio.to_thread(main, ["notify", "test", *arguments, "--config", str(file)])


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WECOM_KEY", KEY)


async def test_what_works_arrives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The provider got a message that says that it is a test and that nothing has to be done, in the channel's language."""
    async with WecomStandin(KEY, clock=time.time) as provider:
        assert await tried(tmp_path, provider.url, "--all") == 0
    (text,) = provider.texts
    assert text.startswith("[测试] healer 可以联系到你\n这是对渠道 ops 的测试，由人于 ")
    assert " CST (" in text
    said = capsys.readouterr()
    assert "* [TEST] healer can reach you" in said.out
    assert [line.split() for line in said.out.splitlines()[-2:]] == [
        ["here", "reached", "delivered"],
        ["ops", "reached", "delivered"],
    ]


async def test_what_does_not_work_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong key, or nobody there: the exit code is 1, the provider's words are shown, and no secret is."""
    async with WecomStandin("another", clock=time.time) as provider:
        assert await tried(tmp_path, provider.url, "ops", "--json") == 1
        url = provider.url
    (found,) = json.loads(capsys.readouterr().out)["items"]
    assert (found["channel"], found["reached"]) == ("ops", False)
    assert "93000" in found["why"]
    assert await tried(tmp_path, url, "--all") == 1
    said = capsys.readouterr()
    assert "cannot connect to" in said.out
    assert "1 channel would have told nobody: ops" in said.err
    assert KEY not in said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(["nobody"], "no channel is called 'nobody'; channels: here, ops"), ([], "name a channel, or --all")],
)
async def test_what_cannot_be_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    """A channel that is not there, or none at all, is an error that says what there is."""
    assert await tried(tmp_path, "http://127.0.0.1:9", *arguments) != 0
    assert why in capsys.readouterr().err
