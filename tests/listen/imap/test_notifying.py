"""NOTIFY through the door: the rest is in the transcripts."""

from pathlib import Path

import pytest

from postroom.access import watching
from postroom.listen.imap.notifying import notify, tell_news
from postroom.protocol.imap.commands import Notify
from postroom.protocol.imap.notify import Event, EventGroup, Watched
from postroom.protocol.imap.states import State
from tests.conftest import Opener
from tests.listen.imap.house import House, People, at_home
from tests.listen.imap.test_conversation import talk_at

LETTER = b"Subject: x\r\n\r\nbody\r\n"
EVENTS = b"(MessageNew MessageExpunge FlagChange)"


def test_too_many_mailboxes_are_not_watched(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        monkeypatch.setattr(watching, "MAX_WATCHED", 6)
        await client.ok(b"NOTIFY SET (personal %s)" % EVENTS)
        other = await home.alice()
        await other.ok(b"CREATE One")
        assert b"[NOTIFICATIONOVERFLOW]" in await client.line()
        await other.append(LETTER)
        assert await client.ok(b"NOOP") == []
        refused = (await client.command(b"NOTIFY SET (personal %s)" % EVENTS))[-1]
        assert refused.startswith(b"NO [NOTIFICATIONOVERFLOW]")

    at_home(data, main)


def test_it_speaks_in_idle_and_with_modseqs(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("Drafts")
        await client.ok(b"ENABLE CONDSTORE")
        await client.ok(b"NOTIFY SET (mailboxes INBOX %s)" % EVENTS)
        await client.say(b"i IDLE\r\n")
        assert (await client.line()).startswith(b"+ ")
        await (await home.alice()).append(LETTER)
        line = await client.line()
        assert line.startswith(b'* STATUS "INBOX" (MESSAGES 1 UIDNEXT 2 ')
        assert b" HIGHESTMODSEQ " in line
        await client.say(b"DONE\r\n")
        assert (await client.line()).startswith(b"i OK")

    at_home(data, main, database=database)


def test_the_selected_mailbox_is_told_by_its_own_group_only(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        told = await client.ok(b"NOTIFY SET STATUS (personal %s)" % EVENTS)
        assert len(told) == 5  # all but the selected one
        other = await home.alice()
        await other.append(LETTER)
        await other.append(LETTER, b"Archive")
        assert (await client.line()).startswith(b'* STATUS "Archive" (MESSAGES 1 ')
        await client.ok(b"UNSELECT")
        await other.append(LETTER)
        assert (await client.line()).startswith(b'* STATUS "INBOX" (MESSAGES 2 ')

    at_home(data, main)


def test_what_others_wrote_is_gone_with_the_person(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"NOTIFY SET (personal %s)" % EVENTS)
        assert home.store.notify.watched()
        await client.ok(b"UNAUTHENTICATE")
        assert not home.store.notify.watched()
        await client.ok(b"LOGIN bob@demo.test secret")
        await (await home.alice()).append(LETTER)
        assert await client.ok(b"NOOP") == []

    at_home(data, main)


@pytest.mark.parametrize("is_over", [False, True])
def test_nothing_follows_bye(data: Path, is_over: bool) -> None:
    async def main(home: House) -> None:
        talk, _ = talk_at(home)
        talk.identity = await People().identity(1, 7)
        talk.session.state = State.AUTHENTICATED
        group = EventGroup(Watched.PERSONAL, frozenset(Event))
        await notify(talk, Notify((group,)))
        await (await home.alice()).append(LETTER)
        assert talk.notices is not None
        talk.notices.has_news = True
        if is_over:
            talk.session.bye("The end")
        talk.session.data_to_send()
        await tell_news(talk)
        assert (talk.session.data_to_send() == b"") is is_over
        await talk.close()

    at_home(data, main)
