"""Which DNS records make a domain's mail work here: a function of what is known of it.

"required": without it mail does not come, or is not believed elsewhere. "recommended": mail
programs find their settings, and other servers insist on TLS. "optional": of use only under a
condition, which ``note`` tells.

RFC 5321 §5 (MX), RFC 7208 (SPF), RFC 6376 §3.6 (DKIM), RFC 9989 (DMARC), RFC 8461 §3.1 and
§8.3 (MTA-STS), RFC 8460 §3 (TLS-RPT), RFC 6698 and RFC 7672 §3.1 (TLSA), RFC 6186 and RFC 8314
§5.1 (SRV), RFC 5804 §1.8 (SRV of ManageSieve), RFC 8620 §2.2 (of JMAP), RFC 8659 (CAA).
"""

import hashlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.config.model import ListenProtocol
from postroom.net.addresses import Address

Kind = Literal["A", "AAAA", "MX", "TXT", "TLSA", "PTR", "CNAME", "SRV", "CAA"]
Need = Literal["required", "recommended", "optional"]
StsMode = Literal["enforce", "testing", "none"]

MX_PREFERENCE: Final = 10
STS_MAX_AGE: Final = 604_800  # seconds; RFC 8461 §3.2 wants weeks
REPORTS: Final = "postmaster"  # who gets reports of other servers

