"""What is sent, octet for octet: lines, signatures, re-encoding."""

import asyncio
import itertools
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st

from postroom.delivery.content import Look, Seen, Unfit, has_long_line
from postroom.mailauth.canonical import relaxed_body_hash
from postroom.protocol.smtp.extensions import Extensions
from postroom.queue.rows import STRANGER, VERIFIED
from tests.conftest import Opener
from tests.delivery.oracle import agrees
from tests.delivery.shop import EIGHT, HEAD, LARGE, LONG, SEVEN, UTF8, decoded_body, opened
from tests.delivery.stock import queued

BOTH: Final = pytest.mark.parametrize("extensions", [SEVEN, EIGHT], ids=["7bit", "8bit"])
ODD: Final = b"X-Long: " + b"y " * 800 + b"\r\n"


# Lines


@pytest.mark.parametrize(
    ("octets", "is_long"),
    [
        (b"", False),
        (b"\r\n", False),
        (b"x" * 998, False),
        (b"x" * 999, True),
        (b"x" * 998 + b"\r\n", False),
        (b"x" * 999 + b"\r\n", True),
        (b"x" * 997 + b"\r\n", False),
        (b"a\r\n" + b"x" * 998 + b"\r\n", False),
        (b"a\r\n" + b"x" * 999 + b"\r\n", True),
        (b"a\r\n" + b"x" * 998, False),
        (b"a\r\n" + b"x" * 999, True),
        (b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n" + b"z" * 998, False),
        (b"x" * 998 + b"\r\n" + b"y" * 999 + b"\r\n" + b"z" * 998, True),
        (b"\r\n" * 5_000, False),
        (b"\r\n" * 5_000 + b"x" * 999 + b"\r\n", True),
    ],
)
def test_a_line_of_998_octets_is_not_long(octets: bytes, is_long: bool) -> None:
    assert has_long_line(octets) is is_long


def test_one_huge_line_is_long() -> None:
    assert has_long_line(b"x" * 10_000_000)


LINES: Final = st.lists(st.sampled_from([0, 1, 5, 500, 996, 997, 998, 999, 1_000, 2_500]))


@given(LINES, st.sampled_from([0, 1, 997, 998, 999, 3_000]))
def test_long_is_what_counting_finds(lengths: list[int], last: int) -> None:
    octets = b"".join([b"x" * length + b"\r\n" for length in lengths]) + b"x" * last
    assert has_long_line(octets) is any(length > 998 for length in [*lengths, last])


@given(LINES, st.sampled_from([0, 1, 998, 999]), st.lists(st.integers(0, 20_000)), st.booleans())
def test_how_a_body_is_cut_does_not_matter(
    lengths: list[int], last: int, places: list[int], is_ascii: bool
) -> None:
    octets = b"".join([b"x" * length + b"\r\n" for length in lengths]) + b"y" * last
    octets += b"" if is_ascii else "ü".encode()
    look = Look()
    edges = sorted({0, len(octets), *[place % (len(octets) + 1) for place in places]})
    for start, end in itertools.pairwise(edges):
        look.feed(octets[start:end])
    assert look.finish() == Seen(relaxed_body_hash([octets]), has_long_line(octets), is_ascii)


@pytest.mark.parametrize("at", range(996, 1_003))
def test_a_cut_through_the_end_of_a_line_of_998(at: int) -> None:
    for length in (998, 999):
        octets = b"x" * length + b"\r\n" + b"more\r\n"
        look = Look()
        look.feed(octets[:at])
        look.feed(octets[at:])
        assert look.finish().is_long is (length == 999)


# Small messages


@BOTH
def test_a_message_of_ours_is_signed(database: Opener, data: Path, extensions: Extensions) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            parcel, octets = await shop.prepared(HEAD, b"Hello.\r\n", extensions=extensions)
            assert parcel.octets == octets
            assert shop.unsigned(octets) == HEAD + b"\r\nHello.\r\n"

    asyncio.run(run())


@pytest.mark.parametrize("body", [b"", b"no line end", b"\r\n\r\n\r\n", b"..\r\n.\r\n", b" \r\n"])
def test_odd_bodies_are_signed_and_kept(database: Opener, data: Path, body: bytes) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            _, octets = await shop.prepared(HEAD, body)
            assert octets.endswith(HEAD + b"\r\n" + body)
            if body != b"no line end":  # dkimpy does not end the last line; DATA does
                assert shop.unsigned(octets) == HEAD + b"\r\n" + body
            else:
                assert agrees(octets + b"\r\n", shop.published) == [True, True]

    asyncio.run(run())


def test_the_lines_of_this_way_stand_before_the_message(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            prefix = b"Received: by mail.demo.test; Mon, 21 Sep 2026 14:13:20 +0000\r\n"
            parcel, octets = await shop.prepared(HEAD, b"Hello.\r\n", queued(prefix=prefix))
            assert shop.unsigned(octets) == prefix + HEAD + b"\r\nHello.\r\n"
            strange = queued(prefix=prefix, origin=STRANGER)
            parcel, octets = await shop.prepared(HEAD, b"Hello.\r\n", strange)
            assert octets == prefix + HEAD + b"\r\nHello.\r\n"
            assert parcel.octets == octets
            parcel, octets = await shop.prepared(HEAD, LARGE, strange)
            assert octets == prefix + HEAD + b"\r\n" + LARGE

    asyncio.run(run())


def test_an_author_of_another_domain_is_not_signed_for(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            head = HEAD.replace(b"demo", b"other")
            for body in (b"Hello.\r\n", LARGE):
                assert (await shop.prepared(head, body))[1] == head + b"\r\n" + body

    asyncio.run(run())


def test_the_domain_of_a_list_signs_for_authors_of_others_and_changes_nothing(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            head = HEAD.replace(b"demo", b"other")
            prefix = b"List-Unsubscribe: <mailto:dev%2Bleave-x@demo.test>\r\n"
            post = queued(sender="dev+bounce-x@demo.test", prefix=prefix)
            for body in (b"Hello.\r\n", LONG, LONG + LARGE):
                _, octets = await shop.prepared(head, body, post)
                assert shop.unsigned(octets) == prefix + head + b"\r\n" + body
                signature = octets[: octets.index(prefix)].lower()
                assert signature.count(b"list-unsubscribe") == 2
                assert signature.count(b"d=demo.test") == 2

    asyncio.run(run())


@pytest.mark.parametrize("origin", [STRANGER, VERIFIED])
@BOTH
def test_a_message_of_others_goes_untouched(
    database: Opener, data: Path, origin: int, extensions: Extensions
) -> None:
    """Whatever it holds: a change would break its signatures."""

    async def run() -> None:
        async with opened(database, data) as shop:
            head = b"DKIM-Signature: v=1; d=demo.test\r\n" + ODD + HEAD
            for body in ("Grüße\r\n".encode() + LONG, LONG + "ü".encode() + LARGE):
                letter = queued(origin=origin, eightbit=True)
                _, octets = await shop.prepared(head, body, letter, extensions)
                assert octets == head + b"\r\n" + body

    asyncio.run(run())


# Re-encoding


@pytest.mark.parametrize("is_told", [True, False])
def test_eight_bits_for_seven_are_re_encoded_and_then_signed(
    database: Opener, data: Path, is_told: bool
) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            head = HEAD + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            body = "Grüße aus Köln\r\n".encode()
            letter = queued(eightbit=is_told)
            _, octets = await shop.prepared(head, body, letter, SEVEN)
            message = shop.unsigned(octets)
            assert octets.isascii()
            assert b"Content-Transfer-Encoding: quoted-printable\r\n" in message
            assert decoded_body(message) == body
            _, octets = await shop.prepared(head, body, letter, EIGHT)
            assert shop.unsigned(octets) == head + b"\r\n" + body

    asyncio.run(run())


def test_a_client_that_says_8bitmime_of_ascii_changes_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            for body in (b"Hello.\r\n", LARGE):
                parcel, octets = await shop.prepared(HEAD, body, queued(eightbit=True), SEVEN)
                assert shop.unsigned(octets) == HEAD + b"\r\n" + body
                assert (parcel.octets is None) is (body is LARGE)

    asyncio.run(run())


@BOTH
@pytest.mark.parametrize("last", [LONG, b"z" * 999])
def test_long_lines_are_re_encoded_for_everybody(
    database: Opener, data: Path, extensions: Extensions, last: bytes
) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            _, octets = await shop.prepared(HEAD, b"one\r\n" + last, None, extensions)
            message = shop.unsigned(octets if octets.endswith(b"\r\n") else octets + b"\r\n")
            assert not has_long_line(message)
            assert decoded_body(message).rstrip() == (b"one\r\n" + last).rstrip()

    asyncio.run(run())


def test_a_long_header_line_is_folded_and_then_signed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            for body in (b"Hello.\r\n", LARGE):
                _, octets = await shop.prepared(ODD + HEAD, body)
                message = shop.unsigned(octets)
                assert not has_long_line(message)
                assert message.endswith(HEAD + b"\r\n" + body)

    asyncio.run(run())


SIGNED: Final = (
    b'Content-Type: multipart/signed; boundary="b"; protocol="application/pgp-signature"\r\n'
    b"MIME-Version: 1.0\r\n"
)


def multipart(inside: bytes) -> bytes:
    return (
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + inside
        + b"\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nxyz\r\n--b--\r\n"
    )


def test_long_lines_that_must_not_change_go_as_they_are(database: Opener, data: Path) -> None:
    """Whether a server takes them is for it to say."""

    async def run() -> None:
        async with opened(database, data) as shop:
            for extra in (b"", LARGE):
                body = multipart(LONG + extra)
                for letter, extensions in (
                    (queued(), SEVEN),
                    (queued(), EIGHT),
                    (queued(eightbit=True), EIGHT),
                ):
                    _, octets = await shop.prepared(HEAD + SIGNED, body, letter, extensions)
                    assert shop.unsigned(octets) == HEAD + SIGNED + b"\r\n" + body
                body = multipart(LONG + "ü\r\n".encode() + extra)
                _, octets = await shop.prepared(HEAD + SIGNED, body, queued(eightbit=True), EIGHT)
                assert shop.unsigned(octets) == HEAD + SIGNED + b"\r\n" + body

    asyncio.run(run())


def test_eight_bits_that_must_not_change_can_not_go_to_seven(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            for extra in (b"", LARGE):
                body = multipart("ü\r\n".encode() + extra)
                for letter in (queued(eightbit=True), queued(eightbit=True, smtputf8=True)):
                    one = await shop.loaded(HEAD + SIGNED, body, letter)
                    with pytest.raises(Unfit, match="signed part") as caught:
                        await shop.contents.prepare(one, one.claimed.recipients, SEVEN, 0)
                    reply = caught.value.reply
                    assert (reply.code, reply.status) == (550, "5.6.3")
                    assert "takes no 8-bit text" in reply.text
                    parcel = await shop.contents.prepare(one, one.claimed.recipients, EIGHT, 0)
                    octets = b"".join([block async for block in parcel.blocks()])
                    assert shop.unsigned(octets) == HEAD + SIGNED + b"\r\n" + body

    asyncio.run(run())


def test_a_header_beyond_ascii_needs_smtputf8(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            head = HEAD + "X-Name: Jürgen\r\n".encode()
            utf8 = queued(eightbit=True, smtputf8=True)
            for body in (b"Hello.\r\n", LARGE):
                parcel, octets = await shop.prepared(head, body, utf8, UTF8)
                assert parcel.transaction.needs_smtputf8
                assert octets.endswith(head + b"\r\n" + body)
                parcel, octets = await shop.prepared(head, body, utf8, SEVEN)
                assert parcel.transaction.needs_smtputf8, "the server lacks it: refused there"
                assert octets.endswith(head + b"\r\n" + body)
                one = await shop.loaded(head, body, queued(eightbit=True))
                with pytest.raises(Unfit) as caught:
                    await shop.contents.prepare(one, one.claimed.recipients, SEVEN, 0)
                assert caught.value.reply.status == "5.6.9"

    asyncio.run(run())


def test_a_header_that_only_might_have_been_beyond_ascii(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            parcel, _ = await shop.prepared(HEAD, b"Hello.\r\n", queued(smtputf8=True), SEVEN)
            assert not parcel.transaction.needs_smtputf8

    asyncio.run(run())
