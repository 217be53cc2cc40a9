"""What is asked for of an Email, and bodies that are only read."""

import asyncio

import pytest

from postroom.web.jmap import email
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.letters import Whole
from tests.web.mail.letters import RICH


def test_what_is_asked_for_is_read_once() -> None:
    asked = email.asked({"properties": ["subject", "subject", "header:X"]})
    assert (asked.properties, list(asked.headers)) == (
        ["subject", "header:X"],
        ["subject", "header:X"],
    )
    assert asked.wants_head
    assert not asked.wants_bodies
    assert email.asked({}).wants_bodies
    assert not email.asked({"properties": ["preview"]}).wants_head
    with pytest.raises(MethodError, match="no property 'x'"):
        email.asked({"properties": ["x"]})


def test_a_message_that_is_not_stored() -> None:
    async def run() -> None:
        asked = email.asked(
            {"properties": ["bodyStructure", "textBody"], "fetchAllBodyValues": True}
        )
        found = await email.of_bodies(asked, Whole(RICH), b"", lambda _path: None)
        assert found["textBody"][0]["blobId"] is None
        assert found["bodyStructure"]["subParts"][0]["subParts"][1]["cid"] == "logo@shop.test"
        assert "bodyValues" not in found

    asyncio.run(run())
    head = email.of_head(email.asked({"properties": ["subject", "headers"]}), b"Subject: a\r\n\r\n")
    assert head == {"subject": "a", "headers": [{"name": "Subject", "value": " a"}]}
