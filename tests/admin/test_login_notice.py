from collections.abc import Callable

from postroom.admin import accounts, domains, login_notice, trace
from postroom.admin.office import Office
from postroom.directory.web_sessions import WebSession
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
BOB = "bob@demo.test"


def test_the_notice_comes_to_the_own_mailbox(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password="a-Good-one-1")
        found = await office.directory.known(BOB)
        assert found is not None
        agent = "Mozilla\r\nBcc: x@evil.test"
        session = WebSession(b"t", found.account_id, 1, clock(), clock(), "192.0.2.1", agent)
        await login_notice.send(office, found, session)
        (one,) = (await trace.find(office, BOB)).messages
        assert (one.sender, one.subject) == ("", "A new browser was used to log in")
        assert [(fact.kind, fact.mailbox, fact.recipient) for fact in one.facts] == [
            ("filed", "INBOX", BOB)
        ]

    tell(story)
