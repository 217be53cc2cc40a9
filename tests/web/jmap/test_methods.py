"""Every method there is."""

from pathlib import Path

from postroom.web.jmap.capabilities import CAPABILITIES
from postroom.web.jmap.methods import METHODS
from tests.conftest import Opener
from tests.web.jmap.client import Client, tell


def test_every_method_is_of_a_capability_that_the_session_tells() -> None:
    assert METHODS["Core/echo"][0] == "urn:ietf:params:jmap:core"
    assert {capability for capability, _ in METHODS.values()} <= set(CAPABILITIES)


def test_echo(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        said = {"hello": True, "high": [5, None, {"a": "\u00e4\U0001f600"}]}
        assert await client.ask([["Core/echo", said, "b3ff"]]) == {
            "methodResponses": [["Core/echo", said, "b3ff"]],
            "sessionState": client.session["state"],
        }

    tell(database, data, story)
