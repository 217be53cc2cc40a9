"""Files that settings name."""

from pathlib import Path

from postroom.errors import ConfigurationError


def content(setting: str, path: str) -> str:
    """What stands in the file ``path`` of a setting (``oidc.ca_file``); raises ConfigurationError."""
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{setting}: {path} can't be read: {error}") from error
