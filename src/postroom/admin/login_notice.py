"""A message to who has logged in from a browser that was never seen before.

It comes to their own mailbox: somebody else who has the password can't hinder it.
"""

import secrets
from typing import Final

from postroom.address import Address
from postroom.admin.office import Office
from postroom.directory.login import Identity
from postroom.directory.web_sessions import WebSession
from postroom.message import dates
from postroom.message.compose import Draft, Person, compose
from postroom.post import notice
from postroom.post.commit import Post

_TEXT: Final = """\
Somebody logged in to {address} at https://{hostname}/ from a browser
that was not used before.

  When:    {when}
  From:    {peer}
  Browser: {agent}
  With:    {method}

If this was you, all is well.

If not: change your password there, look under "Security" for sessions and
passkeys, under "Devices" for passwords that are not yours, under "Activity"
for what was done, and tell your postmaster.
"""
_METHODS: Final = {
    "password": "the password",
    "code": "the password and a code",
    "passkey": "a passkey",
    "oidc": "the login page of your provider",
}


async def send(office: Office, identity: Identity, session: WebSession) -> None:
    """Raises MailError."""
    hostname, date = office.config.hostname, dates.write(session.created)
    to = Address.parse(identity.address)
    draft = Draft(
        sender=Person(f"postmaster@{to.domain}", hostname),
        to=[Person(identity.address)],
        subject="A new browser was used to log in",
        text=_TEXT.format(
            address=identity.address,
            hostname=hostname,
            when=date,
            peer=session.peer,
            agent=session.agent or "it does not tell",
            method=_METHODS[session.method],
        ),
        date=date,
        message_id=f"login.{secrets.token_hex(12)}@{hostname}",
        more=[("Auto-Submitted", "auto-generated")],
    )
    letter = await notice.addressed(office, office.directory, to, compose(draft))
    if letter is not None:
        await Post(office.db, office.blobs, office.notify, office.clock).commit(letter)
