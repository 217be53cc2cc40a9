"""An account has sent to as many recipients as it may: what it is told, and who else.

It may be that somebody else has its password; so its owner and the postmaster get a letter,
once in 24 hours (``directory.sending``).

RFC 6409 §5 leaves limits to the site; RFC 3463 X.7.1 (delivery not authorized).
"""

from typing import Final

from postroom.address import Address
from postroom.db.ids import to_text
from postroom.directory.login import Identity
from postroom.directory.sending import Denied
from postroom.errors import MailError
from postroom.intake.services import Services
from postroom.message import dates
from postroom.message.compose import Draft, Person, compose
from postroom.post import notice
from postroom.protocol.smtp.replies import Reply, reply
from postroom.telemetry import sink
from postroom.telemetry.events import SendingStopped, StorageTrouble

REASON: Final = "the account has reached its limit of recipients in 24 hours"
SUSPECTED: Final = "the account is held, as somebody else may use it"

_TO_OWNER: Final = """\
Your account {account} has sent mail to {recipients} recipients within 24 hours. That is as
many as it may ({limit}), so your mail program is told to try again later.

If that was you: wait until tomorrow, or ask your postmaster.
If it was not: somebody else has your password. Change it now, and tell your postmaster.
"""
_TO_POSTMASTER: Final = """\
The account {account} has sent mail to {recipients} recipients within 24 hours. That is as
many as it may ({limit}), so it can send no more until tomorrow.

See what it has sent:          postroom trace {account}
If its password was stolen:    postroom account password {account}
If all is well, let it go on:  postroom account release {account}
To give it another limit:      postroom account set {account} --send-limit N
"""


def reason(denied: Denied) -> str:
    """Why, for the log."""
    return SUSPECTED if denied.is_barred else REASON


def refusal(identity: Identity, denied: Denied) -> Reply:
    """The answer to RCPT."""
    if denied.is_barred:
        return reply(
            450,
            "4.7.1",
            "Sending is stopped, as it looks as if somebody else used your account; change your"
            f" password, and ask your postmaster: postroom account release {identity.address}",
        )
    return reply(
        450,
        "4.7.1",
        f"You have sent to {denied.recipients} recipients in 24 hours, which is all you may;"
        f" try again tomorrow, or ask your postmaster: postroom account release"
        f" {identity.address}",
    )


async def tell(services: Services, identity: Identity, denied: Denied) -> None:
    """The event and the letters; a letter that can't be filed is told in the log."""
    account = identity.address
    sink.emit(SendingStopped(account=account, recipients=denied.recipients, limit=denied.limit))
    postmaster = notice.postmaster_of(account, services.hostname)
    subject = f"{account} can't send any more today"
    for to, text in ((account, _TO_OWNER), (postmaster, _TO_POSTMASTER)):
        draft = Draft(
            sender=Person(postmaster, "Mail system"),
            to=(Person(to),),
            subject=subject,
            date=dates.write(services.clock()),
            message_id=f"{to_text(services.ids.next())}@{services.hostname}",
            text=text.format(account=account, recipients=denied.recipients, limit=denied.limit),
            more=(("Auto-Submitted", "auto-generated"), ("X-Priority", "2")),
        )
        try:
            letter = await notice.addressed(
                services, services.directory, Address.parse(to), compose(draft)
            )
            if letter is not None:
                await services.post.commit(letter)
        except MailError as error:
            sink.emit(StorageTrouble(where="notice", reason=error.detail or str(error)))
