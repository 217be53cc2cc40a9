from pathlib import Path

import pytest

from postroom.config.files import content
from postroom.errors import ConfigurationError


def test_the_content_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes("größe\n".encode())
    assert content("oidc.client_secret_file", str(path)) == "größe\n"


def test_one_that_can_not_be_read_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^ldap.password_file: .*/none can't be read: "):
        content("ldap.password_file", str(tmp_path / "none"))
    path = tmp_path / "octets"
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="oauth.ca_file: .*/octets can't be read: "):
        content("oauth.ca_file", str(path))
