"""Reports from files: kept, listed, shown."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.admin import reports
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound, Refused
from postroom.mailauth.feedback import build
from tests.admin.bureau import Story
from tests.fakes import Clock
from tests.mailauth.test_feedback import REPORT
from tests.policy.test_received_reports import TLS

Tell = Callable[[Story], None]


def test_a_file_is_kept_once_and_shown(tell: Tell, tmp_path: Path) -> None:
    path = tmp_path / "report.xml.gz"
    path.write_bytes(gzip.compress(build(REPORT)))

    async def story(office: Office, _clock: Clock) -> None:
        done = await reports.import_file(office, path)
        (one,) = done.new
        assert (one.kind, one.domain, one.passed, one.failed) == ("dmarc", "a.test", 1, 3)
        again = await reports.import_file(office, path)
        assert (again.new, again.known) == ((), 1)
        assert await reports.every(office) == [one]
        assert await reports.every(office, "A.test") == [one]
        assert await reports.every(office, "b.test") == []
        found = await reports.show(office, one.id)
        assert found.report == one
        assert found.policy == "p=reject sp=none"
        first, second = found.lines
        assert (first.count, first.source) == (3, "192.0.2.1")
        assert first.result == "none: dkim fail, spf fail"
        assert first.detail == "from a.test, dkim b.test pass, dkim c.test none, spf b.test pass"
        assert second.count == 1

    tell(story)


def test_a_tls_report_is_shown(tell: Tell, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(TLS)

    async def story(office: Office, _clock: Clock) -> None:
        (one,) = (await reports.import_file(office, path)).new
        found = await reports.show(office, one.id)
        assert (found.policy, found.contact) == ("sts", "tls@them.test")
        (line,) = found.lines
        assert (line.count, line.result, line.detail) == (7, "as it should be", "sts a.test")

    tell(story)


def test_what_can_not_be_read(tell: Tell, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"nothing")

    async def story(office: Office, _clock: Clock) -> None:
        with pytest.raises(Refused, match="holds no DMARC or TLS report"):
            await reports.import_file(office, path)
        with pytest.raises(Refused, match="can't be read"):
            await reports.import_file(office, tmp_path / "none")
        path.write_bytes(gzip.compress(bytes(20_000_000)))
        with pytest.raises(Refused, match="more than"):
            await reports.import_file(office, path)
        for ident in ("x", "0123456789abc"):
            with pytest.raises(NotFound, match="no report"):
                await reports.show(office, ident)
        with pytest.raises(Invalid):
            await reports.every(office, "no domain")

    tell(story)
