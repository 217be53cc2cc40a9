"""Damage is told to the operator, and a temporary error to everybody else."""

from postroom.blobs.damage import BlobCorrupt, damaged
from postroom.db.ids import to_text
from postroom.errors import StorageFailed
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from tests.fakes import Recorder


def test_damage_names_the_blob_and_the_reason() -> None:
    recorder = Recorder()
    before = sink.install(recorder)
    try:
        error = damaged(77, "too short")
    finally:
        sink.install(before)
    assert isinstance(error, BlobCorrupt)
    assert isinstance(error, StorageFailed)
    assert error.detail == f"blob {to_text(77)}: too short"
    assert to_text(77) not in error.text
    assert recorder == [StorageTrouble(where=f"blob {to_text(77)}", reason="too short")]
