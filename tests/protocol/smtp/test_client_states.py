from typing import get_args

import pytest

from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_states import LEGAL, WANTED, Call, Phase, Wait


def test_every_call_has_its_phases_and_is_a_method() -> None:
    assert set(LEGAL) == set(get_args(Call))
    assert all(callable(getattr(ClientSession, call)) for call in LEGAL)


def test_nothing_is_legal_when_it_is_over() -> None:
    over = {Phase.CLOSED, Phase.QUIT}
    assert not any(phases & over for phases in LEGAL.values())


def test_every_wait_has_its_codes_and_its_handler() -> None:
    assert set(WANTED) == set(Wait) == set(ClientSession._handlers)


@pytest.mark.parametrize("wait", Wait)
def test_only_positive_codes_are_listed(wait: Wait) -> None:
    wanted = [code for code in range(600) if code in WANTED[wait]]
    assert all(200 <= code < 400 for code in wanted)
    assert wanted or wait is Wait.CANCEL
