"""Whether owners are told of trouble."""

import msgspec
import pytest

from postroom.config.alerts import Alerts


def test_they_are() -> None:
    assert Alerts().mail
    assert (len(Alerts().blocklists), Alerts().blocklist_hours) == (2, 6)
    assert Alerts().hijack == "tell"
    assert (Alerts().letter, Alerts().letter_hour) == (True, 6)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"mail": "daily"}', type=Alerts)
