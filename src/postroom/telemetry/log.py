"""The log of a process, as the settings say."""

import contextlib
import sys
from collections.abc import Iterator

from postroom.config.model import Config
from postroom.telemetry import sink
from postroom.telemetry.outputs import FileOutput, Output, StreamOutput


@contextlib.contextmanager
def written(config: Config) -> Iterator[sink.Sink]:
    """Events go to standard error and to ``log/postroom.jsonl``, as the settings say."""
    outputs: list[Output] = []
    if config.log.console != "none":
        outputs.append(StreamOutput(sys.stderr.buffer, config.log.console))
    if config.log.file:
        outputs.append(
            FileOutput(config.log_path, size=config.log.file_size, keep=config.log.files_kept)
        )
    mine = sink.Sink(outputs, least=config.log.level)
    before = sink.install(mine)
    try:
        yield mine
    finally:
        sink.install(before)
        mine.close()
