"""LOGIN through the door."""

from pathlib import Path

from postroom.errors import MailError
from postroom.telemetry.session_events import LoginFailed
from tests.fakes import Recorder
from tests.listen.imap.house import House, at_home


def test_all_failures_look_alike(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        answers = {
            (await client.command(command))[-1]
            for command in (
                b"LOGIN alice@demo.test wrong",
                b"LOGIN nobody@demo.test secret",
                b'LOGIN "\xff\xfe" "\xff"',
                b'LOGIN "" ""',
            )
        }
        assert len(answers) == 1
        assert answers.pop().startswith(b"NO [AUTHENTICATIONFAILED]")

    at_home(data, main)


def test_five_failures_end_the_connection(data: Path, events: Recorder) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        await client.say(b"a LOGIN alice@demo.test wrong\r\n" * 9)
        said = await client.rest()
        assert said.count(b"a NO") == 5
        assert said.endswith(b"* BYE Too many failed logins\r\n")

    at_home(data, main)
    assert [event.login for event in events.of(LoginFailed)] == ["alice@demo.test"] * 5


def test_a_directory_in_trouble_is_no_wrong_password(data: Path) -> None:
    class Broken:
        async def password(self, login: str, password: str, scope: str) -> None:
            raise MailError

    async def main(home: House) -> None:
        home.services.login._directory = Broken()  # type: ignore[assignment]
        client = await home.client()
        refused = await client.command(b"LOGIN alice@demo.test secret")
        assert refused[-1].startswith(b"NO [UNAVAILABLE]")

    at_home(data, main)
