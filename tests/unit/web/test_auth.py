import base64

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from healer.accounts.settings import User
from healer.accounts.tokens import token_hash
from healer.documents.fields import Secret
from healer.web.auth import Access
from healer.web.problems import Problem
from healer.web.settings import Auth

CLOSED = Auth(bearer=(Secret("t0ken"), Secret("new-t0ken")), basic={"am": Secret("pass:word")})


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def request(path: str = "/api/v1/incidents", method: str = "GET", **headers: str) -> web.Request:
    return make_mocked_request(method, path, headers)


@pytest.mark.parametrize("given", ["Bearer t0ken", "bearer new-t0ken", "Bearer  t0ken ", basic("am:pass:word")])
def test_a_good_token_or_password_comes_in(given: str) -> None:
    Access(CLOSED).check(request(Authorization=given))


@pytest.mark.parametrize(
    "given",
    [
        "",
        "t0ken",
        "Bearer",
        "Bearer ",
        "Bearer t0ke",
        "Bearer t0kenn",
        "Basic t0ken",
        "Basic !",
        "Digest t0ken",
        basic("am:pass"),
        basic("am:"),
        basic("x:pass:word"),
        basic("t0ken"),
        "Bearer \udcff",
    ],
)
def test_nothing_else_comes_in(given: str) -> None:
    access = Access(CLOSED)
    assert not access.knows(given)
    if given.isascii():
        with pytest.raises(Problem) as refused:
            access.check(request(Authorization=given))
        assert refused.value.status == 401


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready", "/metrics"])
def test_probes_and_metrics_need_no_credentials(path: str) -> None:
    Access(CLOSED).check(request(path))


def test_metrics_can_be_closed_too() -> None:
    with pytest.raises(Problem, match="credentials"):
        Access(CLOSED, open_metrics=False).check(request("/metrics"))


def test_without_credentials_in_the_settings_everybody_comes_in() -> None:
    Access(Auth()).check(request())


def test_an_empty_token_is_not_good_because_none_was_set() -> None:
    assert not Access(Auth()).knows("Bearer ")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8080"])
def test_another_sites_page_may_not_post(origin: str) -> None:
    with pytest.raises(Problem) as refused:
        Access(Auth()).check(request("/api/v1/pause", "POST", Origin=origin, Host="127.0.0.1:9099"))
    assert refused.value.status == 403


def test_a_name_rebound_to_this_machine_may_not_post_where_no_credentials_are_asked() -> None:
    rebound = request("/api/v1/pause", "POST", Origin="http://evil.example:9099", Host="evil.example:9099")
    with pytest.raises(Problem, match="may not do this"):
        Access(Auth()).check(rebound)


@pytest.mark.parametrize("host", ["127.0.0.1:9099", "localhost:9099", "[::1]:9099"])
def test_healers_own_page_may_post(host: str) -> None:
    Access(Auth()).check(request("/api/v1/pause", "POST", Origin=f"http://{host}", Host=host))


def test_a_reload_locks_out_whose_hash_is_gone() -> None:
    """From the next request on; others stay."""
    ann, bob = (Auth(users={name: User(tokens=(token_hash(f"t-{name}"),))}) for name in ("ann", "bob"))
    access = Access(ann)
    assert access.knows("Bearer t-ann")
    access.use(bob)
    assert (access.knows("Bearer t-ann"), access.knows("Bearer t-bob")) == (False, True)
    assert [account.name for account in access.accounts] == ["bob"]
