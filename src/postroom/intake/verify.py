"""What VRFY, EXPN and VERB answer.

A stranger gets one fixed reply without any look-up, so neither its octets nor its time
tell whether a mailbox exists (threat D4). Who has logged in, or comes from a trusted
network, gets the answers of RFC 5321 §3.5; members of hidden lists are told to nobody.

RFC 5321 §3.4 (251, 551), §3.5, §4.1.1.6, §4.1.1.7; RFC 6531 §3.7.4.2 (UTF-8 in replies).
"""

import re
from collections.abc import Sequence
from typing import Final

from postroom.address import Address, AddressError
from postroom.directory.directory import Directory
from postroom.directory.verify import Member, Verified
from postroom.intake import relay
from postroom.protocol.smtp.replies import Reply, reply

UNTOLD: Final = reply(
    252, "2.0.0", "Mailboxes are not verified here, but mail is accepted and delivery tried"
)
UNTOLD_LIST: Final = reply(252, "2.0.0", "Lists are not expanded here")
UNKNOWN: Final = reply(550, "5.1.1", "No such mailbox or list here")
NEEDS_UTF8: Final = reply(252, "2.6.8", "The answer is UTF-8; ask again with SMTPUTF8 at the end")
BAD_ADDRESS: Final = reply(553, "5.1.3", "That is not an address")
AMBIGUOUS: Final = "User ambiguous: several domains have one, name the domain"
HIDDEN: Final = reply(550, "5.7.1", "Access denied: the members of this list are not told")

_PLAIN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- \u0080-\U0010ffff]*")
_SPECIAL: Final = re.compile(r'(["\\])')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')  # RFC 5321 §4.1.2 Quoted-string
_PAIR: Final = re.compile(r"\\(.)")


async def vrfy(
    directory: Directory, argument: str, *, hostname: str, may_relay: bool, utf8: bool
) -> Reply:
    """The answer for who may ask; ``hostname`` is ours. ``utf8``: it may be UTF-8."""
    try:
        asked = await _asked(directory, argument, hostname)
    except AddressError:
        return BAD_ADDRESS
    found = await directory.verify_address(asked)
    if found.kind in {"account", "alias"}:
        return _told([Member(found.name, found.address)], utf8=utf8)
    return _elsewhere(found, may_relay=may_relay)


async def expn(directory: Directory, argument: str, *, hostname: str, utf8: bool) -> Reply:
    """The members of a list, for who may ask; an account is its own member."""
    try:
        asked = await _asked(directory, argument, hostname)
        if isinstance(asked, str):
            found = await directory.verify_address(asked)
            if not found.address:
                return _elsewhere(found, may_relay=False)
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
    return _told(expansion.members, utf8=utf8)


async def _asked(directory: Directory, argument: str, hostname: str) -> Address | str:
    """An address with or without angle brackets, or a bare name, which may be quoted.

    A role in the name of the machine is the postmaster, as for RCPT.
    """
    text = argument.strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return _PAIR.sub(r"\1", quoted[1])
    if "@" not in text:
        return text
    address = Address.parse(text)
    is_of_host = relay.is_of_host(address, hostname)
    return "postmaster" if is_of_host and not await directory.is_own(address.domain) else address


def _elsewhere(found: Verified, *, may_relay: bool) -> Reply:
    if found.kind == "ambiguous":
        return reply(553, "5.1.4", AMBIGUOUS, *[f"<{address}>" for address in found.choices])
    if found.kind != "remote":
        return UNKNOWN
    if may_relay:
        return reply(251, "2.1.5", f"User not local; will forward to <{found.address}>")
    return reply(551, "5.1.6", f"User not local; please try <{found.address}>")


def _told(members: Sequence[Member], *, utf8: bool) -> Reply:
    """RFC 6531 §3.7.4.2: an address is told as it is, or not at all."""
    if not utf8 and not all(one.address.isascii() for one in members):
        return NEEDS_UTF8
    return reply(250, "2.1.5", *[_mailbox(one.name, one.address, utf8=utf8) for one in members])


def _mailbox(name: str, address: str, *, utf8: bool) -> str:
    """RFC 5321 §3.5.1: ``Full Name <address>``; a name with specials is quoted."""
    if not name or not (utf8 or name.isascii()):
        return f"<{address}>"
    if not _PLAIN.fullmatch(name):
        name = '"' + _SPECIAL.sub(r"\\\1", name) + '"'
    return f"{name} <{address}>"
