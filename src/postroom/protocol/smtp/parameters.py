"""The parameters of MAIL and RCPT, typed and checked.

RFC 5321 §4.1.2 (esmtp-param); RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8),
RFC 3461 and RFC 6533 (RET, ENVID, NOTIFY, ORCPT), RFC 4954 §5 (AUTH), RFC 4865 §4 (HOLDFOR,
HOLDUNTIL), RFC 8689 §2 (REQUIRETLS). What is not offered is 555 (RFC 5321 §4.1.1.11);
BODY=BINARYMIME is not offered (RFC 3030 §3). Whether a parameter is offered to this client
at this moment, and how long it may be held, is for ``standing``.
"""

import datetime as dt
import re
from typing import Final

from postroom.address import Address
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Body, Mail, Rcpt, Ret
from postroom.protocol.smtp.faults import BadArguments
from postroom.protocol.smtp.replies import reply

_KEYWORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 §4
_UTF8_XTEXT: Final = re.compile(  # RFC 6533 §3: what SMTPUTF8 allows in an ORCPT
    r"(?:[!-*,-<>-\[\]-~\u00a0-\U0010ffff]|\+[0-9A-F]{2}|\\x\{[0-9A-F]{2,6}\})*"
)
_ENCODED: Final = re.compile(r"\+([0-9A-F]{2})")
_UNPRINTABLE: Final = re.compile(r"\+(?:[01][0-9A-F]|7F|[89A-F][0-9A-F])")  # in xtext
_CONTROL: Final = re.compile(r"\+(?:[01][0-9A-F]|7F)|\\x\{0*(?:[01]?[0-9A-F]|7F)\}")
_ADDRESS_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_NOTIFY_ORDER: Final = ("SUCCESS", "FAILURE", "DELAY")
_SIZE: Final = re.compile(r"[0-9]{1,20}")  # RFC 1870 §4; whoever has no limit lacks the room
_SECONDS: Final = re.compile(r"[0-9]{1,9}")  # RFC 4865 §4
_TIME: Final = re.compile(  # RFC 3339 §5.6, as the errata of RFC 4865 have it
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)
MAX_ENVID: Final = 100  # RFC 3461 §4.4
MAX_ORCPT: Final = 500  # RFC 3461 §4.2

_OF_MAIL: Final = frozenset(
    {
        "SIZE",
        "BODY",
        "SMTPUTF8",
        "RET",
        "ENVID",
        "AUTH",
        "HOLDFOR",
        "HOLDUNTIL",
        "REQUIRETLS",
    }
)
_OF_RCPT: Final = frozenset({"NOTIFY", "ORCPT"})

Pairs = dict[str, str | None]


