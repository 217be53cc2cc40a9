"""All checks of one message, on letters that are signed and sealed here."""

from typing import Any, Final

import msgspec
import pytest

from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_key import public_record
from postroom.mailauth.dkim_sign import sign
from postroom.message import headers
from postroom.policy.asking import Asking
from postroom.policy.origin import Client, Findings, Origin, Seals
from tests.loop import on_loop
from tests.mailauth.keys import signers
from tests.mailauth.test_arc import sealed
from tests.policy.zone import Zone

NOW: Final = 1_790_000_000
LETTER: Final = b"From: Ann <ann@a.test>\r\nSubject: x\r\n\r\nbody\r\n"
CLIENT: Final = Client(
    address="192.0.2.1", helo="mx.a.test", sender="ann@a.test", receiver="mx.local.test"
)
STRANGER: Final = msgspec.structs.replace(CLIENT, address="203.0.113.9", helo="x.test")


def zone(policy: str = "reject", **more: Any) -> Zone:
    e1 = public_record(signers()[1].key).encode()
    records: dict[tuple[str, str], tuple[Any, ...]] = {
        ("1.2.0.192.in-addr.arpa", "PTR"): ("mx.a.test",),
        ("mx.a.test", "A"): ("192.0.2.1",),
        ("mx.a.test", "TXT"): (b"v=spf1 a -all",),
        ("a.test", "TXT"): (b"v=spf1 ip4:192.0.2.1 -all",),
        ("_dmarc.a.test", "TXT"): (f"v=DMARC1; p={policy}".encode(),),
        ("r1._domainkey.a.test", "TXT"): (public_record(signers()[0].key).encode(),),
        ("e1._domainkey.a.test", "TXT"): (e1,),
    }
    for number in range(10):
        records[f"e1._domainkey.s{number}.test", "TXT"] = (e1,)
    return Zone(records)


def signed(letter: bytes = LETTER, domain: str = "a.test") -> bytes:
    head, body = headers.split(letter)
    digest = relaxed_body_hash([body])
    return sign(head, digest, signers(), domain=domain, now_seconds=NOW) + letter


async def found(
    letter: bytes,
    client: Client = CLIENT,
    names: Zone | None = None,
    trusted: tuple[str, ...] = (),
) -> Findings:
    head, body = headers.split(letter)
    asking = Asking(names or zone())
    origin = Origin(asking, client, now=NOW)
    origin.begin()
    seals = Seals(head, now=NOW)
    for at in range(0, len(body), 3):
        seals.feed(body[at : at + 3])
    return await origin.finish(head, seals, trusted_sealers=trusted)


@on_loop
async def test_all_is_well() -> None:
    findings = await found(signed())
    digest = findings.authentication()
    assert (digest.iprev, digest.name) == ("pass", "mx.a.test")
    assert (digest.spf, digest.spf_domain) == ("pass", "a.test")
    assert digest.dkim == ("a.test",)
    assert (digest.dmarc, digest.author, digest.policy) == ("pass", "a.test", "reject")
    assert (digest.arc, digest.sealer, digest.fault) == ("none", "", "")
    told = [str(one) for one in findings.results()]
    assert told[:3] == [
        "iprev=pass (mx.a.test) policy.iprev=192.0.2.1",
        "spf=pass (ip4:192.0.2.1) smtp.mailfrom=ann@a.test",
        "spf=pass (a) smtp.helo=mx.a.test",
    ]
    assert told[3].startswith(
        "dkim=pass (2048 bits) header.d=a.test header.s=r1 header.a=rsa-sha256 header.b="
    )
    assert told[4].startswith("dkim=pass (256 bits) header.d=a.test header.s=e1")
    assert told[5] == "dmarc=pass (p=reject of a.test) header.from=a.test policy.dmarc=reject"


@on_loop
async def test_a_forger() -> None:
    digest = (await found(LETTER, STRANGER)).authentication()
    assert (digest.iprev, digest.spf, digest.dkim) == ("permerror", "fail", ())
    assert (digest.dmarc, digest.policy) == ("fail", "reject")


@on_loop
async def test_what_a_domain_says_of_a_forger() -> None:
    names = zone()
    names.records["a.test", "TXT"] = (b"v=spf1 exp=why.a.test -all",)
    names.records["why.a.test", "TXT"] = (b"%{i} is none of ours",)
    digest = (await found(LETTER, STRANGER, names)).authentication()
    assert (digest.spf, digest.explanation) == ("fail", "203.0.113.9 is none of ours")


@on_loop
async def test_the_domain_is_found_whatever_its_case() -> None:
    letter = LETTER.replace(b"ann@a.test", b"ann@A.Test")
    digest = (await found(letter, STRANGER)).authentication()
    assert (digest.author, digest.dmarc, digest.policy) == ("a.test", "fail", "reject")


@on_loop
async def test_the_null_path_is_checked_by_helo() -> None:
    digest = (await found(LETTER, msgspec.structs.replace(CLIENT, sender=""))).authentication()
    assert (digest.spf, digest.spf_domain) == ("pass", "mx.a.test")
    assert digest.dmarc == "pass"  # relaxed: of the same organization


@on_loop
async def test_test_mode_is_one_step_milder() -> None:
    names = zone("reject; t=y")
    assert (await found(LETTER, STRANGER, names)).authentication().policy == "quarantine"


@on_loop
async def test_old_tags_mean_nothing() -> None:
    names = zone("reject; pct=0; rf=afrf; ri=1")
    assert (await found(LETTER, STRANGER, names)).authentication().policy == "reject"


