"""What VRFY, EXPN and VERB answer.

A stranger gets one fixed reply without any look-up, so neither its octets nor its time
tell whether a mailbox exists (threat D4). Who has logged in, or comes from a trusted
network, gets the answers of RFC 5321 §3.5; members of hidden lists are told to nobody.

RFC 5321 §3.4 (251, 551), §3.5, §4.1.1.6, §4.1.1.7.
"""

import re
from typing import Final

from postroom.address import Address, AddressError
from postroom.directory.directory import Directory
from postroom.directory.verify import Verified
from postroom.protocol.smtp.replies import Reply, reply

UNTOLD: Final = reply(
    252, "2.0.0", "Mailboxes are not verified here, but mail is accepted and delivery tried"
)
UNTOLD_LIST: Final = reply(252, "2.0.0", "Lists are not expanded here")
UNKNOWN: Final = reply(550, "5.1.1", "No such mailbox or list here")
AMBIGUOUS: Final = reply(553, "5.1.4", "User ambiguous: several domains have one, name the domain")
BAD_ADDRESS: Final = reply(553, "5.1.3", "That is not an address")
HIDDEN: Final = reply(550, "5.7.1", "Access denied: the members of this list are not told")

_PLAIN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- \u0080-\U0010ffff]*")
_SPECIAL: Final = re.compile(r'(["\\])')


async def vrfy(directory: Directory, argument: str, *, may_relay: bool) -> Reply:
    """The answer for who may ask."""
    try:
        asked = _asked(argument)
    except AddressError:
        return BAD_ADDRESS
    found = await directory.verify_address(asked)
    if found.kind == "unknown" and isinstance(asked, str) and asked.casefold() == "postmaster":
        return reply(250, "2.1.5", "<postmaster>")  # RFC 5321 §4.5.1: there always is one
    if found.kind in {"account", "alias"}:
        return reply(250, "2.1.5", _mailbox(found.name, found.address))
    return _elsewhere(found, may_relay=may_relay)


async def expn(directory: Directory, argument: str) -> Reply:
    """The members of a list, for who may ask; an account is its own member."""
    try:
        asked = _asked(argument)
        if isinstance(asked, str):
            found = await directory.verify_address(asked)
            if not found.address:
                return AMBIGUOUS if found.kind == "ambiguous" else UNKNOWN
            asked = Address.parse(found.address)
    except AddressError:
        return BAD_ADDRESS
    expansion = await directory.expand(asked)
    if expansion.kind == "hidden":
        return HIDDEN
    if expansion.kind == "remote":
        return _elsewhere(Verified("remote", "", str(asked)), may_relay=False)
    if not expansion.members:
        return UNKNOWN
    return reply(250, "2.1.5", *[_mailbox(one.name, one.address) for one in expansion.members])


def _asked(argument: str) -> Address | str:
    """An address with or without angle brackets, or a bare name."""
    text = argument.strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    return Address.parse(text) if "@" in text else text


def _elsewhere(found: Verified, *, may_relay: bool) -> Reply:
    if found.kind == "ambiguous":
        return AMBIGUOUS
    if found.kind != "remote":
        return UNKNOWN
    if may_relay:
        return reply(251, "2.1.5", f"User not local; will forward to <{found.address}>")
    return reply(551, "5.1.6", f"User not local; please try <{found.address}>")


def _mailbox(name: str, address: str) -> str:
    """RFC 5321 §3.5.1: ``Full Name <address>``; a name with specials is quoted."""
    if not name:
        return f"<{address}>"
    if not _PLAIN.fullmatch(name):
        name = '"' + _SPECIAL.sub(r"\\\1", name) + '"'
    return f"{name} <{address}>"
