"""``/healthz`` and ``/metrics``: is it well, and how much has it done.

``/healthz`` answers 200 ``ok`` when a read of the database succeeds, else 503 with the
reason. ``/metrics`` (Prometheus text, names ``postroom_*``) is for loopback and trusted
networks only; to others it does not exist.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from postroom.errors import MailError

Check = Callable[[], Awaitable[None]]
Gauges = Callable[[], Awaitable[Mapping[str, float]]]


def routes(
    *,
    check: Check,
    counts: Callable[[], Mapping[str, int]],
    gauges: Gauges,
    trusted: Sequence[str] = (),
) -> list[Route]:
    """Both paths. ``check`` raises when the server is not well."""
    networks = [ipaddress.ip_network(text) for text in trusted]

    async def healthz(_request: Request) -> Response:
        try:
            await check()
        except (MailError, OSError) as error:
            return PlainTextResponse(f"not well: {error}\n", status_code=503)
        return PlainTextResponse("ok\n")

    async def metrics(request: Request) -> Response:
        if not _is_trusted(request.client.host if request.client else "", networks):
            return PlainTextResponse("Not Found\n", status_code=404)
        return PlainTextResponse(
            exposition(counts(), await gauges()),
            media_type="text/plain; version=0.0.4",
        )

    return [Route("/healthz", healthz), Route("/metrics", metrics)]


def exposition(counts: Mapping[str, int], gauges: Mapping[str, float]) -> str:
    """The Prometheus text format (version 0.0.4): counters with labels, and gauges."""
    lines = ["# TYPE postroom_events_total counter"]
    names = sorted(counts)
    lines += [
        f'postroom_events_total{{event="{name}"}} {counts[name]}'
        for name in names
        if " " not in name
    ]
    apart = [(name, *name.split(" ", 1)) for name in names if " " in name]
    lines += ["# TYPE postroom_failures_total counter"] if apart else []
    lines += [
        f'postroom_failures_total{{event="{event}",class="{word}"}} {counts[name]}'
        for name, event, word in apart
    ]
    for name in sorted(gauges):
        lines += [f"# TYPE postroom_{name} gauge", f"postroom_{name} {gauges[name]:g}"]
    return "\n".join(lines) + "\n"


def _is_trusted(
    host: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or any(address in network for network in networks)
