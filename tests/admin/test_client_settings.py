from collections.abc import Callable

from postroom.admin import client_settings, domains
from postroom.admin.client_settings import open_doors
from postroom.admin.office import Office
from postroom.config.model import Config, Listen
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

CONFIG = Config(
    hostname="MX.demo.test",
    listen=(
        Listen(protocol="smtp", port=25),
        Listen(protocol="imap", port=143, address="127.0.0.1"),
        Listen(protocol="imaps", port=993),
        Listen(protocol="imaps", port=1993),
        Listen(protocol="submission", port=587),
        Listen(protocol="pop3s", port=995, auth="never"),
        Listen(protocol="http", port=0),
    ),
)


def test_only_doors_that_the_world_reaches_and_that_let_people_in() -> None:
    assert open_doors(CONFIG) == {"smtp": 25, "imaps": 993, "submission": 587}
    trial = Config(hostname="x", listen=(Listen(protocol="imap", port=1143, address="::1"),))
    assert open_doors(trial) == {"imap": 1143}
    assert open_doors(Config(hostname="x"))["submissions"] == 465


def test_a_server_for_this_machine_alone_is_known_by_its_address() -> None:
    trial = Config(hostname="x", listen=(Listen(protocol="imap", port=1143, address="::1"),))
    assert client_settings.only_here(trial) == "::1"
    assert client_settings.only_here(CONFIG) == ""
    assert client_settings.only_here(Config(hostname="x")) == ""


def test_tls_from_the_first_octet_is_preferred() -> None:
    found = client_settings.client_settings(Config(hostname="MX.demo.test"), "demo.test")
    assert found.hostname == "mx.demo.test"
    assert [(one.port, one.encryption) for one in found.of("smtp")] == [
        (465, "implicit"),
        (587, "starttls"),
    ]
    assert [one.port for one in found.of("imap")] == [993, 143]
    assert [one.port for one in found.of("managesieve")] == [4190]


def test_who_asks_learns_of_domains_and_not_of_accounts(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for text in ("demo.test", "nobody@demo.test", " a@DEMO.test "):
            found = await client_settings.find(office, text)
            assert found is not None
            assert found.domain == "demo.test"
        for text in ("", "a@other.test", "a@@", "a@[127.0.0.1]", "\0"):
            assert await client_settings.find(office, text) is None

    tell(story)
