"""Records as the text of zone files (RFC 1035 §5.1) and back, as providers' interfaces have them.

Reading and writing are dnspython's; the records are those of ``dns_records``.
"""

from typing import Any, Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT

from postroom.net.dns_records import Kind, Mx, Record, Srv, Tlsa

STRING: Final = 255  # octets of one character-string, RFC 1035 §3.3


def rdata(kind: Kind, record: Record) -> dns.rdata.Rdata:
    """The form of dnspython for a record. Raises ValueError for what is none of this type."""
    if isinstance(record, bytes):
        pieces = [record[at : at + STRING] for at in range(0, len(record), STRING)] or [b""]
        return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, pieces)
    match record:
        case Mx(preference, host):
            text = f"{preference} {host}."
        case Srv(priority, weight, port, target):
            text = f"{priority} {weight} {port} {target}."
        case Tlsa(usage, selector, matching, data):
            text = f"{usage} {selector} {matching} {data.hex()}"
        case _:
            text = f"{record}." if kind in {"CNAME", "NS", "PTR"} else str(record)
    try:
        return dns.rdata.from_text("IN", kind, text)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text!r} is no {kind} record: {error}") from error


def write(kind: Kind, record: Record) -> str:
    """A record as a zone file has it: names with a dot at the end, texts in quotes."""
    return rdata(kind, record).to_text()


def read(kind: Kind, text: str) -> Record:
    """A record of a zone file; names without a dot at the end are absolute too.

    Raises ValueError.
    """
    try:
        found: Any = dns.rdata.from_text("IN", kind, text, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text!r} is no {kind} record: {error}") from error
    match kind:
        case "TXT":
            return b"".join(map(bytes, found.strings))
        case "MX":
            return Mx(found.preference, _name(found.exchange))
        case "SRV":
            return Srv(found.priority, found.weight, found.port, _name(found.target))
        case "TLSA":
            return Tlsa(found.usage, found.selector, found.mtype, found.cert)
        case "CNAME" | "NS" | "PTR":
            return _name(found.target)
        case _:
            return str(found.to_text())


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""
