"""Messages that the server itself writes to people: composed, addressed, safe when ``send`` returns."""

from postroom.address import Address
from postroom.admin.office import Office
from postroom.db.ids import to_text
from postroom.message import dates
from postroom.message.compose import Draft, Person, compose
from postroom.post import notice
from postroom.post.commit import Post


async def send(office: Office, post: Post, to: Address, subject: str, text: str) -> bool:
    """Send it as the postmaster of their domain; False when nobody would get it. Raises MailError."""
    hostname = office.config.hostname
    draft = Draft(
        sender=Person(notice.postmaster_of(str(to), hostname), "Mail system"),
        to=(Person(str(to)),),
        subject=subject,
        date=dates.write(office.now()),
        message_id=f"{to_text(office.ids.next())}@{hostname}",
        text=text,
        more=(("Auto-Submitted", "auto-generated"),),
    )
    letter = await notice.addressed(office, office.directory, to, compose(draft))
    if letter is None:
        return False
    await post.commit(letter)
    return True
