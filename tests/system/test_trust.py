"""Mail from strangers at a real server, with a DNS whose domains have policies (threats A7, A9-A13).

The stranger sits on loopback, which is as strange as any other address.
"""

from collections.abc import Iterator

import pytest

from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_key import public_record
from postroom.mailauth.dkim_sign import sign
from postroom.message import headers
from rig.dns import Fault, ThreadedDns
from rig.ports import HOST
from rig.server import Server
from tests.mailauth.keys import SIGNED, signers
from tests.mailauth.test_dkim_verify import signed as partly_signed
from tests.system.wire import ALICE, Wire, count, letters, running

ZONE = {
    ("1.0.0.127.in-addr.arpa", "PTR"): ["client.test."],
    ("client.test", "A"): [HOST],
    ("strict.test", "TXT"): ["v=spf1 -all"],
    ("_dmarc.strict.test", "TXT"): ["v=DMARC1; p=reject; np=reject"],
    ("e1._domainkey.strict.test", "TXT"): [public_record(signers()[1].key)],
    ("_dmarc.example.org", "TXT"): ["v=DMARC1; p=reject"],
    ("r1._domainkey.example.org", "TXT"): [public_record(signers()[0].key)],
    ("mild.test", "TXT"): ["v=spf1 -all"],
    ("_dmarc.mild.test", "TXT"): ["v=DMARC1; p=reject; t=y"],
    ("good.test", "TXT"): [f"v=spf1 ip4:{HOST} -all"],
    ("_dmarc.good.test", "TXT"): ["v=DMARC1; p=reject"],
    ("loop.test", "TXT"): ["v=spf1 include:loop.test -all"],
    ("_dmarc.loop.test", "TXT"): ["v=DMARC1; p=none"],
    ("sick.test", "TXT"): ["v=spf1 include:dead.test -all"],
    ("_dmarc.sick.test", "TXT"): ["v=DMARC1; p=reject"],
    **{
        (f"_spf{number}.long.test", "TXT"): [f"v=spf1 include:_spf{number + 1}.long.test"]
        for number in range(12)
    },
    ("long.test", "TXT"): ["v=spf1 include:_spf0.long.test"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    dns = ThreadedDns(ZONE)
    dns.server.faults["dead.test", ""] = Fault.SERVFAIL
    settings = f'trusted = ["127.0.0.0/8"]\n[dns]\nservers = ["{dns.address}"]'
    with running(tmp_path_factory.mktemp("trust"), settings=settings) as server:
        yield server
    dns.close()


def letter(domain: str, field: bytes = b"") -> bytes:
    return field + f"From: Ann <ann@{domain}>\r\nSubject: x\r\n\r\nbody\r\n".encode()


def signed(octets: bytes, domain: str) -> bytes:
    head, body = headers.split(octets)
    digest = relaxed_body_hash([body])
    return sign(head, digest, signers()[1:], domain=domain, now_seconds=SIGNED) + octets


def brought(server: Server, octets: bytes, sender: str = "s@elsewhere.test") -> bytes:
    """The last reply, with its reasons."""
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"VERB").startswith(b"250")
        wire.begin(sender=sender)
        return wire.ask(octets + b".")


def results(server: Server) -> bytes:
    head, _ = headers.split(letters(server, ALICE)[-1])
    found = headers.values(head, b"authentication-results")
    assert len(found) == 1
    return found[0]


def test_a_policy_of_reject(server: Server) -> None:
    before = count(server)
    answer = brought(server, letter("strict.test"), "ann@strict.test")
    assert answer.startswith(b"550-5.7.1 ")
    assert b"strict.test" in answer
    assert b"dmarc=fail (p=reject of strict.test)" in answer
    assert brought(server, letter("Strict.TEST")).startswith(b"550-5.7.1 ")
    assert brought(server, letter("no.such.strict.test")).startswith(b"550-5.7.1 ")
    assert count(server) == before


def test_a_signature_makes_it_good(server: Server) -> None:
    octets = signed(letter("strict.test"), "strict.test")
    assert brought(server, octets).startswith(b"250-2.0.0 ")
    assert b"dkim=pass" in results(server)
    assert b"dmarc=pass" in results(server)
    assert brought(server, octets + b"appended\r\n").startswith(b"550-5.7.1 ")
    second = b"From: Boss <boss@strict.test>\r\n"
    assert brought(server, second + octets).startswith(b"550-5.7.1 ")


def test_a_signature_of_the_beginning_vouches_for_no_end(server: Server) -> None:
    octets = partly_signed(length=True)
    assert b"\r\n l=" in octets or b"; l=" in octets
    assert brought(server, octets).startswith(b"250-2.0.0 ")
    answer = brought(server, octets + b"buy now\r\n")
    assert answer.startswith(b"550-5.7.1 ")
    assert b"dkim=policy" in answer


def test_spf_makes_it_good(server: Server) -> None:
    assert brought(server, letter("good.test"), "ann@good.test").startswith(b"250-2.0.0 ")
    found = results(server)
    assert b"spf=pass" in found
    assert b"iprev=pass (client.test) policy.iprev=127.0.0.1" in found
    assert b"smtp.mailfrom=ann@good.test" in found


def test_a_policy_on_trial_is_one_step_milder(server: Server) -> None:
    before = count(server)
    answer = brought(server, letter("mild.test"))
    assert answer.startswith(b"250-2.0.0 ")
    assert b"policy.dmarc=quarantine" in answer
    assert count(server) == before  # it is in Junk


@pytest.mark.parametrize("domain", ["loop.test", "long.test"])
def test_spf_without_end(server: Server, domain: str) -> None:
    assert brought(server, letter("elsewhere.test"), f"ann@{domain}").startswith(b"250-2.0.0 ")
    assert b"spf=permerror" in results(server)


def test_a_name_that_decides_can_not_be_looked_up(server: Server) -> None:
    answer = brought(server, letter("sick.test"), "ann@sick.test")
    assert answer.startswith(b"451-4.4.3 ")
    assert b"spf=temperror" in answer
    assert brought(server, letter("elsewhere.test"), "ann@sick.test").startswith(b"250-2.0.0 ")


def test_forged_results_go(server: Server) -> None:
    forged = b"authentication-results:\r\n (x) Mail.Rig.TEST 1 ; dmarc=pass\r\n"
    assert brought(server, letter("elsewhere.test", forged)).startswith(b"250-2.0.0 ")
    assert results(server).startswith(b"mail.rig.test;\tiprev=pass")
    assert b"dmarc=none" in results(server)


def test_it_can_be_explained(server: Server) -> None:
    octets = letter("elsewhere.test", b"Message-ID: <explained@x>\r\n")
    assert brought(server, octets, "ann@loop.test").startswith(b"250-2.0.0 ")
    said = server.command("explain", "explained@x")
    assert "TXT loop.test: v=spf1 include:loop.test -all" in said
    assert "spf=permerror" in said
    assert "dmarc=none" in said
