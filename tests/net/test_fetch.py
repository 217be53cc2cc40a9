"""What is fetched, and above all what is not: hostile names, servers and certificates."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from typing import Final, Literal

import msgspec
import pytest
import trustme
from hypothesis import given, settings, strategies as st

from postroom.net.addresses import Network
from postroom.net.dns import Resolver
from postroom.net.dns_records import Answer
from postroom.net.fetch import Fetched, FetchFailed, Rules, get, send
from rig.dns import DnsServer, Fault
from tests.certificates import AUTHORITY
from tests.listen.loops import both_loops, run
from tests.net.web import NAME, Parts, WebServer, serving

PEM: Final = AUTHORITY.cert_pem.bytes().decode()
LOOPBACK: Final[tuple[Network, ...]] = (ipaddress.ip_network("127.0.0.0/8"),)
ZONE: Final = {
    (NAME, "A"): ["127.0.0.1"],
    ("empty.test", "MX"): ["10 a.test."],
    ("other.test", "A"): ["127.0.0.1"],
}
OK: Final = b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def resolving(rig: DnsServer) -> AsyncIterator[Resolver]:
    async with rig:
        resolver = Resolver([rig.address])
        try:
            yield resolver
        finally:
            await resolver.close()


def rules(
    web: WebServer,
    *,
    seconds: float = 10,
    max_body: int = 65_536,
    allow_private: tuple[Network, ...] = LOOPBACK,
) -> Rules:
    return Rules(
        ports=(web.port,),
        allow_private=allow_private,
        authorities=PEM,
        seconds=seconds,
        max_body=max_body,
    )


async def fetched(web: WebServer, *, path: str = "/x", seconds: float = 10) -> Fetched:
    async with serving(web), resolving(DnsServer(ZONE)) as resolver:
        url = f"https://{NAME}:{web.port}{path}"
        return await get(url, resolver, rules(web, seconds=seconds))


def refusal(web: WebServer, *, seconds: float = 10, loop: str = "asyncio") -> str:
    async def main() -> str:
        with pytest.raises(FetchFailed) as caught:
            await fetched(web, seconds=seconds)
        return caught.value.reason

    return run(loop, main())


@both_loops
@pytest.mark.parametrize(
    "parts",
    [
        [OK + b"Content-Length: 5\r\nX-Test: a\r\n\r\nhello"],
        [
            OK + b"Transfer-Encoding: chunked\r\nX-Test: a\r\n\r\n2\r\nhe\r\n",
            b"3\r\nllo\r\n0\r\n\r\n",
        ],
        [OK + b"x-test: a\r\n\r\nhe", b"llo"],
        [b"HTTP/1.0 200 OK\r\nX-Test: a\r\n\r\nhello"],
        [b"HTTP/1.1 103 Early\r\n\r\n", OK + b"X-Test: a\r\nContent-Length: 5\r\n\r\nhel", b"lo"],
    ],
)
def test_a_response_however_it_is_framed(loop: str, parts: Parts) -> None:
    web = WebServer(parts)
    response = run(loop, fetched(web, path="/.well-known/mta-sts.txt?a=b#part"))
    assert (response.status, response.body) == (200, b"hello")
    assert response.header("X-TEST") == "a"
    assert response.header("y") == ""
    (request,) = web.requests
    assert request == (
        b"GET /.well-known/mta-sts.txt?a=b HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: Postroom\r\n"
        b"Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
        % (NAME.encode(), web.port)
    )


def test_names_beside_authorities_may_be_in_any_letters() -> None:
    async def main() -> Fetched:
        web = WebServer([OK + b"\r\n"])
        async with serving(web), resolving(DnsServer(ZONE)) as resolver:
            named = msgspec.structs.replace(rules(web), authorities=f"# Főtanúsítvány\n{PEM}")
            return await get(f"https://{NAME}:{web.port}/", resolver, named)

    assert run("asyncio", main()).status == 200


def test_no_path_is_the_root_and_other_statuses_are_no_failure() -> None:
    web = WebServer([b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])
    assert run("asyncio", fetched(web, path="")).status == 404
    assert run("asyncio", fetched(web, path="?q")).body == b""
    assert [request.split(b" ")[1] for request in web.requests] == [b"/", b"/?q"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://mta-sts.example.test/",
        "ftp://mta-sts.example.test/",
        "https:mta-sts.example.test/",
        "https:///x",
        "https://user@mta-sts.example.test/",
        "https://user:password@mta-sts.example.test/",
        "https://mta-sts.example.test\\@other.test/",
        "https://mta-sts.example.test:/",
        "https://mta-sts.example.test:99999999/",
        "https://mta-sts.example.test/a b",
        "https://mta-sts.example.test/\r\nX: y",
        "https://mta-sts.example.test/\0",
        "https://mta-sts.exämple.test/",
        "https://mta-sts.example.test/ä",
        " https://mta-sts.example.test/",
        "https://mta-sts.example.test/" + "x" * 2_048,
        "https://[fe80::1%25eth0]/",
        "https://[]/",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    async def main() -> None:
        async with resolving(rig) as resolver:
            with pytest.raises(FetchFailed, match="not a plain https address"):
                await get(url, resolver)

    rig = DnsServer(ZONE)
    run("asyncio", main())
    assert rig.count() == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://mta-sts.example.test:22/", "port 22 is not allowed"),
        ("https://mta-sts.example.test:0/", "port 0 is not allowed"),
        ("https://mta-sts.example.test:65536/", "port 65536 is not allowed"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://127.0.0.1./", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:10.0.0.1]/", "not a public address"),
        ("https://[::ffff:a9fe:a9fe]/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://2130706433/", "not a public address"),
        ("https://127.1/", "not a public address"),
        ("https://017700000001/", "not a public address"),
        ("https://0x7f000001/", "no address"),
        ("https://0x7f.0.0.1/", "no address"),
        ("https://localhost/", "no address"),
        ("https://none.test/", "no address"),
        ("https://empty.test/", "no address"),
        ("https://a..b/", "empty label"),
        ("https://" + "x" * 64 + ".test/", "longer than 63"),
        ("HTTPS://MTA-STS.Example.Test./", "127.0.0.1 is not a public address"),
    ],
)
def test_names_and_addresses_that_lead_nowhere(url: str, words: str) -> None:
    async def main() -> None:
        async with resolving(DnsServer(ZONE)) as resolver:
            with pytest.raises(FetchFailed) as caught:
                await get(url, resolver)
            assert words in caught.value.reason
            assert caught.value.url == url

    run("asyncio", main())


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("A", "10.0.0.1"),
        ("A", "169.254.169.254"),
        ("A", "100.64.0.1"),
        ("A", "0.0.0.0"),
        ("AAAA", "::1"),
        ("AAAA", "::ffff:10.0.0.1"),
        ("AAAA", "64:ff9b::10.0.0.1"),
        ("AAAA", "fd00::1"),
        ("AAAA", "fe80::1"),
    ],
)
def test_inner_addresses_are_never_connected_to(kind: str, address: str) -> None:
    async def main() -> None:
        zone = {("evil.test", kind): [address]}
        async with resolving(DnsServer(zone)) as resolver:
            with pytest.raises(FetchFailed, match="is not a public address"):
                await get("https://evil.test/", resolver)
            with pytest.raises(FetchFailed, match="is not a public address"):
                await get("https://evil.test/", resolver, Rules(allow_private=LOOPBACK))

    run("asyncio", main())


def test_only_the_checked_address_is_connected_to() -> None:
    """Two addresses, one of them inner; the web server listens on the inner one too."""

    async def main() -> None:
        web = WebServer([OK + b"Content-Length: 2\r\n\r\nok"])
        zone = {(NAME, "A"): ["127.0.0.1", "127.0.0.2"]}
        other = ipaddress.ip_network("127.0.0.2/32")
        async with serving(web), resolving(DnsServer(zone)) as resolver:
            url = f"https://{NAME}:{web.port}/"
            with pytest.raises(FetchFailed, match=r"127\.0\.0\.2: Connection refused$"):
                await get(url, resolver, rules(web, allow_private=(other,)))
            assert web.connections == 0

    run("asyncio", main())


class Rebinding:
    """Tells an allowed address first and an inner one ever after."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def lookup(
        self, name: str, kind: Literal["A", "AAAA"], *, seconds: float = 20
    ) -> Answer[str]:
        self.asked.append(kind)
        if kind == "AAAA":
            return Answer((), False, 60, name)
        address = "127.0.0.1" if self.asked.count("A") == 1 else "10.0.0.1"
        return Answer((address,), False, 1, name)