@pytest.mark.parametrize("missing", ["a.test", "e1._domainkey.a.test"])
@on_loop
async def test_what_could_decide_is_not_known(missing: str) -> None:
    names = zone()
    names.failing = {missing}
    names.records["r1._domainkey.a.test", "TXT"] = ()
    findings = await found(signed(), STRANGER, names)
    if missing == "a.test":  # SPF can't be told, but the signature can
        assert findings.authentication().dmarc == "pass"
        findings = await found(LETTER, STRANGER, names)
    digest = findings.authentication()
    assert (digest.dmarc, digest.policy) == ("temperror", "reject")
    assert any("can't be looked up" in str(one) for one in findings.results())


@on_loop
async def test_a_temporary_error_of_others_decides_nothing() -> None:
    names = zone()
    names.failing = {"e1._domainkey.other.test", "r1._domainkey.other.test"}
    digest = (await found(signed(domain="other.test"), STRANGER, names)).authentication()
    assert (digest.dmarc, digest.policy) == ("fail", "reject")


@on_loop
async def test_the_record_itself_is_not_known() -> None:
    names = zone()
    names.failing = {"_dmarc.a.test"}
    digest = (await found(LETTER, STRANGER, names)).authentication()
    assert (digest.dmarc, digest.policy) == ("temperror", "none")


@on_loop
async def test_an_appended_body_does_not_count() -> None:
    findings = await found(signed() + b"more\r\n", STRANGER)
    assert {one.outcome for one in findings.dkim} == {"fail"}
    assert findings.authentication().dmarc == "fail"


@on_loop
async def test_of_a_hundred_signatures_eight_are_verified() -> None:
    head, body = headers.split(LETTER)
    digest = relaxed_body_hash([body])
    fields = b"".join(
        sign(head, digest, signers()[1:], domain=f"s{number % 10}.test", now_seconds=NOW)
        for number in range(100)
    )
    names = zone()
    findings = await found(fields + LETTER, CLIENT, names)
    assert [one.outcome for one in findings.dkim] == ["pass"] * 8
    keys = {name for name, _ in names.asked if "_domainkey" in name}
    assert keys == {f"e1._domainkey.s{number}.test" for number in range(8)}


@on_loop
async def test_two_authors_are_none() -> None:
    for letter in (
        b"From: boss@bank.test\r\n" + LETTER,
        LETTER.replace(b"<ann@a.test>", b"<ann@a.test>, b@b.test"),
        LETTER.replace(b"From:", b"Sender:"),
        LETTER.replace(b"From: Ann <ann@a.test>\r\n", b"From: nobody at all\r\n"),
    ):
        findings = await found(letter)
        digest = findings.authentication()
        assert digest.fault
        assert not digest.is_anonymous
        assert (digest.author, digest.dmarc) == ("", "none")
        assert str(findings.results()[-1]).startswith("dmarc=permerror reason=")


@on_loop
async def test_a_message_that_names_nobody() -> None:
    digest = (await found(LETTER.replace(b"From: Ann <ann@a.test>\r\n", b""))).authentication()
    assert digest.is_anonymous
    assert digest.fault == "the message has no From field"


def passed_on(results: bytes, *, by: tuple[int, ...] = (1,)) -> bytes:
    letter = LETTER
    for instance in by:
        letter = sealed(letter, instance, results=results)
    return letter


@on_loop
async def test_a_trusted_sealer_that_saw_it_pass() -> None:
    letter = passed_on(b"dmarc=pass header.from=a.test")
    findings = await found(letter, STRANGER, trusted=("s1.test",))
    assert findings.arc.outcome == "pass"
    digest = findings.authentication()
    assert (digest.dmarc, digest.sealer) == ("fail", "s1.test")
    assert "s1.test" in str(findings.results()[-1])


@pytest.mark.parametrize(
    ("letter", "trusted"),
    [
        (passed_on(b"dmarc=pass header.from=a.test"), ()),
        (passed_on(b"dmarc=pass header.from=b.test"), ("s1.test",)),
        (passed_on(b"dmarc=fail header.from=a.test"), ("s1.test",)),
        (passed_on(b"dkim=pass header.d=a.test"), ("s1.test",)),
        (passed_on(b"dmarc=pass header.from=a.test", by=(1, 2)), ("s1.test",)),
        (passed_on(b"dmarc=pass header.from=a.test") + b"changed\r\n", ("s1.test",)),
    ],
)
@on_loop
async def test_a_chain_that_proves_nothing(letter: bytes, trusted: tuple[str, ...]) -> None:
    findings = await found(letter, STRANGER, trusted=trusted)
    assert findings.sealer == ""
    assert findings.authentication().dmarc == "fail"


@on_loop
async def test_behind_a_server_of_ours_only_signatures_tell() -> None:
    client = msgspec.structs.replace(CLIENT, address="")
    findings = await found(signed(), client)
    digest = findings.authentication()
    assert (digest.iprev, digest.spf, digest.dkim) == ("none", "none", ("a.test",))
    assert (digest.dmarc, digest.author, digest.fault) == ("none", "", "")
    assert [one.method for one in findings.results()] == ["dkim", "dkim"]


@on_loop
async def test_a_helo_that_is_no_name() -> None:
    for helo in ("[192.0.2.1]", "", "two words", "x" * 300, "localhost"):
        client = msgspec.structs.replace(STRANGER, helo=helo, sender="")
        assert (await found(LETTER, client)).authentication().spf == "none"
