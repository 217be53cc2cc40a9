"""What a call tells of itself."""

from pathlib import Path

import pytest

from postroom.directory.api_tokens import ApiToken
from postroom.intake.peer import Peer
from postroom.web.api.call import Call
from postroom.web.api.problem import Problem
from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_a_call_requires_scopes(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        token = ApiToken(1, "ci", frozenset({"queue:read"}), "x.test", None, None, 0, None, None)
        peer = Peer(session="s", address="127.0.0.1", port=0, door="api")
        one = Call(call.services, token, peer)
        assert one.within == "x.test"
        assert one.office is call.office
        one.require("queue:read")
        with pytest.raises(Problem, match="lacks the scope queue:write") as error:
            one.require("queue:write")
        assert error.value.details.status == 403

    tell(database, data, story)
