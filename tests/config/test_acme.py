import msgspec
import pytest

from postroom.config.acme import Acme
from postroom.config.checks import faults
from postroom.config.model import Config


def test_nothing_is_ordered_before_the_terms_are_accepted() -> None:
    assert not Acme().accept_terms
    assert Acme().directory.startswith("https://")


def test_keys_and_orders_go_nowhere_in_clear() -> None:
    config = Config(hostname="mx.test", acme=Acme(directory="http://ca.test/dir", ca_file=""))
    assert [setting for setting, _ in faults(config)] == ["acme.ca_file", "acme.directory"]
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"agree": true}', type=Acme)
