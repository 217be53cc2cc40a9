"""What happens in a connection is told with who was connected."""

import msgspec
import pytest

from postroom.telemetry.event import SessionEvent
from tests.telemetry.test_events import KINDS

SESSION = [kind for kind in KINDS if issubclass(kind, SessionEvent)]


@pytest.mark.parametrize("kind", SESSION)
def test_the_address_stands_before_what_the_peer_wrote(kind: type[SessionEvent]) -> None:
    names = [field.name for field in msgspec.structs.fields(kind)]
    assert names[:3] == ["session", "peer", "door"]


@pytest.mark.parametrize("kind", SESSION)
def test_what_a_stranger_can_refuse_or_fail_is_limited(kind: type[SessionEvent]) -> None:
    ours = {"message.accepted", "login.succeeded"}
    assert kind.limited is (kind.__struct_config__.tag not in ours)
