"""Envelopes: from JSON and from messages, to the commands of SMTP."""

from typing import Any

import pytest

from postroom.protocol.smtp.commands import Mail
from postroom.web.jmap.envelopes import commands, given, of_message
from postroom.web.jmap.errors import SetError

A: dict[str, Any] = {"email": "a@b.test", "parameters": None}


def party(**more: Any) -> dict[str, Any]:
    return {**A, **more}


def test_that_of_a_message() -> None:
    head = b"From: a@b.test\r\nTo: c@d.test, e@f.test\r\nCc: c@d.test\r\nBcc: g@h.test\r\n\r\n"
    found = of_message(head)
    assert found["mailFrom"] == A
    assert [one["email"] for one in found["rcptTo"]] == ["c@d.test", "e@f.test", "g@h.test"]
    sender = of_message(b"Sender: s@b.test\r\n" + head)
    assert sender["mailFrom"]["email"] == "s@b.test"
    for wrong in (
        b"\r\n",
        b"From: \r\n\r\n",
        b"Sender: a@b, c@d\r\n" + head,
        b"From: x@y\r\n" + head,
    ):
        with pytest.raises(SetError) as error:
            of_message(wrong)
        assert error.value.kind == "invalidEmail"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"mailFrom": A},
        {"mailFrom": A, "rcptTo": {}},
        {"mailFrom": A, "rcptTo": [{}]},
        {"mailFrom": {"email": 7}, "rcptTo": [A]},
        {"mailFrom": A, "rcptTo": [A], "other": 1},
        {"mailFrom": party(other=1), "rcptTo": [A]},
        {"mailFrom": party(parameters=[]), "rcptTo": [A]},
        {"mailFrom": party(parameters={"A B": None}), "rcptTo": [A]},
        {"mailFrom": party(parameters={"RET": "FULL\r\nX"}), "rcptTo": [A]},
        {"mailFrom": party(parameters={"RET": 7}), "rcptTo": [A]},
    ],
)
def test_what_is_none(value: object) -> None:
    with pytest.raises(SetError) as error:
        given(value)
    assert error.value.kind == "invalidProperties"


def test_commands_have_what_is_asked_for() -> None:
    parameters: dict[str, Any] = {"HOLDFOR": "60", "requiretls": None}
    found = commands(
        given({"mailFrom": party(parameters=parameters), "rcptTo": [A, A]}), now=0, most=9
    )
    assert isinstance(found.mail, Mail)
    assert (found.mail.hold_for, found.mail.requiretls, found.mail.smtputf8) == (60, True, False)
    assert len(found.recipients) == 1
    wide: dict[str, Any] = {"email": "ü@b.test", "parameters": None}
    assert commands({"mailFrom": A, "rcptTo": [wide]}, now=0, most=9).mail.smtputf8
