"""Envelopes of submissions: from JSON or from the message, to the commands of SMTP (RFC 8621 §7).

Parameters are those of the SMTP extensions that a submission server here offers, without xtext.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from postroom.address import Address, AddressError
from postroom.message import addresses, headers
from postroom.message.charset import decode
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.faults import BadArguments
from postroom.protocol.smtp.parameters import mail_parameters, rcpt_parameters
from postroom.protocol.smtp.standing import CLOCKS_DIFFER, MAX_HOLD
from postroom.web.jmap.errors import SetError, invalid_properties
from postroom.web.submitting import Commands

MOST: Final = 10_000  # recipients that are looked at

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,30}")
_VALUE: Final = re.compile(r"[!-~]{0,1000}")
_XTEXT: Final = frozenset({"ENVID", "ORCPT"})


def given(value: object) -> dict[str, Any]:
    """An Envelope as a client gives it. Raises SetError."""
    found = _object("envelope", value, {"mailFrom", "rcptTo"})
    recipients = found.get("rcptTo")
    if not isinstance(recipients, list):
        raise invalid_properties("rcptTo is an array", "envelope/rcptTo")
    if len(recipients) > MOST:
        raise SetError("tooManyRecipients", "the envelope has too many recipients")
    return {
        "mailFrom": _party("envelope/mailFrom", found.get("mailFrom")),
        "rcptTo": [_party(f"envelope/rcptTo/{n}", one) for n, one in enumerate(recipients)],
    }


def of_message(head: bytes) -> dict[str, Any]:
    """The Envelope of a message whose client gives none: its sender, and each recipient once.

    Raises ``invalidEmail`` when From or Sender does not name one address.
    """
    names = ("sender", "from", "to", "cc", "bcc")
    found = headers.collect(head, frozenset(name.encode() for name in names))
    field = "sender" if b"sender" in found else "from"
    written = found.get(field.encode(), [])
    authors = _emails(written)
    if len(written) != 1 or not authors or (field == "sender" and len(authors) > 1):
        raise SetError("invalidEmail", f"the {field} field does not name who sends it", [field])
    recipients: dict[str, None] = {}
    for name in names[2:]:
        recipients |= dict.fromkeys(_emails(found.get(name.encode(), [])))
    return {
        "mailFrom": {"email": authors[0], "parameters": None},
        "rcptTo": [{"email": one, "parameters": None} for one in recipients],
    }


def commands(envelope: Mapping[str, Any], *, now: int, most: int) -> Commands:
    """The same as SMTP names it; at most so many recipients. Raises SetError."""
    recipients = envelope["rcptTo"]
    if not recipients:
        raise SetError("noRecipients", "the message has no recipient")
    if len(recipients) > most:
        raise SetError(
            "tooManyRecipients", f"a message has at most {most} recipients", maxRecipients=most
        )
    wrong: list[str] = []
    found: dict[Address, Rcpt] = {}
    for number, one in enumerate(recipients):
        address = _address(one["email"])
        if address is None:
            wrong.append(one["email"])
            continue
        path = f"envelope/rcptTo/{number}/parameters"
        try:
            found.setdefault(address, rcpt_parameters(address, _text(path, one["parameters"])))
        except BadArguments as error:
            raise invalid_properties(str(error), path) from None
    if wrong:
        raise SetError("invalidRecipients", "these are no addresses", invalidRecipients=wrong)
    mail = _mail(envelope["mailFrom"], now)
    is_international = not all(str(one).isascii() for one in (mail.sender or "", *found))
    return Commands(_with(mail, smtputf8=mail.smtputf8 or is_international), list(found.values()))


def _mail(party: Mapping[str, Any], now: int) -> Mail:
    path = "envelope/mailFrom/parameters"
    sender = _address(party["email"])
    if sender is None:
        raise SetError("forbiddenMailFrom", f"{party['email']!r} is no address to send from")
    try:
        mail = mail_parameters(sender, _text(path, party["parameters"]))
    except BadArguments as error:
        raise invalid_properties(str(error), path) from None
    until = mail.hold_until
    if mail.hold_for is not None:
        until = now + 1000 * mail.hold_for
    if until is not None and not now - CLOCKS_DIFFER <= until <= now + 1000 * MAX_HOLD:
        raise invalid_properties(
            f"a message is sent at a time of the next {MAX_HOLD // 86_400} days", path
        )
    return mail


def _with(mail: Mail, *, smtputf8: bool) -> Mail:
    return Mail(
        mail.sender, mail.size, "8BITMIME", smtputf8, mail.ret, mail.envid, mail.auth,
        mail.hold_for, mail.hold_until, mail.requiretls,
    )  # fmt: skip


def _party(path: str, value: object) -> dict[str, Any]:
    found = _object(path, value, {"email", "parameters"})
    email, parameters = found.get("email"), found.get("parameters")
    if not isinstance(email, str):
        raise invalid_properties(f"{path} has an email", f"{path}/email")
    _text(f"{path}/parameters", parameters)
    return {"email": email, "parameters": parameters}


def _text(path: str, parameters: object) -> str:
    """Parameters as they follow an address in SMTP. Raises SetError."""
    if parameters is None:
        return ""
    if not isinstance(parameters, dict):
        raise invalid_properties("parameters are an object", path)
    found = []
    for name, value in parameters.items():
        written = value
        if isinstance(value, str) and name.upper() in _XTEXT:
            kind, semicolon, rest = value.rpartition(";")
            written = kind + semicolon + _xtext(rest)
        is_good = value is None or (isinstance(written, str) and _VALUE.fullmatch(written))
        if not _NAME.fullmatch(name) or not is_good:
            raise invalid_properties(f"{name!r} is no parameter of SMTP", path)
        found.append(name if value is None else f"{name}={written}")
    return " ".join(found)


def _xtext(text: str) -> str:
    """RFC 3461 §4."""
    return "".join(
        [
            chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}"
            for octet in text.encode("utf-8", "replace")
        ]
    )


def _object(path: str, value: object, names: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not names.issuperset(value):
        raise invalid_properties(f"{path} is an object of {' and '.join(sorted(names))}", path)
    return value


def _emails(values: Sequence[bytes]) -> list[str]:
    return [
        decode(one.local) + (f"@{decode(one.domain)}" if one.domain else "")
        for value in values
        for one in addresses.mailboxes(addresses.parse(value, MOST))
    ]


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except AddressError:
        return None
