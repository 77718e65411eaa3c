"""Asking the real Prometheus: one sample, none, several, an old one, and when it was taken."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import aiohttp
import pytest
from aiohttp import web

from healer.alerts.identity import canonical
from healer.alerts.matchers import parse_matchers
from healer.documents.fields import Secret
from healer.journey.records import Answer
from healer.prometheus.query import PrometheusQueries
from healer.seams import SystemClock
from healer.settings.outside import Credentials
from healer.settings.outside import Prometheus as Settings
from healer.telemetry.logs import within_trace
from healer.times import SECOND, Micros
from rules import Query
from tests.servers.process import free_port
from tests.servers.prometheus import Prometheus

ROOT = canonical({"alertname": "HostDown", "cluster": "eu"})
SCRAPE_S = 1


class Shop:
    """Something to scrape: it counts how often, and can be down."""

    def __init__(self, port: int) -> None:
        shop = self
        self.scrapes = 0
        self.down = False

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.scrapes += 1
                body = b"shop_open 1\nshop_sales_total %d\n" % shop.scrapes
                self.send_response(500 if shop.down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def scraped(self) -> None:
        """Wait until it was scraped once more, and Prometheus has had a moment to store that."""
        before, until = self.scrapes, time.monotonic() + 20
        while self.scrapes == before:
            assert time.monotonic() < until, "Prometheus does not scrape"
            time.sleep(0.02)
        time.sleep(0.2)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    shop = Shop(free_port())
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[Prometheus]:
    port, dead = shop.server.server_address[1], free_port()
    targets = f"['127.0.0.1:{port}', '127.0.0.1:{dead}']"
    config = (
        f"global: {{scrape_interval: {SCRAPE_S}s, scrape_timeout: 500ms}}\n"
        f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: {targets}}}]}}]\n"
    )
    with Prometheus(tmp_path_factory.mktemp("prometheus"), config) as server:
        shop.scraped()
        shop.scraped()
        yield server


async def ask(url: str, *texts: str, settings: Settings | None = None, at: Micros | None = None) -> list[Answer]:
    async with aiohttp.ClientSession() as session:
        asker = PrometheusQueries([settings or Settings(url=url)], session, SystemClock())
        return await asker.ask([Query(text, text) for text in texts], ROOT, at)


def now() -> Micros:
    return SystemClock().now()


async def test_one_sample_is_one_answer(prometheus: Prometheus) -> None:
    """The value, and the time of the scrape behind it: earlier than the question, by no more than the interval."""
    before = now()
    (answer,) = await ask(prometheus.url, "max(shop_open)")
    assert (answer.query, answer.value, answer.why) == ("max(shop_open)", 1.0, "")
    assert before - (SCRAPE_S + 1) * SECOND < answer.sampled_at < before


async def test_an_expression_is_as_old_as_its_samples(prometheus: Prometheus, shop: Shop) -> None:
    """Nothing is called fresh because it was computed just now: what was scraped before an effect ended does not count."""
    computed = ("min(shop_open)", "1 - max(shop_open) + 1", "max(shop_open) > bool 0", "sum(rate(shop_open[1m])) + 1")
    texts = ("shop_open", *computed)
    await asyncio.to_thread(shop.scraped)
    effect_ended_at = now()
    for before in await ask(prometheus.url, *texts):
        assert before.value == 1.0, before
        assert before.sampled_at < effect_ended_at
    await asyncio.to_thread(shop.scraped)
    for after in await ask(prometheus.url, *texts):
        assert after.sampled_at > effect_ended_at, after


async def test_the_oldest_sample_dates_an_answer(prometheus: Prometheus) -> None:
    """Where several series are read, all of them are later than the time that is given."""
    (answer,) = await ask(prometheus.url, "sum(up) + sum(up offset 2s)")
    assert answer.value == 2.0
    (late,) = await ask(prometheus.url, "sum(up)")
    assert answer.sampled_at < late.sampled_at


async def test_the_past_is_asked_as_it_was(prometheus: Prometheus, shop: Shop) -> None:
    """The sample of then and its time, whatever was scraped since; before there was any there is none."""
    then = now()
    (known,) = await ask(prometheus.url, "max(shop_sales_total)", at=then)
    await asyncio.to_thread(shop.scraped)
    (again,) = await ask(prometheus.url, "max(shop_sales_total)", at=then)
    (late,) = await ask(prometheus.url, "max(shop_sales_total)")
    assert (again.value, again.sampled_at) == (known.value, known.sampled_at)
    assert again.value is not None
    assert late.value is not None
    assert again.value < late.value
    assert again.sampled_at <= then < late.sampled_at
    (before,) = await ask(prometheus.url, "max(shop_sales_total)", at=then - 3_600 * SECOND)
    assert (before.value, before.why) == (None, "no data")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no_such_series", "no data"),
        ("up", "2 series: use max() or min()"),
        ("up ==", "parse error"),
        ("max(shop_open) / 0 - max(shop_open) / 0", "not a number"),
        ('max("text")', "expected"),
    ],
)
async def test_no_answer_says_why(prometheus: Prometheus, text: str, why: str) -> None:
    """No data is not success, several series are no answer, and a mistake is told in Prometheus' own words."""
    (answer,) = await ask(prometheus.url, text)
    assert answer.value is None
    assert answer.sampled_at == 0
    assert why in answer.why


