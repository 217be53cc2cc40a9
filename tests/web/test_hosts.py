import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from postroom.address import Domain
from postroom.web.hosts import Hosts, domain_of, name_of
from tests.web.asking import Said, asked


async def path_of(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.path)


async def is_own(domain: Domain) -> bool:
    return domain.ascii == "example.org"


def get(target: str, host: str, *, is_public_http: bool = False) -> Said:
    inner = Starlette(routes=[Route("/{rest:path}", path_of)])
    hosts = Hosts(inner, hostname="Mail.Example.org", is_own=is_own, is_public_http=is_public_http)
    return asked(hosts, target, host=host)


@pytest.mark.parametrize(
    "host",
    [
        "mail.example.org",
        "MAIL.example.org:8443",
        "mail.example.org.",
        "example.org",
        "autoconfig.example.org",
        "autodiscover.example.org",
        "mta-sts.example.org",
        "ua-auto-config.example.org",
        "localhost:1080",
        "127.0.0.1:1080",
        "[::1]",
    ],
)
def test_our_own_names_are_answered(host: str) -> None:
    assert get("/x", host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.test",
        "www.example.org",
        "mta-sts.evil.test",
        "203.0.113.1",
        "[2001:db8::1]",
        "a b",
    ],
)
def test_other_names_are_not_but_health_is(host: str) -> None:
    assert get("/x", host).status == 421
    assert get("/healthz", host).status == 200


def test_in_clear_the_world_gets_only_what_must_be_there() -> None:
    for path in (
        "/.well-known/acme-challenge/x",
        "/mail/config-v1.1.xml",
        "/autodiscover/autodiscover.xml",
        "/healthz",
    ):
        assert get(path, "example.org", is_public_http=True).status == 200
    said = get("/login?next=1", "example.org:80", is_public_http=True)
    assert said.status == 308
    assert said.headers["location"] == "https://example.org/login?next=1"
    assert get("/login", "evil.test", is_public_http=True).status == 421


def test_outlook_may_write_the_path_as_it_likes() -> None:
    said = get("/AutoDiscover/AutoDiscover.xml", "example.org")
    assert said.body == b"/autodiscover/autodiscover.xml"


def test_a_host_stands_for_its_domain() -> None:
    assert domain_of("autoconfig.example.org:443") == "example.org"
    assert domain_of("mail.example.org") == "mail.example.org"
    assert domain_of("mta-sts") == "mta-sts"
    assert name_of("[::1]:80") == "[::1]"
    assert name_of("[::1]") == "[::1]"
