"""What a mailing list writes to people: confirmations, help, and notices to its owners.

They go by the queue, with the null reverse-path, and are marked as automatic (RFC 3834 §3).
"""

import urllib.parse
from collections.abc import Sequence
from typing import Final

from postroom.db.ids import to_text
from postroom.directory.lists import MailingList
from postroom.intake.services import Services
from postroom.message import dates
from postroom.message.compose import Draft, Person, compose
from postroom.post import notice
from postroom.post.letter import Letter

_CONFIRM: Final = {
    "subscribe": """\
Somebody, you we hope, asked for {address} to get what is posted to the
mailing list {list}.

To confirm, reply to this letter. If it was not you, do nothing: nothing happens then.
""",
    "unsubscribe": """\
Somebody, you we hope, asked that {address} gets nothing more of the
mailing list {list}.

To confirm, reply to this letter. If it was not you, do nothing: nothing happens then.
""",
}
_SUBJECTS: Final = {"subscribe": "Join {list}?", "unsubscribe": "Leave {list}?"}
_WELCOME: Final = """\
{address} gets from now on what is posted to the mailing list {list}.

To leave it, write to {unsubscribe}, or use the link that your mail
program shows beside each post. Questions go to {owner}.
"""
_HELP: Final = """\
This is the mailing list {list}.

  To post, write to         {list}
  To join, write to         {subscribe}
  To leave, write to        {unsubscribe}
  A person answers at       {owner}

What stands in such a letter does not matter; you are asked to confirm it.
"""
_HELD: Final = """\
A post to {list} waits for an owner, because {reason}.

  From:    {author}
  Subject: {subject}
  Id:      {ident}

To let it go to the members, or to turn it away:

  https://{hostname}/me/lists/{path}

or, for the postmaster: postroom list accept {ident}, or reject

After {days} days it is turned away, and its author is told.
"""
_SUSPENDED: Final = """\
Post to {address}, a member of {list}, came back on {days} days:
it gets nothing more until you say so, or take it out, at

  https://{hostname}/me/lists/{path}
"""

HELD_DAYS: Final = 14
"""How long a post waits for an owner."""


def confirmation(
    services: Services, of: MailingList, wish: str, address: str, reply_to: str
) -> Letter:
    """Asks ``address`` whether it is meant; the answer goes to ``reply_to``."""
    words = {"address": address, "list": str(of.address)}
    return _letter(
        services,
        of,
        address,
        _SUBJECTS[wish].format(**words),
        _CONFIRM[wish].format(**words),
        [("Reply-To", reply_to)],
    )


def welcome(services: Services, of: MailingList, address: str) -> Letter:
    """To a new member."""
    text = _WELCOME.format(
        address=address,
        list=of.address,
        unsubscribe=of.sub("unsubscribe"),
        owner=of.sub("owner"),
    )
    return _letter(services, of, address, f"Welcome to {of.address}", text)


def help_(services: Services, of: MailingList, address: str) -> Letter:
    """What a list understands."""
    is_open = of.settings.subscribing == "open"
    text = _HELP.format(
        list=of.address,
        subscribe=of.sub("subscribe") if is_open else of.sub("owner"),
        unsubscribe=of.sub("unsubscribe"),
        owner=of.sub("owner"),
    )
    return _letter(services, of, address, f"About {of.address}", text)


def held(
    services: Services, of: MailingList, ident: int, author: str, subject: str, reason: str
) -> Letter:
    """Tells the owners of a post that waits for them."""
    text = _HELD.format(
        list=of.address,
        reason=reason,
        author=author,
        subject=subject,
        ident=to_text(ident),
        days=HELD_DAYS,
        hostname=services.hostname,
        path=urllib.parse.quote(str(of.address)),
    )
    return _letter(services, of, of.sub("owner"), f"A post to {of.address} waits", text)


def suspended(services: Services, of: MailingList, address: str, days: int) -> Letter:
    """Tells the owners of a member who gets nothing more."""
    text = _SUSPENDED.format(
        address=address,
        list=of.address,
        days=days,
        hostname=services.hostname,
        path=urllib.parse.quote(str(of.address)),
    )
    return _letter(services, of, of.sub("owner"), f"{address} is suspended from {of.address}", text)


def _letter(
    services: Services,
    of: MailingList,
    to: str,
    subject: str,
    text: str,
    more: Sequence[tuple[str, str]] = (),
) -> Letter:
    ident = to_text(services.ids.next())
    draft = Draft(
        sender=Person(of.sub("owner"), of.settings.name),
        to=[Person(to)],
        subject=subject,
        text=text,
        date=dates.write(services.clock()),
        message_id=f"list.{ident}@{services.hostname}",
        more=[*more, ("Auto-Submitted", "auto-generated"), ("Precedence", "bulk")],
    )
    return notice.written(services, compose(draft), remote=[to])
