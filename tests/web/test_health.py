import asyncio
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.types import Message

from postroom.errors import StorageFailed
from postroom.web.health import exposition, routes


async def well() -> None:
    return


async def ill() -> None:
    raise StorageFailed(detail="no such disk")


async def gauges() -> Mapping[str, float]:
    return {"queue_messages": 3}


def get(path: str, *, client: str = "127.0.0.1", healthy: bool = True) -> tuple[int, str]:
    """One GET through the ASGI interface."""
    app = Starlette(
        routes=routes(
            check=well if healthy else ill,
            counts=lambda: {"message.accepted": 2},
            gauges=gauges,
            trusted=("192.0.2.0/24",),
        )
    )
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": (client, 1),
        "server": ("localhost", 80),
        "scheme": "http",
        "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, send))
    return said[0]["status"], b"".join(part.get("body", b"") for part in said).decode()


def test_health_says_ok_or_the_reason() -> None:
    assert get("/healthz") == (200, "ok\n")
    status, text = get("/healthz", healthy=False)
    assert status == 503
    assert "no such disk" in text


def test_metrics_are_for_loopback_and_trusted_networks() -> None:
    status, text = get("/metrics")
    assert status == 200
    assert 'postroom_events_total{event="message.accepted"} 2' in text
    assert "postroom_queue_messages 3" in text
    assert get("/metrics", client="192.0.2.7")[0] == 200
    assert get("/metrics", client="::ffff:127.0.0.1")[0] == 200
    assert get("/metrics", client="198.51.100.1")[0] == 404
    assert get("/metrics", client="")[0] == 404


def test_what_is_counted_apart_has_a_counter_of_its_own() -> None:
    text = exposition({"message.bounced": 3, "message.bounced full": 1}, {})
    assert text.splitlines() == [
        "# TYPE postroom_events_total counter",
        'postroom_events_total{event="message.bounced"} 3',
        "# TYPE postroom_failures_total counter",
        'postroom_failures_total{event="message.bounced",class="full"} 1',
    ]


def test_the_exposition_ends_with_a_newline() -> None:
    assert exposition({}, {}) == "# TYPE postroom_events_total counter\n"
