"""What the mail system says comes back as it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroom.address import Address
from postroom.admin import api_tokens
from postroom.intake.peer import Peer
from postroom.web.api.call import Call
from postroom.web.api.problem import Problem
from postroom.web.api.sending import send
from postroom.web.submitting import Envelope
from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_a_size_over_the_limit_is_refused_before_the_octets(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        token = await api_tokens.known(call.office, call.token)
        identity = await call.office.directory.known(BOB)
        assert token is not None
        assert identity is not None
        peer = Peer(session="s", address="127.0.0.1", port=0, door="api")
        envelope = Envelope(Address.parse(BOB), [Address.parse("a@far.test")], 1 << 40)

        asked: list[bytes] = []

        async def octets() -> AsyncIterator[bytes]:
            asked.append(b"x")
            yield b"x"

        with pytest.raises(Problem, match="552 5.3.4") as error:
            await send(Call(call.services, token, peer), identity, envelope, octets())
        assert (error.value.details.status, asked) == (422, [])

    tell(database, data, story)
