"""Every event has its handler; faults cost one command."""

from pathlib import Path
from typing import get_args

from postroom.listen.imap.dispatch import HANDLERS
from postroom.protocol.imap import commands as c, events as e
from postroom.telemetry.session_events import SessionFailed
from tests.fakes import Recorder
from tests.listen.imap.house import House, at_home


def test_every_event_has_a_handler() -> None:
    groups = (c.Always, c.WhenUnauthenticated, c.WhenAuthenticated, c.WhenSelected)
    every: set[type[e.Event]] = {command for group in groups for command in group.__subclasses__()}
    every |= {e.Response, e.Cancelled, e.IdleDone, *get_args(e.AppendEvent)}
    assert set(HANDLERS) == every - {c.StartTls}


def test_a_fault_of_ours_costs_one_command(data: Path, events: Recorder) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        home.services.store.furnish = None  # type: ignore[method-assign,assignment]
        failed = (await client.command(b"STATUS INBOX (MESSAGES)"))[-1]
        assert failed == b"NO [SERVERBUG] Internal error, please try again\r\n"
        await client.ok(b"NOOP")

    at_home(data, main)
    assert "furnish" in events.of(SessionFailed)[0].traceback