# Service of a SRV record, the protocol of a listener, in the order in which they are printed.
SERVICES: Final[tuple[tuple[str, ListenProtocol], ...]] = (
    ("_submissions", "submissions"),
    ("_submission", "submission"),
    ("_imaps", "imaps"),
    ("_imap", "imap"),
    ("_pop3s", "pop3s"),
    ("_pop3", "pop3"),
    ("_sieve", "managesieve"),
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A record that should stand in DNS.

    ``name`` is absolute, in A-labels, without the dot at the end; ``value`` as in a zone file,
    but of a TXT record the bare text. ``use`` says in a word what it is for. An address record
    whose ``value`` is "" stands for an address that could not be found out.
    """

    name: str
    type: Kind
    value: str
    use: str
    need: Need
    note: str = ""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the records follow from.

    ``dkim`` are the pairs (name, value) of the keys to publish; ``ports`` those of the doors
    that the Internet reaches, by protocol; ``tlsa`` is the SHA-256 of the certificate's public
    key in hex, "" for none, ``next_tlsa`` that of the key that it changes to; ``authority`` is the name of the certificate authority in CAA;
    ``pacc`` the text that vouches for the document of ``admin.pacc``, "" for none.
    """

    domain: str
    hostname: str
    addresses: Sequence[Address] = ()
    dkim: Sequence[tuple[str, str]] = ()
    ports: Mapping[ListenProtocol, int] = msgspec.field(default_factory=dict)
    tlsa: str = ""
    next_tlsa: str = ""
    authority: str = ""
    sts_mode: StsMode = "testing"
    pacc: str = ""


def plan(known: Known) -> list[Wanted]:
    """Every record, the most important first."""
    return [
        *_host(known),
        *_mail(known),
        *_trust(known),
        *_encryption(known),
        *_programs(known),
    ]


def sts_policy(hostname: str, mode: StsMode) -> str:
    """The document of RFC 8461 §3.2: our one host takes the mail."""
    lines = ("version: STSv1", f"mode: {mode}", f"mx: {hostname}", f"max_age: {STS_MAX_AGE}")
    return "".join(f"{line}\r\n" for line in lines)


def sts_ident(document: str) -> str:
    """The ``id`` of a policy: another one whenever the document changes."""
    return hashlib.sha256(document.encode()).hexdigest()[:20]


def is_within(name: str, domain: str) -> bool:
    """Whether a name is the domain or stands below it."""
    return name == domain or name.endswith(f".{domain}")


def _host(known: Known) -> Iterator[Wanted]:
    versions = {address.version for address in known.addresses}
    for address in known.addresses:
        kind: Kind = "A" if address.version == 4 else "AAAA"
        yield Wanted(
            name=known.hostname, type=kind, value=str(address), use="server", need="required"
        )
    if not versions:
        yield Wanted(
            name=known.hostname,
            type="A",
            value="",
            use="server",
            need="required",
            note="the public address of this server could not be found out; name it in "
            "public_addresses of postroom.toml",
        )
    for address in known.addresses:
        yield Wanted(
            name=ipaddress.ip_address(address).reverse_pointer,
            type="PTR",
            value=f"{known.hostname}.",
            use="reverse name",
            need="required",
            note="set it where you rent the server or its addresses",
        )


def _mail(known: Known) -> Iterator[Wanted]:
    yield Wanted(
        name=known.domain,
        type="MX",
        value=f"{MX_PREFERENCE} {known.hostname}.",
        use="incoming mail",
        need="required",
    )


def _trust(known: Known) -> Iterator[Wanted]:
    yield Wanted(name=known.domain, type="TXT", value="v=spf1 mx ~all", use="SPF", need="required")
    for name, value in known.dkim:
        yield Wanted(name=name, type="TXT", value=value, use="DKIM", need="required")
    yield Wanted(
        name=f"_dmarc.{known.domain}",
        type="TXT",
        value=f"v=DMARC1; p=none; rua=mailto:{REPORTS}@{known.domain}",
        use="DMARC",
        need="required",
        note="once reports show that your mail passes, write p=quarantine, then p=reject",
    )
    if known.hostname != known.domain:
        yield Wanted(
            name=known.hostname,
            type="TXT",
            value="v=spf1 a -all",
            use="SPF of the server",
            need="recommended",
            note="bounces are sent in the name of the server itself",
        )


def _encryption(known: Known) -> Iterator[Wanted]:
    yield Wanted(
        name=f"_smtp._tls.{known.domain}",
        type="TXT",
        value=f"v=TLSRPTv1; rua=mailto:{REPORTS}@{known.domain}",
        use="TLS reports",
        need="recommended",
    )
    if "https" in known.ports and known.sts_mode != "none":
        yield Wanted(
            name=f"_mta-sts.{known.domain}",
            type="TXT",
            value=f"v=STSv1; id={sts_ident(sts_policy(known.hostname, known.sts_mode))}",
            use="MTA-STS",
            need="recommended",
            note=f"counts only while the server's certificate is valid for mta-sts.{known.domain}",
        )
        yield _alias(known, "mta-sts", "MTA-STS policy")
    for digest in filter(None, (known.tlsa, known.next_tlsa)):
        yield Wanted(
            name=f"_25._tcp.{known.hostname}",
            type="TLSA",
            value=f"3 1 1 {digest}",
            use="DANE",
            need="optional",
            note="of use only where the zone is signed with DNSSEC",
        )
    if known.authority and is_within(known.hostname, known.domain):
        yield Wanted(
            name=known.hostname,
            type="CAA",
            value=f'0 issue "{known.authority}"',
            use="certificates",
            need="optional",
            note="only this authority may issue certificates for the server",
        )


def _programs(known: Known) -> Iterator[Wanted]:
    for service, protocol in SERVICES:
        port = known.ports.get(protocol)
        if port is None and protocol in {"imap", "pop3", "submission"}:
            value = "0 0 0 ."  # RFC 6186 §3.4: not offered
        elif port is None:
            continue
        else:
            value = f"0 1 {port} {known.hostname}."
        yield Wanted(
            name=f"{service}._tcp.{known.domain}",
            type="SRV",
            value=value,
            use="mail programs",
            need="recommended",
        )
    if "https" in known.ports:
        yield Wanted(
            name=f"_autodiscover._tcp.{known.domain}",
            type="SRV",
            value=f"0 1 {known.ports['https']} {known.hostname}.",
            use="Outlook",
            need="recommended",
        )
        yield Wanted(
            name=f"_jmap._tcp.{known.domain}",
            type="SRV",
            value=f"0 1 {known.ports['https']} {known.hostname}.",
            use="mail programs (JMAP)",
            need="optional",
        )
        yield _alias(known, "autoconfig", "Thunderbird")
        yield _alias(known, "autodiscover", "Outlook")
    if "https" in known.ports and known.pacc:
        yield Wanted(
            name=f"_ua-auto-config.{known.domain}",
            type="TXT",
            value=known.pacc,
            use="PACC",
            need="optional",
            note="for programs that read the new standard; it changes with the settings",
        )
        yield _alias(known, "ua-auto-config", "PACC", "optional")


def _alias(known: Known, label: str, use: str, need: Need = "recommended") -> Wanted:
    return Wanted(
        name=f"{label}.{known.domain}",
        type="CNAME",
        value=f"{known.hostname}.",
        use=use,
        need=need,
    )
