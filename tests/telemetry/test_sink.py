"""Events are counted, written in order, soon, and found again."""

import io
import threading
from pathlib import Path

import msgspec
import pytest

from postroom.telemetry import sink
from postroom.telemetry.event import Event
from postroom.telemetry.events import ClockJumped, MessageBounced, ServerStopping, StorageTrouble
from postroom.telemetry.outputs import FileOutput, Output, StreamOutput
from postroom.telemetry.session_events import LoginFailed, MessageAccepted, RecipientRefused
from postroom.telemetry.sink import Sink, read_back
from tests.fakes import Clock, Recorder


def accepted(queue_id: str) -> MessageAccepted:
    return MessageAccepted(peer="192.0.2.1", queue_id=queue_id, sender="", recipients=1, size=1)


def written(stream: io.BytesIO) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]


def test_everything_is_written_in_order_at_close() -> None:
    stream = io.BytesIO()
    telling = Sink([StreamOutput(stream, "json")], clock=Clock())
    for number in range(1_000):
        telling.emit(accepted(str(number)))
    telling.close()
    assert [line["queue_id"] for line in written(stream)] == list(map(str, range(1_000)))
    assert telling.counts == {"message.accepted": 1_000}


class Watched(StreamOutput):
    """Tells when something was written."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.wrote = threading.Event()
        super().__init__(self.stream, "json")

    def write(self, octets: bytes) -> None:
        super().write(octets)
        self.wrote.set()


def test_failures_are_counted_by_class_too() -> None:
    telling = Sink([])
    for failure in ("full", "full", "policy"):
        telling.emit(
            MessageBounced(queue_id="1", status="5.0.0", recipient="a@b", reply="", failure=failure)
        )
    telling.close()
    assert telling.counts == {
        "message.bounced": 3, "message.bounced full": 2, "message.bounced policy": 1,
    }  # fmt: skip


def test_a_line_is_written_soon_without_a_close() -> None:
    output = Watched()
    telling = Sink([output])
    telling.emit(accepted("q"))
    assert output.wrote.wait(60)
    assert written(output.stream)[0]["queue_id"] == "q"
    telling.close()


def test_an_error_is_written_at_once() -> None:
    stream = io.BytesIO()
    telling = Sink([StreamOutput(stream, "json")])
    telling.emit(StorageTrouble(reason="no space"))
    assert written(stream)[0]["reason"] == "no space"
    telling.close()


def test_a_megabyte_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "PAUSE", 3600.0)  # the thread writes nothing
    stream = io.BytesIO()
    telling = Sink([StreamOutput(stream, "json")])
    for _ in range(1_100):
        telling.emit(accepted("x" * 1_000))
    assert len(stream.getvalue()) > 1 << 20
    telling.close()


def test_an_event_after_the_end_is_written_too() -> None:
    stream = io.BytesIO()
    telling = Sink([StreamOutput(stream, "json")])
    telling.close()
    telling.emit(accepted("late"))
    assert written(stream)[0]["queue_id"] == "late"


def test_lower_levels_are_counted_but_not_written() -> None:
    stream = io.BytesIO()
    telling = Sink([StreamOutput(stream, "json")], least="error")
    telling.emit(accepted("q"))
    telling.emit(StorageTrouble(reason="no space"))
    telling.close()
    assert [line["event"] for line in written(stream)] == ["storage.trouble"]
    assert telling.counts["message.accepted"] == 1


def test_a_flood_of_ten_thousand_a_second_is_cut_below_a_megabyte_a_minute() -> None:
    stream, clock = io.BytesIO(), Clock()
    telling = Sink([StreamOutput(stream, "json")], clock=clock)
    for number in range(20_000):
        telling.emit(
            LoginFailed(peer=f"2001:db8::{number % 500:x}", login="x" * 5_000, reason="unknown")
        )
    clock.advance(seconds=60)
    telling.emit(accepted("q"))
    telling.close()
    assert len(stream.getvalue()) < 1 << 20
    told = [line for line in written(stream) if line["event"] == "events.suppressed"]
    assert told[0]["of"] == "login.failed"
    failures = sum(line["event"] == "login.failed" for line in written(stream))
    assert told[0]["count"] == 20_000 - failures
    assert telling.counts["login.failed"] == 20_000


def test_threads_lose_no_line() -> None:
    stream = io.BytesIO()
    telling = Sink([StreamOutput(stream, "json")])

    def work(name: int) -> None:
        for number in range(500):
            telling.emit(accepted(f"{name}-{number}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    telling.close()
    assert len({line["queue_id"] for line in written(stream)}) == 2_000


def test_failures_of_outputs_are_summed() -> None:
    outputs: list[Output] = [FileOutput(Path("/dev/full"), size=9, keep=0) for _ in range(2)]
    telling = Sink(outputs)
    telling.emit(StorageTrouble(reason="x"))
    telling.close()
    assert telling.failed == 2


def test_emit_goes_where_it_is_told(events: Recorder) -> None:
    event = accepted("q")
    sink.emit(event)
    assert events.of(MessageAccepted) == [event]
    assert sink.installed() is events


def test_emit_without_a_sink_does_nothing() -> None:
    before = sink.install(None)
    sink.emit(accepted("q"))
    assert sink.install(before) is None


def test_a_log_is_read_back_over_its_files(tmp_path: Path) -> None:
    path = tmp_path / "log" / "postroom.jsonl"
    telling = Sink([FileOutput(path, size=2_000, keep=5)])
    refused: list[Event] = [
        RecipientRefused(status="5.1.1", recipient=f"n{number}@é.test", reason="x" * 200)
        for number in range(20)
    ]
    for event in refused:
        telling.emit(event)
        telling.emit(accepted("q"))
        telling.flush()
    telling.close()
    assert len(list(path.parent.iterdir())) > 2

    found = read_back(path, lambda line: line["event"] == "recipient.refused")
    assert [line["recipient"] for line in found] == [f"n{number}@é.test" for number in range(20)]
    (one,) = read_back(path, lambda line: "recipient" in line, containing="n7@é.test")
    assert one["status"] == "5.1.1"


def test_cut_lines_and_missing_files_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert list(read_back(path, lambda line: True)) == []
    path.write_bytes(b'{"at":"x","event":"y"}\n[1]\n\xff\xfe\n{"at":"2026-')
    assert list(read_back(path, lambda line: True)) == [{"at": "x", "event": "y"}]


def test_what_another_process_counted_is_added() -> None:
    mine = Sink([])
    mine.emit(ClockJumped(seconds=1))
    mine.count({"clock.jumped": 2, "message.delivered": 3})
    mine.close()
    assert mine.counts == {"clock.jumped": 3, "message.delivered": 3}


def test_a_listener_hears_while_it_listens(events: Recorder) -> None:
    told: list[Event] = []
    one = ServerStopping(reason="x")
    sink.emit(one)
    with sink.heard(told.append):
        sink.emit(one)
    sink.emit(one)
    assert (told, len(events)) == ([one], 3)
