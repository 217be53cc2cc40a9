"""Whom a post names in From: its author, or the list where members would refuse that."""

import asyncio
from pathlib import Path

import pytest

from postroom.directory import dkim_keys, domains
from postroom.directory.dkim_keys import Material
from postroom.intake.lists import authorship, distribution
from postroom.mailauth import dkim_key
from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_sign import sign
from postroom.message import headers
from tests.conftest import Opener
from tests.directory.town import at
from tests.fakes import START
from tests.intake.desk import said, send
from tests.intake.lists.hall import Hall, hall
from tests.mailauth.keys import ed25519_der, rsa_der, signers
from tests.policy.zone import Records, Zone

HEAD = (
    b"From: Ann <ann@client.example>\r\nTo: dev@local.test\r\nSubject: Hello\r\n"
    b"Message-ID: <1@client.example>\r\nDate: Mon, 21 Sep 2026 14:13:20 +0000\r\n"
)
BODY = b"Hi.\r\n"
BY_LIST = b"Ann via Developers <dev@local.test>"


def dns(policy: str, domain: str = "client.example") -> Records:
    found: dict[tuple[str, str], tuple[bytes, ...]] = {
        (f"_dmarc.{domain}", "TXT"): (b"v=DMARC1; " + policy.encode(),)
    }
    for one in signers():
        record = dkim_key.public_record(one.key).encode()
        found[f"{one.selector}._domainkey.client.example", "TXT"] = (record,)
    return found


def signed(head: bytes = HEAD, *, domain: str = "client.example", body: bytes = BODY) -> bytes:
    fields = sign(
        head + b"\r\n",
        relaxed_body_hash([body]),
        signers(),
        domain=domain,
        now_seconds=START // 1000,
    )
    return fields + head + b"\r\n" + body


async def author(one: Hall, octets: bytes, names: Zone | None) -> bytes:
    """Who stands in From of what cid gets."""
    one.here.change(resolver=names)
    one.waiting = type(one.waiting)(one.here.services)
    stranger = one.here.open(checks=False)
    await stranger.greet("client.example", esmtp=True)
    (answer,) = await send(stranger, "dev@local.test", octets=octets)
    assert said(answer) == "250 2.0.0"
    await one.work()
    octets = dict(await one.here.leaving())["cid@else.example"]
    head, _ = headers.split(octets)
    (found,) = headers.values(head, b"from")
    by_author = found == b"Ann <ann@client.example>"
    assert headers.values(head, b"reply-to") == ([] if by_author else [b"Ann <ann@client.example>"])
    return found


PLAIN = HEAD + b"\r\n" + BODY


@pytest.mark.parametrize(
    ("octets", "policy", "is_rewritten"),
    [
        (PLAIN, "p=reject", True),
        (PLAIN, "p=quarantine", True),
        (PLAIN, "p=none", False),
        (PLAIN, "p=quarantine; t=y", False),
        (signed(), "p=reject", False),
        (signed(domain="mail.client.example"), "p=reject; adkim=s", True),
        (signed().replace(b"Hello", b"Hullo"), "p=reject", True),
        # this signature says that no List-Id stood there: what the list adds breaks it
        (signed(b"List-Id: <x.client.example>\r\n" + HEAD), "p=reject", True),
    ],
)
def test_the_list_is_the_author_where_dmarc_could_not_pass(
    octets: bytes, policy: str, is_rewritten: bool, database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data, name="Developers") as one:
            found = await author(one, octets, Zone(dns(policy)))
            assert (found == BY_LIST) is is_rewritten
            assert found in {BY_LIST, b"Ann <ann@client.example>"}
            facts = await one.here.db.read(
                lambda tx: tx.all("SELECT detail FROM ledger_event WHERE detail LIKE '%From%'")
            )
            assert any("DMARC of client.example" in text for (text,) in facts) is is_rewritten

    asyncio.run(run())


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_large_post_is_read_to_its_end(is_broken: bool, database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, name="Developers") as one:
            octets = signed(body=b"%060d\r\n" % 7 * 4000 + b"End.\r\n")
            if is_broken:
                octets = octets.replace(b"End.", b"Fin.")
            found = await author(one, octets, Zone(dns("p=reject")))
            assert (found == BY_LIST) is is_broken
            got = dict(await one.here.leaving())["cid@else.example"]
            assert headers.split(got)[1] == headers.split(octets)[1]

    asyncio.run(run())


