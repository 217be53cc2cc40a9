"""Where messages go without any setting."""

import msgspec
import pytest

from postroom.config.filing import Filing


def test_subaddresses_name_mailboxes() -> None:
    assert Filing().subaddress
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"subaddresses": true}', type=Filing)