def test_a_name_is_looked_up_once() -> None:
    async def main() -> None:
        web = WebServer([OK + b"Content-Length: 2\r\n\r\nok"])
        names = Rebinding()
        async with serving(web):
            url = f"https://{NAME}:{web.port}/"
            assert (await get(url, names, rules(web))).body == b"ok"
            assert sorted(names.asked) == ["A", "AAAA"]
            with pytest.raises(FetchFailed, match=r"10\.0\.0\.1 is not a public address"):
                await get(url, names, rules(web))

    run("asyncio", main())


def test_an_address_in_the_url_needs_a_certificate_for_it() -> None:
    async def main() -> None:
        web = WebServer([OK + b"Content-Length: 2\r\n\r\nok"])
        async with resolving(DnsServer(ZONE)) as resolver:
            async with serving(web, ["127.0.0.1"]):
                url = f"https://127.0.0.1:{web.port}/"
                assert (await get(url, resolver, rules(web))).body == b"ok"
            async with serving(web, [NAME]):
                url = f"https://127.0.0.1:{web.port}/"
                with pytest.raises(FetchFailed, match="certificate is not accepted"):
                    await get(url, resolver, rules(web))

    run("asyncio", main())


@both_loops
def test_certificates_must_be_good(loop: str) -> None:
    async def main() -> None:
        web = WebServer([OK + b"Content-Length: 2\r\n\r\nok"])
        async with resolving(DnsServer(ZONE)) as resolver:
            for names, authority, words in (
                ([NAME], trustme.CA(), "unable to get local issuer|self.signed"),
                (["other.test"], AUTHORITY, "Hostname mismatch"),
                (["*.test"], AUTHORITY, "Hostname mismatch"),
            ):
                async with serving(web, names, authority):
                    with pytest.raises(FetchFailed, match=words) as caught:
                        await get(f"https://{NAME}:{web.port}/", resolver, rules(web))
                    assert caught.value.is_certificate
            async with serving(web):  # the system does not know this authority
                with pytest.raises(FetchFailed, match="certificate is not accepted"):
                    await get(
                        f"https://{NAME}:{web.port}/",
                        resolver,
                        Rules(ports=(web.port,), allow_private=LOOPBACK),
                    )
        assert web.requests == []

    run(loop, main())


