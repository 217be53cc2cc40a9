import asyncio
from pathlib import Path

from postroom.intake.lists import letters
from postroom.message import headers
from postroom.post.letter import Letter
from tests.conftest import Opener
from tests.intake.lists.hall import hall


def octets(letter: Letter) -> bytes:
    return letter.blob.head + (letter.blob.body or b"")


def test_letters_of_a_list_are_marked_as_automatic_and_go_by_the_queue(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data, name="Developers") as one:
            services, of = one.here.services, await one.found()
            for letter, words in (
                (
                    letters.confirmation(services, of, "subscribe", "a@b.test", "c@local.test"),
                    b"a@b.test to get",
                ),
                (
                    letters.confirmation(services, of, "unsubscribe", "a@b.test", "c@local.test"),
                    b"gets nothing more",
                ),
                (letters.welcome(services, of, "a@b.test"), b"dev+unsubscribe@local.test"),
                (letters.help_(services, of, "a@b.test"), b"dev+owner@local.test"),
            ):
                assert words in octets(letter)
                assert headers.value(octets(letter), b"auto-submitted") == b"auto-generated"
                assert (
                    headers.value(octets(letter), b"from") == b"Developers <dev+owner@local.test>"
                )
                assert [one.recipient for one in letter.outgoing] == [b"a@b.test"]
                assert letter.queued is not None
                assert letter.queued.sender == b""
            held = letters.held(services, of, 5, "x@b.test", "A subject\r\nBcc: y", "it does")
            assert held.outgoing[0].recipient == b"dev+owner@local.test"
            assert headers.value(octets(held), b"bcc") is None

    asyncio.run(run())
