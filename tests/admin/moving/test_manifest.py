from pathlib import Path

import pytest

from postroom.admin.moving import manifest
from postroom.admin.moving.manifest import Exported, Manifest
from postroom.errors import Refused


def test_what_is_written_is_read(tmp_path: Path) -> None:
    sent = Exported("Sent", ".Sent", "\\Sent", subscribed=False)
    manifest.write(tmp_path, Manifest("a@demo.test", "maildir", [sent, Exported("INBOX", ".")]))
    assert manifest.read(tmp_path) == {".Sent": sent, ".": Exported("INBOX", ".")}


def test_without_a_manifest_nothing_is_known(tmp_path: Path) -> None:
    assert manifest.read(tmp_path) == {}


@pytest.mark.parametrize("octets", [b"", b"{}", b'{"account": 1}', b"\xff"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / manifest.NAME).write_bytes(octets)
    with pytest.raises(Refused, match=r"is damaged .* remove it"):
        manifest.read(tmp_path)