def test_an_expired_certificate() -> None:
    async def main() -> None:
        web = WebServer([OK + b"Content-Length: 2\r\n\r\nok"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        AUTHORITY.issue_cert(NAME, not_after=yesterday).configure_cert(context)
        async with (
            resolving(DnsServer(ZONE)) as resolver,
            await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=context) as server,
        ):
            web.port = server.sockets[0].getsockname()[1]
            with pytest.raises(FetchFailed, match="expired"):
                await get(f"https://{NAME}:{web.port}/", resolver, rules(web))

    run("asyncio", main())


def test_a_server_without_tls() -> None:
    async def main() -> None:
        web = WebServer([], first=OK + b"Content-Length: 2\r\n\r\nok")
        async with (
            resolving(DnsServer(ZONE)) as resolver,
            await asyncio.start_server(web.serve, "127.0.0.1", 0) as server,
        ):
            web.port = server.sockets[0].getsockname()[1]
            with pytest.raises(FetchFailed, match="TLS failed") as caught:
                await get(f"https://{NAME}:{web.port}/", resolver, rules(web))
            assert not caught.value.is_certificate

    run("asyncio", main())


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"304 Not Modified", b"308 Moved"])
def test_redirects_are_not_followed(status: bytes) -> None:
    web = WebServer([b"HTTP/1.1 " + status + b"\r\nLocation: https://127.0.0.1/\r\n\r\n"])
    assert refusal(web) == ("it redirects to 'https://127.0.0.1/', and redirects are not followed")
    assert web.connections == 1