async def test_what_reads_no_series_is_of_now(prometheus: Prometheus) -> None:
    """A scalar and a constant vector are as fresh as the question."""
    for answer in await ask(prometheus.url, "vector(7)", "7", "absent(no_such_series) * 7"):
        assert answer.value == 7.0
        assert abs(now() - answer.sampled_at) < 5 * SECOND


async def test_a_series_that_ended_is_no_data(prometheus: Prometheus, shop: Shop) -> None:
    """A target that is down leaves no old value behind; that it is down is a sample of its own."""
    shop.down = True
    try:
        await asyncio.to_thread(shop.scraped)
        gone, up = await ask(prometheus.url, "shop_open", "max(up)")
        assert (gone.value, gone.why) == (None, "no data")
        assert up.value == 0.0
    finally:
        shop.down = False
        await asyncio.to_thread(shop.scraped)


async def test_an_old_sample_is_none(prometheus: Prometheus) -> None:
    """Older than Prometheus' look-back, asked for by an offset: not an answer about now."""
    (answer,) = await ask(prometheus.url, "max(max_over_time(shop_open[1h])) + 0 * max(shop_open @ 1)")
    assert answer.value is None


async def test_a_server_that_is_not_there_is_no_answer(prometheus: Prometheus) -> None:
    """Unreachable, too slow, and something that is no Prometheus: each says so, none raises."""
    (answer,) = await ask("http://127.0.0.1:9", "up")
    assert answer.value is None
    assert "Cannot connect" in answer.why
    (answer,) = await ask(f"{prometheus.url}/nowhere", "vector(1)")
    assert "answered 404" in answer.why
    prometheus.pause()
    try:
        (answer,) = await ask("", "vector(1)", settings=Settings(url=prometheus.url, timeout=SECOND // 2))
        assert answer.why == "no answer within 0.5s"
    finally:
        prometheus.resume()


async def test_the_first_server_whose_matchers_hold_is_asked(prometheus: Prometheus) -> None:
    """Each cluster has its own; without any, that is the reason."""
    other = Settings(url="http://127.0.0.1:9", match=parse_matchers(['cluster="us"']))
    here = Settings(url=prometheus.url, auth=Credentials(bearer=Secret("t")))
    async with aiohttp.ClientSession() as session:
        (answer,) = await PrometheusQueries([other, here], session, SystemClock()).ask([Query("k", "vector(1)")], ROOT)
        assert answer.value == 1.0
        (answer,) = await PrometheusQueries([other], session, SystemClock()).ask([Query("k", "vector(1)")], ROOT)
        assert answer.why == "no Prometheus is configured for this incident"


class Ahead:
    """A Prometheus whose clock is a minute ahead, and whose newest sample is 20 s old."""

    def __init__(self) -> None:
        self.headers: list[Mapping[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers)
        text = (await request.post())["query"]
        theirs = time.time() + 60
        value = theirs - 20 if str(text).startswith("min(timestamp(") else 1
        found = [{"metric": {}, "value": [theirs, str(value)]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": found}})


@pytest.fixture
async def ahead() -> AsyncIterator[tuple[Ahead, str]]:
    server = Ahead()
    app = web.Application()
    app.router.add_post("/api/v1/query", server.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    yield server, f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_a_sample_is_dated_by_our_clock(ahead: tuple[Ahead, str]) -> None:
    """However wrong the server's clock is, what was scraped before an effect ended is not called later than it."""
    before = now()
    (answer,) = await ask(ahead[1], "max(up)")
    assert before - 21 * SECOND < answer.sampled_at < now() - 19 * SECOND


async def test_a_question_can_be_found_by_its_trace(ahead: tuple[Ahead, str]) -> None:
    """What is asked for an incident carries its trace id; what is asked for nobody carries none."""
    server, url = ahead
    with within_trace("ab" * 16):
        await ask(url, "max(up)")
    assert {one["X-Trace-ID"] for one in server.headers} == {"ab" * 16}
    assert {one["traceparent"] for one in server.headers} == {f"00-{'ab' * 16}-{'ab' * 8}-01"}
    server.headers.clear()
    await ask(url, "max(up)")
    assert not any("X-Trace-ID" in one or "traceparent" in one for one in server.headers)