def test_never_and_always_ask_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, name="Developers", rewrite_from="never") as one:
            names = Zone(dns("p=reject"))
            assert await author(one, PLAIN, names) == b"Ann <ann@client.example>"
            assert names.asked == []
            await one.change(rewrite_from="always")
            again = signed(HEAD.replace(b"<1@", b"<2@"))
            assert await author(one, again, names) == BY_LIST
            assert names.asked == []

    asyncio.run(run())


def test_what_dns_does_not_say_is_taken_for_a_need(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, name="Developers") as one:
            names = Zone()
            names.failing.add("_dmarc.client.example")
            assert await author(one, PLAIN, names) == BY_LIST

    asyncio.run(run())


def test_many_domains_are_not_asked_for(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, posting="anyone", name="Developers") as one:
            people = b", ".join(b"p@d%d.example" % n for n in range(authorship.MAX_DOMAINS + 1))
            names = Zone()
            one.here.change(resolver=names)
            one.waiting = type(one.waiting)(one.here.services)
            stranger = one.here.open(checks=False)
            await stranger.greet("client.example", esmtp=True)
            octets = PLAIN.replace(b"Ann <ann@client.example>", people)
            await send(stranger, "dev@local.test", octets=octets)
            await one.work()
            head, _ = headers.split(dict(await one.here.leaving())["cid@else.example"])
            assert headers.values(head, b"from") == [
                b"p and others via Developers <dev@local.test>"
            ]
            assert headers.values(head, b"reply-to") == [people]
            assert names.asked == []

    asyncio.run(run())


def test_who_has_keys_here_is_signed_for(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, name="Developers") as one:
            town, ids = one.here.town, [one.here.ids.next() for _ in range(2)]
            own = await town.directory.look(
                lambda tx: domains.require(tx, at("a@local.test").domain)
            )
            pair = (Material.of("rsa", rsa_der()), Material.of("ed25519", ed25519_der()))
            octets = PLAIN.replace(b"Ann <ann@client.example>", b"Bob <bob@local.test>")
            names = Zone(dns("p=reject", "local.test"))
            one.here.change(resolver=names)
            one.waiting = type(one.waiting)(one.here.services)
            bob = await one.here.logged_in(one.here.bob)

            async def shown(ident: bytes) -> list[bytes]:
                names.asked.clear()
                new = octets.replace(b"<1@", b"<%b@" % ident)
                await send(bob, "dev@local.test", octets=new, sender="bob@local.test")
                await one.work()
                head, _ = headers.split(dict(await one.here.leaving())["cid@else.example"])
                return headers.values(head, b"from")

            assert await shown(b"2") == [b"Bob via Developers <dev@local.test>"]
            seal = town.secrets.seal
            await town.directory.change(
                lambda tx: dkim_keys.add(tx, ids, own, pair, seal_key=seal, now=START)
            )
            assert await shown(b"3") == [b"Bob <bob@local.test>"]
            assert names.asked == []

    asyncio.run(run())


def test_each_step_has_the_same_author_and_who_posts_is_spared_in_all(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "STEP", 2)

    async def run() -> None:
        async with hall(database, data, name="Developers", own_copy=False) as one:
            of = await one.found()
            # ann is the last of all, so that a later step is the one to spare her
            await one.here.town.directory.change(
                lambda tx: tx.execute(
                    "UPDATE list_member SET id = id + 1000000 WHERE alias_id = :id"
                    " AND local = 'ann'",
                    id=of.id,
                )
            )
            await one.join("member", *[f"m{n}@else.example" for n in range(5)])
            assert await author(one, PLAIN, Zone(dns("p=reject"))) == BY_LIST
            going = dict(await one.here.leaving())
            assert sorted(going) == sorted(
                ["bob@local.test", "cid@else.example", *[f"m{n}@else.example" for n in range(5)]]
            )
            for octets in going.values():
                assert headers.values(headers.split(octets)[0], b"from") == [BY_LIST]

    asyncio.run(run())
