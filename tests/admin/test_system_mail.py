"""What the server itself writes to people."""

from postroom.address import Address
from postroom.admin import system_mail
from postroom.admin.office import Office
from tests.admin.test_housekeeping import Tell
from tests.admin.test_reporting import post
from tests.admin.watch.test_alerting import letters, owned
from tests.fakes import Clock


def test_it_is_filed_as_of_the_postmaster_and_asks_for_no_answer(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await owned(office)
        to = Address.parse("bob@demo.test")
        assert await system_mail.send(office, post(office), to, "Look here", "All of it.\n")
        ((octets,),) = (await letters(office)).values()
        assert "From: Mail system <postmaster@demo.test>\r\n" in octets
        assert "To: bob@demo.test\r\n" in octets
        assert "Subject: Look here\r\n" in octets
        assert "Auto-Submitted: auto-generated\r\n" in octets
        assert octets.endswith("\r\n\r\nAll of it.\r\n")
        nobody = Address.parse("nobody@demo.test")
        assert not await system_mail.send(office, post(office), nobody, "x", "y")

    tell(story)