def mail_parameters(sender: Address | None, text: str) -> Mail:
    """MAIL with its parameters; raises BadArguments."""
    pairs = _pairs(text, _OF_MAIL)
    if "HOLDFOR" in pairs and "HOLDUNTIL" in pairs:
        raise BadArguments(reply(501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other"))
    return Mail(
        sender,
        size=_size(pairs),
        body=_body(pairs),
        smtputf8=_stands(pairs, "SMTPUTF8"),
        ret=_ret(pairs),
        envid=_envid(pairs),
        auth=_auth(pairs),
        hold_for=_hold_for(pairs),
        hold_until=_hold_until(pairs),
        requiretls=_stands(pairs, "REQUIRETLS"),
    )


def rcpt_parameters(recipient: Address | None, text: str) -> Rcpt:
    """RCPT with its parameters; raises BadArguments."""
    pairs = _pairs(text, _OF_RCPT)
    return Rcpt(recipient, notify=_notify(pairs), orcpt=_orcpt(pairs))


def decode_xtext(text: str) -> str:
    """RFC 3461 §4: "+2B" is a plus sign."""
    octets = _ENCODED.sub(lambda match: chr(int(match[1], 16)), text)
    return octets.encode("latin-1", "replace").decode("utf-8", "replace")


def _pairs(text: str, known: frozenset[str]) -> Pairs:
    pairs: Pairs = {}
    for word in filter(None, text.split(" ")):  # other kinds of space are no separators
        name, equals, value = word.partition("=")
        if not _KEYWORD.fullmatch(name) or (equals and (not value or "=" in value)):
            raise BadArguments(reply(501, "5.5.4", "A parameter is written KEYWORD=value"))
        keyword = name.upper()
        if keyword not in known:
            raise BadArguments(reply(555, "5.5.4", f"Parameter {keyword} not recognized"))
        if keyword in pairs:
            raise BadArguments(reply(501, "5.5.4", f"Parameter {keyword} stands twice"))
        pairs[keyword] = value if equals else None
    return pairs


def _bad(keyword: str) -> replies.Reply:
    return reply(501, "5.5.4", f"The value of {keyword} makes no sense")


def _given(pairs: Pairs, keyword: str) -> str | None:
    """The value; None when the parameter is absent. Without a value it is wrong."""
    if keyword not in pairs:
        return None
    value = pairs[keyword]
    if value is None:
        raise BadArguments(_bad(keyword))
    return value


def _stands(pairs: Pairs, keyword: str) -> bool:
    """A parameter that has no value."""
    if pairs.get(keyword) is not None:
        raise BadArguments(_bad(keyword))
    return keyword in pairs


def _size(pairs: Pairs) -> int | None:
    value = _given(pairs, "SIZE")
    if value is None:
        return None
    if not _SIZE.fullmatch(value):
        raise BadArguments(_bad("SIZE"))
    return int(value)


def _body(pairs: Pairs) -> Body | None:
    value = _given(pairs, "BODY")
    match value.upper() if value else None:
        case None:
            return None
        case "7BIT":
            return "7BIT"
        case "8BITMIME":
            return "8BITMIME"
        case _:
            raise BadArguments(reply(555, "5.5.4", "BODY is 7BIT or 8BITMIME"))


def _ret(pairs: Pairs) -> Ret | None:
    value = _given(pairs, "RET")
    match value.upper() if value else None:
        case None:
            return None
        case "FULL":
            return "FULL"
        case "HDRS":
            return "HDRS"
        case _:
            raise BadArguments(_bad("RET"))


def _envid(pairs: Pairs) -> str | None:
    """What it stands for is printable, as in a report (RFC 3461 §4.4)."""
    value = _given(pairs, "ENVID")
    if value is not None and (
        not _XTEXT.fullmatch(value) or _UNPRINTABLE.search(value) or len(value) > MAX_ENVID
    ):
        raise BadArguments(_bad("ENVID"))
    return value


def _auth(pairs: Pairs) -> str | None:
    value = _given(pairs, "AUTH")
    if value is None:
        return None
    if not _XTEXT.fullmatch(value) or len(value) > MAX_ORCPT:
        raise BadArguments(_bad("AUTH"))
    return decode_xtext(value)


def _hold_for(pairs: Pairs) -> int | None:
    value = _given(pairs, "HOLDFOR")
    if value is None:
        return None
    if not _SECONDS.fullmatch(value):
        raise BadArguments(_bad("HOLDFOR"))
    return int(value)


def _hold_until(pairs: Pairs) -> int | None:
    value = _given(pairs, "HOLDUNTIL")
    if value is None:
        return None
    found = _TIME.fullmatch(value)
    if found is None:
        raise BadArguments(_bad("HOLDUNTIL"))
    day, clock, seconds, zone = found.groups()
    try:
        moment = dt.datetime.fromisoformat(
            f"{day}T{clock}:{'59' if seconds == '60' else seconds}{zone.upper()}"
        )
        return int(moment.timestamp()) * 1000
    except (ValueError, OverflowError):
        raise BadArguments(_bad("HOLDUNTIL")) from None


def _notify(pairs: Pairs) -> str | None:
    value = _given(pairs, "NOTIFY")
    if value is None:
        return None
    words = value.upper().split(",")
    if words == ["NEVER"]:
        return "NEVER"
    if len(set(words)) != len(words) or not set(words) <= set(_NOTIFY_ORDER):
        raise BadArguments(_bad("NOTIFY"))
    return ",".join(word for word in _NOTIFY_ORDER if word in words)


def _orcpt(pairs: Pairs) -> str | None:
    """What it stands for is printable (RFC 3461 §4.2, RFC 6533 §3)."""
    value = _given(pairs, "ORCPT")
    if value is None:
        return None
    kind, semicolon, address = value.partition(";")
    is_utf8 = kind.lower() == "utf-8"
    pattern, never = (_UTF8_XTEXT, _CONTROL) if is_utf8 else (_XTEXT, _UNPRINTABLE)
    if (
        not semicolon
        or not address
        or len(value) > MAX_ORCPT
        or not _ADDRESS_TYPE.fullmatch(kind)
        or not pattern.fullmatch(address)
        or never.search(address)
    ):
        raise BadArguments(_bad("ORCPT"))
    return value
