"""The settings about webhooks."""

from pathlib import Path

import pytest

from postroom.config.webhooks import Webhooks
from postroom.errors import ConfigurationError


def test_no_private_network_is_called_by_default() -> None:
    assert Webhooks().private_networks == ()
    assert Webhooks().authorities() is None


def test_authorities_are_read_from_their_file(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("PEM")
    assert Webhooks(ca_file=str(file)).authorities() == "PEM"
    with pytest.raises(ConfigurationError, match="webhooks.ca_file: .*/none can't be read"):
        Webhooks(ca_file=str(tmp_path / "none")).authorities()
