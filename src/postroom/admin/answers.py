"""What was answered to a wizard that was left before its end, for the next time.

It lies beside the settings that are to be, readable by its owner only, and goes when they are there.
No password is ever in it.
"""

import contextlib
from pathlib import Path

import msgspec


class Answers(msgspec.Struct, frozen=True):
    """As they were typed; "" for what was not yet."""

    domain: str = ""
    hostname: str = ""
    admin: str = ""
    relay: str = ""
    login: str = ""


def load(settings: Path) -> Answers:
    """Those for the settings that are to stand here; none when they can't be read."""
    try:
        return msgspec.json.decode(_path(settings).read_bytes(), type=Answers)
    except (OSError, msgspec.DecodeError):
        return Answers()


def save(settings: Path, answers: Answers) -> bool:
    """Keep them; whether that could be done, which is no condition for going on."""
    path = _path(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # not through a link that somebody has put there
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(msgspec.json.encode(answers))
    except OSError:
        return False
    return True


def forget(settings: Path) -> None:
    """They are not needed any more."""
    with contextlib.suppress(OSError):
        _path(settings).unlink()


def _path(settings: Path) -> Path:
    return settings.with_name(f".{settings.name}.answers")
