import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from postroom.directory.secrets import KEY_SIZE, Secrets
from postroom.errors import StorageFailed
from tests.powercut import Disk


def test_keys_are_made_once_and_stay(data: Path) -> None:
    first = Secrets(data / "secrets")
    again = Secrets(data / "secrets")
    assert len(first.pepper) == KEY_SIZE
    assert again.pepper == first.pepper
    assert again.scram == first.scram != first.pepper
    assert again.srs == first.srs not in {first.pepper, first.scram}


def test_a_key_that_was_used_survives_a_power_cut(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, folder = Disk(monkeypatch), data / "secrets"
    folder.mkdir()
    assert Secrets(folder).pepper
    assert disk.keeps(folder / "pepper", folder)


def test_nobody_else_may_read_them(data: Path) -> None:
    folder = data / "secrets"
    assert Secrets(folder).pepper
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "pepper").stat().st_mode) == 0o600


def test_everyone_who_makes_one_at_once_gets_the_same(data: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: Secrets(data / "secrets").pepper, range(64)))
    assert len(keys) == 1
    assert [path.name for path in (data / "secrets").iterdir()] == ["pepper"]


def test_a_damaged_key_is_never_replaced(data: Path) -> None:
    """A new pepper would silently end every app password."""
    folder = data / "secrets"
    folder.mkdir()
    (folder / "pepper").write_bytes(b"short")
    with pytest.raises(StorageFailed, match="5 octets"):
        _ = Secrets(folder).pepper
    assert (folder / "pepper").read_bytes() == b"short"


def test_a_folder_that_cannot_be_made_is_a_storage_failure(data: Path) -> None:
    (data / "secrets").write_text("a file")
    with pytest.raises(StorageFailed):
        _ = Secrets(data / "secrets").scram


def test_every_use_has_a_key_of_its_own(data: Path) -> None:
    secrets = Secrets(data / "secrets")
    assert len({secrets.pepper, secrets.scram, secrets.seal}) == 3
    assert Secrets(data / "secrets").seal == secrets.seal


def test_marks_are_made_with_a_key_that_servers_have_in_common(data: Path) -> None:
    """No file of its own: a second server that has been given the others makes the same."""
    secrets = Secrets(data / "secrets")
    found = secrets.feedback
    assert len(found) == 32
    assert [path.name for path in (data / "secrets").iterdir()] == ["srs"]
    assert found == Secrets(data / "secrets").feedback != secrets.srs
