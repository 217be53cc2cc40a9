import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.dns import DnsServer
from rig.providers import TOKEN, Desec
from tests.cli.conftest import Shell


@contextlib.contextmanager
def served(zone: dict[tuple[str, str], list[str]]) -> Iterator[DnsServer]:
    """A DNS server on a thread of its own: commands have their own loop."""
    server = DnsServer(zone)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


@pytest.fixture
def demo(shell: Shell) -> Iterator[Shell]:
    with served({}) as server:
        with shell.config.open("a") as file:
            file.write(f'[dns]\nservers = ["{server.address}"]\npublic_addresses = ["192.0.2.5"]\n')
        shell.says("domain", "add", "demo.test")
        yield shell


def test_the_records_are_printed_as_table_zone_file_and_json(demo: Shell) -> None:
    table = demo.says("dns", "demo.test").splitlines()
    assert table[0].split() == ["FOR", "NEED", "NAME", "TYPE", "VALUE"]
    assert any("10 mx.demo.test." in line for line in table)
    zone = demo.says("dns", "demo.test", "--zone")
    assert zone.startswith("$ORIGIN demo.test.\n")
    assert "demo.test. IN MX 10 mx.demo.test.\n" in zone
    told = demo.json("dns", "demo.test")
    assert {"name", "type", "value", "use", "need", "note", "state", "found", "fix"} <= set(told[0])
    assert {one["state"] for one in told} == {None}


def test_a_check_tells_what_to_do_and_fails_until_all_is_there(demo: Shell) -> None:
    result = demo.run("dns", "demo.test", "--check")
    assert result.exit_code == 1
    assert result.stdout.count("no name server is responsible for demo.test") == 1
    assert result.stdout.count("no name server is responsible for") == 1  # of all the names below
    assert " more records: missing\n" in result.stdout
    assert "Traceback" not in result.output
    as_json = demo.run("dns", "demo.test", "--check", "--json")
    assert as_json.exit_code == 1
    assert '"state":"missing"' in as_json.stdout


def test_wrong_usage_and_other_domains_are_refused(demo: Shell) -> None:
    assert "--zone" in demo.misuses("dns", "demo.test", "--zone", "--check")
    assert demo.refuses("dns", "other.test") == (
        "other.test is not a domain of this server; run: postroom domain add other.test"
    )


def test_records_are_written_to_the_zone_after_they_were_shown(demo: Shell, tmp_path: Path) -> None:
    with Desec("demo.test") as api:
        demo.says(
            "dns", "provider", "add", "d", "--kind", "desec", "--zone", "demo.test",
            "--server", api.url, "--ca-file", str(api.trust_file(tmp_path)), "--secret-stdin",
            typed=TOKEN,
        )  # fmt: skip
        api.rrsets["", "MX"] = ["5 mx.old.test."]
        shown = demo.says("dns", "demo.test", "--update", "--dry-run")
        assert "add      demo.test TXT (SPF)\n         + v=spf1 mx ~all\n" in shown
        assert "ask      demo.test MX (incoming mail)\n         - 5 mx.old.test.\n" in shown
        assert "mail of the domain goes to mx.old.test now" in shown
        assert api.rrsets == {("", "MX"): ["5 mx.old.test."]}
        planned = demo.json("dns", "demo.test", "--update", "--dry-run")
        assert (planned["provider"], planned["zone"]) == ("d", "demo.test")
        written = demo.says("dns", "demo.test", "--update", "--yes")
        assert "sets of records written at d" in written
        assert api.rrsets["", "MX"] == ["5 mx.old.test."]
        assert "nothing to do" in demo.says("dns", "demo.test", "--update", "--yes")
        taken = demo.says("dns", "demo.test", "--update", "--yes", "--take-over")
        assert "1 set of records written at d" in taken
        assert api.rrsets["", "MX"] == ["10 mx.demo.test."]
        assert demo.json("dns", "demo.test", "--update")["zone"] == "demo.test"


def test_options_that_do_not_belong_together(demo: Shell) -> None:
    assert "--update" in demo.misuses("dns", "demo.test", "--update", "--check")
    assert "--update" in demo.misuses("dns", "demo.test", "--dry-run")
    assert "dns provider add" in demo.refuses("dns", "demo.test", "--update")
