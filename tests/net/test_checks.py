"""Checks of ``mailauth`` driven with a real resolver and a real web server."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from typing import Final

import pytest
import trustme

from postroom.mailauth import lookups
from postroom.mailauth.lookups import Answer, Check, Fetch, Lookup, Question, RecordType
from postroom.net.checks import run
from postroom.net.dns import Resolver
from postroom.net.fetch import Rules
from rig.dns import DnsServer, Fault
from tests.certificates import AUTHORITY
from tests.loop import patiently
from tests.net.web import NAME, WebServer, serving

ZONE: Final = {
    (NAME, "A"): ["127.0.0.1"],
    ("example.test", "MX"): ["10 mx.example.test.", "20 ."],
    ("example.test", "TXT"): ["v=spf1 -all", "x" * 300],
    ("mx.example.test", "A"): ["192.0.2.1"],
    ("mx.example.test", "AAAA"): ["2001:db8::1"],
    ("_25._tcp.mx.example.test", "TLSA"): ["3 1 1 " + "ab" * 32],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mx.example.test."],
    ("alias.test", "CNAME"): ["example.test."],
}
TEXT: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


@contextlib.asynccontextmanager
async def resolving(rig: DnsServer) -> AsyncIterator[Resolver]:
    async with rig:
        resolver = Resolver([rig.address], try_seconds=0.2)
        try:
            yield resolver
        finally:
            await resolver.close()


def rules(port: int = 443, *, seconds: float = 10) -> Rules:
    return Rules(
        ports=(port,),
        allow_private=(ipaddress.ip_network("127.0.0.0/8"),),
        authorities=AUTHORITY.cert_pem.bytes().decode(),
        seconds=seconds,
    )


def asking(*questions: Question) -> Check[list[Answer | str]]:
    """A check that wants to know all this, and remembers failures as their text."""
    found: list[Answer | str] = []
    for question in questions:
        try:
            found.append((yield question))
        except lookups.LookupFailed as failed:
            found.append(f"lookup failed: {failed}")
        except lookups.FetchFailed as failed:
            found.append(f"fetch failed ({failed.is_certificate}): {failed}")
    return found


def looked_up(*questions: Question, rig: DnsServer | None = None) -> list[Answer | str]:
    async def main() -> list[Answer | str]:
        async with resolving(rig or DnsServer(ZONE)) as resolver:
            return await run(asking(*questions), resolver, rules())

    return patiently(main())


def fetched(
    web: WebServer,
    *,
    max_octets: int = 100,
    name: str = NAME,
    seconds: float = 10,
    authority: trustme.CA = AUTHORITY,
) -> Answer | str:
    async def main() -> list[Answer | str]:
        async with serving(web, authority=authority), resolving(DnsServer(ZONE)) as resolver:
            question = Fetch(
                url=f"https://{name}:{web.port}/policy",
                max_octets=max_octets,
                media_type="text/plain",
            )
            return await run(asking(question), resolver, rules(web.port, seconds=seconds))

    return patiently(main())[0]


# Names


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("example.test", "TXT", (b"v=spf1 -all", b"x" * 300)),
        ("alias.test", "TXT", (b"v=spf1 -all", b"x" * 300)),
        ("example.test", "MX", ((10, "mx.example.test"), (20, ""))),
        ("mx.example.test", "A", ("192.0.2.1",)),
        ("mx.example.test", "AAAA", ("2001:db8::1",)),
        ("1.2.0.192.in-addr.arpa", "PTR", ("mx.example.test",)),
        ("_25._tcp.mx.example.test", "TLSA", ((3, 1, 1, b"\xab" * 32),)),
        ("example.test", "A", ()),
        ("nowhere.test", "A", ()),
        ("a..test", "TXT", ()),
        ("x" * 64 + ".test", "A", ()),
        ("y." * 130, "A", ()),
        ("bücher.test", "A", ()),
    ],
)
def test_answers_are_plain_values(name: str, kind: RecordType, answer: Answer) -> None:
    (found,) = looked_up(Lookup(name, kind))
    assert found == answer
    assert all(type(record) in {str, bytes, tuple} for record in found)


def test_questions_come_one_after_the_other() -> None:
    rig = DnsServer(ZONE)
    found = looked_up(
        Lookup("example.test", "MX"), Lookup("mx.example.test", "A"), Lookup("x.test", "A"), rig=rig
    )
    assert found == [((10, "mx.example.test"), (20, "")), ("192.0.2.1",), ()]
    assert [one.kind for one in rig.queries] == ["MX", "A", "A"]


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED, Fault.SILENT])
def test_a_failed_lookup_is_thrown_into_the_check_which_may_go_on(fault: Fault) -> None:
    rig = DnsServer(ZONE, faults={("example.test", "TXT"): fault})
    failed, after = looked_up(
        Lookup("example.test", "TXT"), Lookup("mx.example.test", "A"), rig=rig
    )
    assert isinstance(failed, str)
    assert failed.startswith("lookup failed: ")
    assert after == ("192.0.2.1",)


def test_a_lookup_has_its_own_deadline() -> None:
    async def main() -> None:
        async with resolving(DnsServer(ZONE, held=asyncio.Event())) as resolver:
            check = asking(Lookup("example.test", "TXT"))
            (found,) = await run(check, resolver, rules(), seconds=0.05)
            assert found == "lookup failed: no answer in 0.05 s"

    patiently(main())


# Documents


def test_a_document() -> None:
    assert fetched(WebServer([TEXT])) == b"hello"
    mixed = TEXT.replace(b"text/plain", b"Text/PLAIN ; charset=utf-8")
    assert fetched(WebServer([mixed])) == b"hello"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (TEXT.replace(b"200 OK", b"404 No"), "the web server answers 404"),
        (TEXT.replace(b"200 OK", b"206 Part"), "the web server answers 206"),
        (TEXT.replace(b"200 OK", b"301 Off"), "redirects are not followed"),
        (TEXT.replace(b"text/plain", b"text/html"), "text/html"),
        (TEXT.replace(b"text/plain", b""), "of no type"),
        (TEXT.replace(b"Content-Type: text/plain\r\n", b""), "of no type"),
        (TEXT.replace(b"text/plain", b"text/plainer"), "text/plainer"),
        (b"nonsense\r\n\r\n", "not valid"),
        (b"", "not valid"),
    ],
)
def test_what_is_no_such_document_is_a_failure(response: bytes, reason: str) -> None:
    found = fetched(WebServer([response]))
    assert isinstance(found, str)
    assert found.startswith("fetch failed (False): ")
    assert reason in found


def test_the_size_is_bounded_by_the_question() -> None:
    assert fetched(WebServer([TEXT]), max_octets=5) == b"hello"
    for parts in ([TEXT], [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"]):
        found = fetched(WebServer(parts), max_octets=4)
        assert isinstance(found, str)
        assert "longer than 4 octets" in found


def test_a_certificate_that_is_not_good_is_told_apart() -> None:
    web = WebServer([TEXT])
    found = fetched(web, authority=trustme.CA())
    assert isinstance(found, str)
    assert found.startswith("fetch failed (True): ")
    assert web.requests == []


def test_a_server_that_says_nothing_does_not_hold_the_check() -> None:
    found = fetched(WebServer([b""], then="hang"), seconds=0.3)
    assert isinstance(found, str)
    assert "longer than 0.3 s" in found


def test_a_host_that_can_not_be_looked_up_is_a_failed_fetch() -> None:
    async def main() -> None:
        rig = DnsServer(ZONE, faults={("", ""): Fault.SERVFAIL})
        async with resolving(rig) as resolver:
            fetch = Fetch(url=f"https://{NAME}/", max_octets=5, media_type="text/plain")
            (found,) = await run(asking(fetch), resolver, rules())
            assert isinstance(found, str)
            assert found.startswith("fetch failed (False): ")

    patiently(main())


# The check itself


def test_a_check_without_questions() -> None:
    assert looked_up() == []


def test_what_the_check_raises_comes_out() -> None:
    def failing() -> Check[None]:
        yield Lookup("example.test", "TXT")
        raise ZeroDivisionError("its own mistake")

    def careless() -> Check[None]:
        yield Lookup("example.test", "TXT")

    async def main() -> None:
        async with resolving(DnsServer(ZONE)) as resolver:
            with pytest.raises(ZeroDivisionError, match="its own mistake"):
                await run(failing(), resolver, rules())
        rig = DnsServer(ZONE, faults={("", ""): Fault.SERVFAIL})
        async with resolving(rig) as resolver:
            with pytest.raises(lookups.LookupFailed):
                await run(careless(), resolver, rules())

    patiently(main())


def test_who_cancels_ends_it() -> None:
    async def main() -> None:
        rig = DnsServer(ZONE, held=asyncio.Event())
        async with resolving(rig) as resolver:
            task = asyncio.create_task(
                run(asking(Lookup("example.test", "TXT")), resolver, rules())
            )
            await rig.asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    patiently(main())