@pytest.mark.parametrize(
    ("parts", "then", "words"),
    [
        (
            [OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"],
            "repeat",
            "longer than",
        ),
        ([OK + b"\r\n", b"x" * 1_000], "repeat", "longer than"),
        ([OK + b"Content-Length: 65537\r\n\r\n"], "hang", "longer than 65536"),
        ([OK + b"Content-Length: 99999999999999999999\r\n\r\n"], "hang", "longer than"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1_000], "repeat", "crumbs"),
        ([OK, b"X: y\r\n" * 100], "repeat", "not valid"),
        ([OK + b"X: " + b"y" * 20_000], "hang", "not valid"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "repeat", "interim"),
        (
            [b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
            "hang",
            "not valid",
        ),
        ([OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx"], "close", "compressed"),
        ([OK + b"Content-Length: 5\r\n\r\nhell"], "close", "not valid"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhell"], "close", "not valid"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], "close", "not valid"),
        ([OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"], "close", "not valid"),
        ([OK + b"Content-Length: -5\r\n\r\nhello"], "close", "not valid"),
        ([b"SSH-2.0-x\r\n\r\n"], "close", "not valid"),
        ([b""], "close", ""),
        ([OK[:-4]], "close", "not valid"),
    ],
)
@both_loops
def test_hostile_responses(loop: str, parts: Parts, then: str, words: str) -> None:
    assert words in refusal(WebServer(parts, then=then), loop=loop)


@both_loops
def test_a_body_of_exactly_the_limit_is_taken(loop: str) -> None:
    web = WebServer([OK + b"Content-Length: 65536\r\n\r\n", b"x" * 65_536])
    assert len(run(loop, fetched(web)).body) == 65_536
    web = WebServer([OK + b"\r\n", b"x" * 65_536])
    assert len(run(loop, fetched(web)).body) == 65_536


@both_loops
@pytest.mark.parametrize(
    "parts", [[], [OK], [OK + b"Content-Length: 5\r\n\r\nh"], [OK + b"\r\nhello"]]
)
def test_what_never_ends_is_given_up(loop: str, parts: Parts) -> None:
    reason = refusal(WebServer(parts, then="hang"), seconds=0.3, loop=loop)
    assert reason == "it took longer than 0.3 s"


def test_a_server_that_speaks_first_is_refused() -> None:
    web = WebServer([], first=OK + b"Content-Length: 2\r\n\r\nok")
    # Whether it is seen before or after the request is sent is a matter of time.
    try:
        response = run("asyncio", fetched(web))
    except FetchFailed as error:
        assert "spoke before it was asked" in error.reason
    else:
        assert response.body == b"ok"


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED])
def test_names_that_nobody_can_tell(fault: Fault) -> None:
    async def main() -> None:
        async with resolving(DnsServer(ZONE, faults={("", ""): fault})) as resolver:
            with pytest.raises(FetchFailed, match=f"the server says {fault.name}"):
                await get(f"https://{NAME}/", resolver)

    run("asyncio", main())


def test_one_family_is_enough() -> None:
    async def main() -> None:
        web = WebServer([OK + b"Content-Length: 2\r\n\r\nok"])
        rig = DnsServer(ZONE, faults={(NAME, "AAAA"): Fault.SERVFAIL})
        async with serving(web), resolving(rig) as resolver:
            url = f"https://{NAME}:{web.port}/"
            assert (await get(url, resolver, rules(web))).body == b"ok"

    run("asyncio", main())


def test_a_silent_resolver_counts_in_the_time() -> None:
    async def main() -> None:
        rig = DnsServer(ZONE, faults={("", ""): Fault.SILENT})
        async with resolving(rig) as resolver:
            with pytest.raises(FetchFailed) as caught:
                await get(f"https://{NAME}/", resolver, Rules(seconds=0.05))
            assert "0.05 s" in caught.value.reason

    run("asyncio", main())


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    web = WebServer([OK + b"Content-Length: 2\r\n\r\nok"])
    assert run("asyncio", fetched(web)).body == b"ok"


def test_who_is_cancelled_hangs_up() -> None:
    async def main() -> None:
        web = WebServer([OK], then="hang")
        async with serving(web), resolving(DnsServer(ZONE)) as resolver:
            task = asyncio.create_task(get(f"https://{NAME}:{web.port}/", resolver, rules(web)))
            for _ in range(100_000):
                if web.requests:
                    break
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run("asyncio", main())


@given(st.text(max_size=40).map(lambda text: "https://" + text) | st.text(max_size=40))
@settings(max_examples=50)
def test_any_url_has_an_outcome(url: str) -> None:
    async def main() -> None:
        async with resolving(DnsServer(ZONE)) as resolver:
            with pytest.raises(FetchFailed):
                await get(url, resolver)

    run("asyncio", main())


@given(st.lists(st.binary(max_size=60), max_size=5))
@settings(max_examples=30)
def test_any_octets_have_an_outcome(parts: list[bytes]) -> None:
    with contextlib.suppress(FetchFailed):
        run("asyncio", fetched(WebServer([OK[:9], *parts])))


@both_loops
def test_further_fields_are_sent(loop: str) -> None:
    async def story() -> bytes:
        web = WebServer([OK + b"Content-Length: 0\r\n\r\n"])
        async with serving(web), resolving(DnsServer(ZONE)) as resolver:
            url = f"https://{NAME}:{web.port}/x"
            more = [("Webhook-Id", "1")]
            await send("POST", url, resolver, rules(web), body=b"{}", fields=more)
        return web.requests[0]

    assert b"\r\nwebhook-id: 1\r\n" in run(loop, story()).lower()
