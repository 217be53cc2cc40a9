"""Who signs a message, held against dkimpy."""

import asyncio
from pathlib import Path

import pytest

from postroom.db.database import Tx
from postroom.delivery import signatures
from postroom.delivery.signatures import Signatures, Signing
from postroom.directory import dkim_keys
from postroom.directory.dkim_keys import SigningKeys
from postroom.directory.sealing import seal
from postroom.directory.secrets import Secrets
from postroom.mailauth.canonical import relaxed_body_hash
from tests.conftest import Opener
from tests.delivery.oracle import agrees
from tests.directory import keys
from tests.directory.town import Town, Towns, towns

HEAD = b"From: Alice <alice@demo.test>\r\nSubject: Hello  there\r\n\r\n"
BODY = b"one  \r\n\r\n\r\n"


@pytest.fixture
def town(database: Opener, data: Path) -> Towns:
    return towns(database, data)


async def own(town: Town, name: str = "demo.test", number: int = 0) -> list[dkim_keys.DkimKey]:
    """An own domain with a pair of keys."""
    domain = await town.domain(name)
    ids = (town.ids.next(), town.ids.next())
    found = await town.directory.change(
        lambda tx: dkim_keys.add(
            tx, ids, domain, keys.numbered(number), seal_key=town.secrets.seal, now=town.clock()
        )
    )
    town.directory.signing_keys.hint()
    return found


def made(town: Town) -> Signatures:
    # dkimpy looks at the clock: a signature must not be of its future
    return Signatures(town.directory.signing_keys, lambda: 1_700_000_000_000)


async def signer(town: Town, head: bytes) -> str | None:
    found = await made(town).signing(head)
    return None if found is None else found.domain


def test_a_list_signs_where_the_author_has_no_keys(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await own(t)
            await own(t, "list.test", 1)
            ours = made(t)
            for author, domain in ((b"demo.test", "demo.test"), (b"far.test", "list.test")):
                found = await ours.signing(HEAD.replace(b"demo.test", author), "list.test")
                assert found is not None
                assert found.domain == domain
            assert await ours.signing(HEAD.replace(b"demo.test", b"far.test")) is None
            assert await ours.signing(HEAD.replace(b"demo.test", b"far.test"), "no.test") is None

    asyncio.run(run())


def test_the_domain_of_the_author_signs_with_both_keys(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            published = await own(t)
            ours = made(t)
            signing = await ours.signing(HEAD)
            assert signing is not None
            assert signing.domain == "demo.test"
            assert [one.key.algorithm for one in signing.signers] == [
                "rsa-sha256",
                "ed25519-sha256",
            ]
            for fields in (
                ours.sign(signing, HEAD, BODY),
                ours.sign(signing, HEAD, [b"one ", b" \r\n\r", b"\n\r\n"]),
                ours.sign_hash(signing, HEAD, relaxed_body_hash([BODY])),
            ):
                assert b"t=1700000000" in fields
                assert agrees(fields + HEAD + BODY, published) == [True, True]
                assert agrees(fields + HEAD + b"two\r\n", published) == [False, False]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("head", "domain"),
    [
        (b"From: alice@demo.test\r\n\r\n", "demo.test"),
        (b"From: Alice <alice@DEMO.Test>\r\n\r\n", "demo.test"),
        (b"From: a@demo.test, b@second.test\r\n\r\n", "demo.test"),  # the first author
        (b"From: b@second.test, a@demo.test\r\nSender: a@demo.test\r\n\r\n", "second.test"),
        (b"From: a@xn--bcher-kva.test\r\n\r\n", "xn--bcher-kva.test"),
        ("From: a@bücher.test\r\n\r\n".encode(), "xn--bcher-kva.test"),
        (b"From: a@other.test\r\nSender: alice@demo.test\r\n\r\n", None),  # not ours
        (b"From: a@sub.demo.test\r\n\r\n", None),
        (b"From: a@[192.0.2.1]\r\n\r\n", None),
        (b"From: a@bare.test\r\n\r\n", None),  # ours, without keys
        (b"From: a@demo.test\r\nFrom: b@demo.test\r\n\r\n", None),
        (b"From: demo.test\r\n\r\n", None),
        (b"From: \r\n\r\n", None),
        (b"From: undisclosed:;\r\n\r\n", None),
        (b"Subject: nobody\r\n\r\n", None),
        (b"\r\n", None),
        (b"", None),
        (b"From: \xff\xfe@demo.test\r\n\r\n", None),
    ],
)
def test_whose_keys_sign(town: Towns, head: bytes, domain: str | None) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("demo.test", "second.test", "xn--bcher-kva.test"):
                await own(t, name)
            await t.domain("bare.test")
            assert await signer(t, head) == domain

    asyncio.run(run())


def test_a_message_that_can_not_be_signed_gets_no_field(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await own(t)
            ours = made(t)
            signing = await ours.signing(HEAD)
            assert signing is not None
            many = b"From: alice@demo.test\r\n" + b"Subject: x\r\n" * 200 + b"\r\n"
            assert ours.sign(signing, many, BODY) == b""
            assert ours.sign_hash(signing, b"Subject: x\r\n\r\n", b"\0" * 32) == b""

    asyncio.run(run())


def test_keys_of_another_install_sign_nothing(town: Towns, data: Path) -> None:
    async def run() -> None:
        async with town() as t:
            await own(t)
            foreign = SigningKeys(t.db, t.clock, Secrets(data / "elsewhere"))
            assert await Signatures(foreign, t.clock).signing(HEAD) is None

    asyncio.run(run())


def test_a_broken_key_leaves_the_other_one(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            rsa, ed25519 = await own(t)

            def breaking(tx: Tx, *broken: dkim_keys.DkimKey) -> None:
                for key in broken:
                    context = f"dkim:{key.domain_id}:{key.selector}".encode()
                    tx.execute(
                        "UPDATE dkim_key SET private_key = :private WHERE id = :id",
                        private=seal(t.secrets.seal, b"no key", context),
                        id=key.id,
                    )

            await t.directory.change(lambda tx: breaking(tx, rsa))
            t.directory.signing_keys.hint()
            ours = made(t)
            assert await ours.signing(HEAD) is not None
            signing = await ours.signing(HEAD)  # now it is known to be broken
            assert signing is not None
            assert [one.selector for one in signing.signers] == [ed25519.selector]
            fields = ours.sign(signing, HEAD, BODY)
            assert agrees(fields + HEAD + BODY, [ed25519]) == [True]
            await t.directory.change(lambda tx: breaking(tx, ed25519))
            t.directory.signing_keys.hint()
            assert await ours.signing(HEAD) is None

    asyncio.run(run())


def test_a_key_is_loaded_once_and_not_for_ever(
    town: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signatures, "MOST_KEYS", 2)

    async def run() -> None:
        async with town() as t:
            await own(t)
            await own(t, "second.test", 1)
            ours = made(t)

            async def signed(head: bytes) -> Signing:
                found = await ours.signing(head)
                assert found is not None
                return found

            first, again = await signed(HEAD), await signed(HEAD)
            assert [one.key for one in first.signers] == [one.key for one in again.signers]
            assert all(a.key is b.key for a, b in zip(first.signers, again.signers, strict=True))
            await signed(HEAD.replace(b"demo", b"second"))
            assert len(ours._loaded) == 2
            after = await signed(HEAD)
            assert after.signers[0].key is not first.signers[0].key

    asyncio.run(run())
