"""The log of a process."""

from pathlib import Path

import msgspec
import pytest

from postroom.config.model import Config, Log
from postroom.telemetry import sink
from postroom.telemetry.events import ClockJumped
from postroom.telemetry.log import written


@pytest.mark.parametrize("has_file", [True, False])
def test_events_go_to_the_file_while_it_lasts(tmp_path: Path, has_file: bool) -> None:
    config = Config(hostname="x.test", data=str(tmp_path), log=Log(console="none", file=has_file))
    before = sink.installed()
    with written(config) as mine:
        assert sink.installed() is mine
        sink.emit(ClockJumped(seconds=7))
    assert sink.installed() is before
    assert mine.counts == {"clock.jumped": 1}
    path = config.log_path
    assert path.exists() == has_file
    if has_file:
        assert msgspec.json.decode(path.read_bytes())["seconds"] == 7
