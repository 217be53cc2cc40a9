"""Providers of DNS as small servers on loopback: what Cloudflare and deSEC document, no more.

    with Cloudflare("example.test") as api:
        api.url, api.trust, api.token
        api.put("example.test", "MX", content="mx.other.test", priority=10)
        api.slow_down = 2              # that many answers are 429
        api.records                    # what is in the zone now

They keep their zone in memory, page as told, check the token, and refuse what the real ones
refuse. Each request is in ``asked``.
"""

import abc
import contextlib
import itertools
import json
import ssl
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import dns.rdata
import trustme

HOST: Final = "127.0.0.1"
TOKEN: Final = "a-Token-of-the-rig"

Answer = tuple[int, Any, dict[str, str]]


class Provider(abc.ABC):
    """An HTTPS server that answers with ``answer``; one a test."""

    prefix = ""
    scheme = "Bearer"

    def __init__(self, zone: str, *, page: int = 100) -> None:
        """``page`` is how many records one answer holds."""
        self.zone = zone
        self.token = TOKEN
        self.page = page
        self.slow_down = 0
        self.retry_after = "1"
        self.fault: Answer | None = None
        self.asked: list[tuple[str, str]] = []
        self._authority = trustme.CA()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer((HOST, 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(HOST).configure_cert(context)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where its interface is."""
        return f"https://{HOST}:{self._server.server_address[1]}{self.prefix}"

    @property
    def trust(self) -> str:
        """The PEM that vouches for it."""
        return self._authority.cert_pem.bytes().decode()

    def trust_file(self, folder: Path) -> Path:
        """The same in a file."""
        path = Path(tempfile.mkdtemp(dir=folder)) / "ca.pem"
        path.write_text(self.trust)
        return path

    def respond(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        """One request from outside, one at a time."""
        with self._lock:
            self.asked.append((method, target))
            if self.slow_down:
                self.slow_down -= 1
                wait = {"Retry-After": self.retry_after} if self.retry_after else {}
                return 429, {"detail": "Request was throttled."}, wait
            if self.fault is not None:
                return self.fault
            if headers.get("Authorization") != f"{self.scheme} {self.token}":
                return self.stranger()
            split = urllib.parse.urlsplit(target.removeprefix(self.prefix))
            query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
            return self.answer(method, split.path, query, json.loads(body) if body else None)

    def stranger(self) -> Answer:
        """What somebody without the token gets."""
        return 401, {"detail": "Invalid token."}, {}

    @abc.abstractmethod
    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        """What everybody else gets."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider
    protocol_version = "HTTP/1.1"
    timeout = 10

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, said, more = self.provider.respond(self.command, self.path, self.headers, body)
        octets = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def handle(self) -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            super().handle()

    def log_message(self, *_arguments: object) -> None:
        return


class Cloudflare(Provider):
    """Version 4: entries with ids, batches that are carried out whole."""

    prefix = "/client/v4"

    def __init__(self, zone: str, *, page: int = 100) -> None:
        super().__init__(zone, page=page)
        self.records: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def put(self, name: str, kind: str, **more: Any) -> None:
        """Somebody else writes a record."""
        ident = f"{next(self._ids):032x}"
        self.records[ident] = {"id": ident, "name": name, "type": kind, **more}

    def stranger(self) -> Answer:
        return 403, _failure(10000, "Authentication error"), {}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if path == "/zones":
            found = [{"id": "z" * 32, "name": self.zone}] if query["name"] == self.zone else []
            return 200, _success(found), {}
        if method == "GET" and path == f"/zones/{'z' * 32}/dns_records":
            held = list(self.records.values())
            size = min(int(query["per_page"]), self.page)
            at = (int(query["page"]) - 1) * size
            info = {"page": int(query["page"]), "total_pages": -(-len(held) // size)}
            return 200, {**_success(held[at : at + size]), "result_info": info}, {}
        if method == "POST" and path == f"/zones/{'z' * 32}/dns_records/batch":
            return self._batch(body)
        return 404, _failure(7003, "Could not route"), {}

    def _batch(self, body: dict[str, Any]) -> Answer:
        before = dict(self.records)
        for one in body["deletes"]:
            if self.records.pop(one["id"], None) is None:
                self.records = before
                return 400, _failure(81044, "Record does not exist."), {}
        for one in body["posts"]:
            others = [had for had in self.records.values() if had["name"] == one["name"]]
            kinds = {had["type"] for had in others if had["type"] in {"A", "AAAA", "CNAME"}}
            if kinds and ("CNAME" in kinds or one["type"] == "CNAME"):
                self.records = before
                return 400, _failure(81053, "A record with that host already exists."), {}
            content = one.get("content") or " ".join(str(part) for part in one["data"].values())
            self.put(one["name"], one["type"], **{"content": content, **_rest(one)})
        return 200, _success({}), {}


def _rest(one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in {"name", "type"}}


def _success(result: Any) -> dict[str, Any]:
    return {"success": True, "errors": [], "messages": [], "result": result}


def _failure(code: int, message: str) -> dict[str, Any]:
    errors = [{"code": code, "message": message}]
    return {"success": False, "errors": errors, "messages": [], "result": None}


class Desec(Provider):
    """Version 1: RRsets, a cursor to page with, a shortest TTL, bulk changes."""

    prefix = "/api/v1"
    scheme = "Token"

    def __init__(self, zone: str, *, page: int = 500) -> None:
        super().__init__(zone, page=page)
        self.rrsets: dict[tuple[str, str], list[str]] = {}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if path == f"/domains/{self.zone}/":
            return 200, {"name": self.zone, "minimum_ttl": 3600}, {}
        if path != f"/domains/{self.zone}/rrsets/":
            return 404, {"detail": "Not found."}, {}
        if method == "GET":
            at = int(query["cursor"] or 0)
            held = [
                {"subname": subname, "type": kind, "records": records, "ttl": 3600}
                for (subname, kind), records in sorted(self.rrsets.items())
            ]
            more = {}
            if at + self.page < len(held):
                following = f"{self.url}{path}?cursor={at + self.page}"
                more = {
                    "Link": f'<{self.url}{path}?cursor=>; rel="first", <{following}>; rel="next"'
                }
            return 200, held[at : at + self.page], more
        return self._change(body)

    def _change(self, body: list[dict[str, Any]]) -> Answer:
        for one in body:
            if one["ttl"] < 3600:
                return 400, [{"ttl": ["Ensure this value is greater than or equal to 3600."]}], {}
            for text in one["records"]:
                if dns.rdata.from_text("IN", one["type"], text).to_text() != text:
                    return 400, [{"records": ["Record content is not in canonical form."]}], {}
        for one in body:
            self.rrsets.pop((one["subname"], one["type"]), None)
            if one["records"]:
                self.rrsets[one["subname"], one["type"]] = one["records"]
        return 200, body, {}
