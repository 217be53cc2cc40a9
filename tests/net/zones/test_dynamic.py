"""Signed updates, against a name server that checks signatures and answers as it is told.

A real one (BIND) takes the same in the interop tests.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Final

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
import pytest

from postroom.net.dns import Resolver
from postroom.net.dns_records import Mx
from postroom.net.zones.dynamic import DynamicZone, Key, read_key
from postroom.net.zones.zone import Change, ZoneFailed
from rig.dns import DnsServer
from tests.loop import patiently
from tests.net.street import serving
from tests.net.zones.stories import MX, change

KEY: Final = Key("k.demo.test", "hmac-sha256", b"0123456789abcdef0123456789abcdef")
TSIG: Final = dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm)
CHANGE: Final = change(MX, [], [Mx(10, "mx.demo.test")])


class Primary:
    """Takes updates over TCP; ``rcode``, ``signs`` and ``junk`` are what it does."""

    def __init__(self) -> None:
        self.taken: list[dns.message.Message] = []
        self.rcode = dns.rcode.NOERROR
        self.signs = True
        self.junk = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
        octets = await reader.readexactly(size)
        answer = self.junk or self._answer(octets)
        writer.write(struct.pack(">H", len(answer)) + answer)

    def _answer(self, octets: bytes) -> bytes:
        try:
            asked = dns.message.from_wire(octets, keyring={TSIG.name: TSIG})
        except dns.message.UnknownTSIGKey:
            asked = dns.message.from_wire(octets, keyring=False)
            return self._refusal(asked, dns.rcode.BADKEY)
        except dns.tsig.BadSignature:
            asked = dns.message.from_wire(octets, keyring=False)
            return self._refusal(asked, dns.rcode.BADSIG)
        self.taken.append(asked)
        answer = dns.message.make_response(asked)
        answer.set_rcode(self.rcode)
        if not self.signs:
            answer.tsig = None
            answer.keyring = None
        return answer.to_wire()

    @staticmethod
    def _refusal(asked: dns.message.Message, error: int) -> bytes:
        answer = dns.message.make_response(asked)
        answer.set_rcode(dns.rcode.NOTAUTH)
        answer.use_tsig(TSIG, tsig_error=error)
        return answer.to_wire()


def tell(
    story: Callable[[Primary, DynamicZone], Awaitable[None]],
    key: Key = KEY,
    host: str = "127.0.0.1",
) -> None:
    async def inside() -> None:
        where = Primary()
        zone = {("ns.demo.test", "A"): ["127.0.0.1"]}
        async with DnsServer(zone) as names, serving(where.serve) as port:
            resolver = Resolver([names.address])
            await story(where, DynamicZone("demo.test", host, port, key, resolver, seconds=5))
            await resolver.close()

    patiently(inside())


def test_an_update_is_signed_and_says_what_it_expects() -> None:
    async def story(where: Primary, zone: DynamicZone) -> None:
        old, new = Mx(5, "old.test"), Mx(10, "mx.demo.test")
        await zone.write(
            [
                change(MX, [old], [new]),
                change(("a.demo.test", "A"), [], ["192.0.2.1"]),
                change(("b.demo.test", "A"), ["192.0.2.1"], []),
            ]
        )
        (taken,) = where.taken
        assert isinstance(taken, dns.update.UpdateMessage)
        assert taken.had_tsig
        assert taken.zone[0].name == dns.name.from_text("demo.test")
        wanted = [one.to_text() for one in taken.prerequisite]
        assert wanted == [
            "demo.test. 0 IN MX 5 old.test.",
            "a.demo.test. NONE A",
            "b.demo.test. 0 IN A 192.0.2.1",
        ]
        assert [one.to_text() for one in taken.update] == [
            "demo.test. ANY MX",
            "demo.test. 3600 IN MX 10 mx.demo.test.",
            "a.demo.test. ANY A",
            "a.demo.test. 3600 IN A 192.0.2.1",
            "b.demo.test. ANY A",
        ]

    tell(story)


def test_a_server_may_have_a_name() -> None:
    async def story(where: Primary, zone: DynamicZone) -> None:
        await zone.write([])
        assert where.taken

    tell(story, host="ns.demo.test")

    async def nobody(_where: Primary, zone: DynamicZone) -> None:
        with pytest.raises(ZoneFailed, match=r"nobody\.demo\.test has no address"):
            await zone.write([])

    tell(nobody, host="nobody.demo.test")


@pytest.mark.parametrize(
    ("rcode", "reason"),
    [
        (dns.rcode.REFUSED, "let the key change this zone"),
        (dns.rcode.NXRRSET, "somebody else changed the zone at this moment"),
        (dns.rcode.YXRRSET, "somebody else changed the zone at this moment"),
        (dns.rcode.FORMERR, "it answers FORMERR"),
    ],
)
def test_refusals_are_told(rcode: dns.rcode.Rcode, reason: str) -> None:
    async def story(where: Primary, zone: DynamicZone) -> None:
        where.rcode = rcode
        with pytest.raises(ZoneFailed, match=reason):
            await zone.write([CHANGE])

    tell(story)


def test_wrong_keys_are_told_apart() -> None:
    async def wrong_secret(where: Primary, zone: DynamicZone) -> None:
        with pytest.raises(ZoneFailed, match="does not accept the key: name or secret are wrong"):
            await zone.write([CHANGE])
        assert not where.taken

    async def wrong_name(_where: Primary, zone: DynamicZone) -> None:
        with pytest.raises(ZoneFailed, match="answer can't be trusted|does not know a key"):
            await zone.write([CHANGE])

    tell(wrong_secret, Key(KEY.name, KEY.algorithm, b"another"))
    tell(wrong_name, Key("x.demo.test", KEY.algorithm, KEY.secret))


def test_an_answer_that_anybody_could_have_sent_is_no_answer() -> None:
    async def unsigned(where: Primary, zone: DynamicZone) -> None:
        where.signs = False
        with pytest.raises(ZoneFailed, match="requires a TSIG"):
            await zone.write([CHANGE])
        where.junk = b"\0" * 20
        with pytest.raises(ZoneFailed, match="can't be trusted"):
            await zone.write([CHANGE])

    tell(unsigned)


def test_nobody_there_is_told() -> None:
    async def story() -> None:
        resolver = Resolver(["127.0.0.1:9"])
        zone = DynamicZone("demo.test", "127.0.0.1", 9, KEY, resolver, seconds=5)
        with pytest.raises(ZoneFailed, match="can't be reached"):
            await zone.write([CHANGE])
        with pytest.raises(ZoneFailed, match="can't be asked"):
            await zone.read([MX])
        await resolver.close()

    patiently(story())


def test_a_place_is_read_from_the_server_itself_and_not_through_an_alias() -> None:
    async def story() -> None:
        records = {
            ("demo.test", "MX"): ["5 old.test."],
            ("a.demo.test", "CNAME"): ["b.demo.test."],
            ("b.demo.test", "A"): ["192.0.2.1"],
        }
        async with DnsServer(records) as server:
            host, port = server.address.split(":")
            zone = DynamicZone("demo.test", host, int(port), KEY, Resolver(["127.0.0.1:9"]))
            found = await zone.read([MX, ("a.demo.test", "A"), ("a.demo.test", "CNAME")])
        assert found == {
            MX: (Mx(5, "old.test"),),
            ("a.demo.test", "A"): (),
            ("a.demo.test", "CNAME"): ("b.demo.test",),
        }

    patiently(story())


FILE: Final = 'key "k.demo.test" {\n\talgorithm hmac-sha512;\n\tsecret "c2VjcmV0";\n};\n'


def test_a_key_comes_from_a_file_of_tsig_keygen_or_as_base64() -> None:
    assert read_key(FILE, name="", algorithm="hmac-sha256") == Key(
        "k.demo.test", "hmac-sha512", b"secret"
    )
    bare = read_key(" c2VjcmV0\n", name="K.test.", algorithm="hmac-sha256")
    assert bare == Key("k.test", "hmac-sha256", b"secret")
    assert "secret" not in repr(bare)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("c2VjcmV0", "", "needs its name"),
        ("no base64!", "k", "not base64"),
        ("", "k", "not base64"),
        (FILE.replace("sha512", "md5"), "", "too weak or unknown"),
    ],
)
def test_what_is_no_key_is_refused_without_repeating_it(text: str, name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as told:
        read_key(text, name=name, algorithm="hmac-sha256")
    assert not text or text not in str(told.value)


def test_a_change_knows_its_place() -> None:
    assert Change(name="x", kind="A", before=(), after=()).place == ("x", "A")
