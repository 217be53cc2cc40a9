"""What is worth a letter, and what only stands in one."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.admin.watch import daily
from postroom.admin.watch.daily import Done, Snapshot

GB: Final = 1 << 30
DAY: Final = 86_400_000
BEFORE: Final = Snapshot(
    at=1_790_000_000_000,
    version="1.0",
    score=90,
    lacks={"backup": "no backups are taken"},
    domains=1,
    accounts=2,
    aliases=3,
    dns={"demo.test": {"MX demo.test (incoming mail)": "ok"}},
    certificates={"mx.demo.test": "valid until 2026-12-01"},
    waiting=10,
    held=0,
    free=50 * GB,
    size=100 * GB,
    refusals={"recipient: unknown": 50},
    settings={"Top level hostname": '"mx.demo.test"'},
    last_backup=1_790_000_000_000,
    failed_backups=0,
)


def changed(*done: Done, **fields: Any) -> dict[str, tuple[str, ...]]:
    now = msgspec.structs.replace(BEFORE, at=BEFORE.at + DAY, **fields)
    return {one.title: one.lines for one in daily.changes(BEFORE, now, done)}


def test_nothing_new_is_no_letter() -> None:
    now = msgspec.structs.replace(
        BEFORE, at=BEFORE.at + DAY, last_backup=BEFORE.at + DAY, accounts=9
    )
    sections = daily.changes(BEFORE, now, [Done("account.password", "ann@demo.test")])
    assert sections == []
    assert not daily.matters(sections)


@pytest.mark.parametrize(
    ("fields", "title", "lines"),
    [
        (
            {"score": 100, "lacks": {}},
            "Health",
            ["90 of 100 before, 100 now", "- over: no backups are taken"],
        ),
        (
            {"score": 70, "lacks": {**BEFORE.lacks, "queue": "the oldest letter waits"}},
            "Health",
            ["90 of 100 before, 70 now", "+ the oldest letter waits"],
        ),
        (
            {"dns": {"demo.test": {"MX demo.test (incoming mail)": "missing"}}},
            "DNS records",
            ["demo.test: MX demo.test (incoming mail) was ok, is missing now"],
        ),
        (
            {"dns": {**BEFORE.dns, "new.test": {"a": "missing", "b": "missing", "c": "ok"}}},
            "DNS records",
            ["new.test: 2 missing (postroom dns new.test --check)"],
        ),
        (
            {"certificates": {"mx.demo.test": "valid until 2027-01-01", "x.test": "none, refused"}},
            "Certificates",
            [
                "mx.demo.test: valid until 2027-01-01 (before: valid until 2026-12-01)",
                "x.test: new, none, refused",
            ],
        ),
        ({"certificates": {}}, "Certificates", ["mx.demo.test: gone"]),
        ({"waiting": 110}, "Queue", ["110 deliveries wait, 10 before"]),
        ({"held": 100}, "Queue", ["100 of them are held, 0 before"]),
        (
            {"free": 40 * GB},
            "Disk",
            ["40.0 GB are free of 100.0 GB, 50.0 GB before; if that goes on it is full in 4 days"],
        ),
        ({"free": 60 * GB}, "Disk", ["60.0 GB are free of 100.0 GB, 50.0 GB before"]),
        (
            {"refusals": {"recipient: unknown": 100, "message: a virus": 20}},
            "Refused",
            [
                "100 in the last 24 hours, 50 before: recipient: unknown",
                "20 in the last 24 hours, 0 before: message: a virus",
            ],
        ),
        (
            {"version": "1.1", "settings": {"[spam] junk_at": "7"}},
            "Settings and program",
            [
                "Postroom 1.1, 1.0 before",
                'Top level hostname = (default), "mx.demo.test" before',
                "[spam] junk_at = 7, (default) before",
            ],
        ),
        (
            {"failed_backups": 2},
            "Backups",
            ["2 attempts failed in the last 24 hours: see backup.failed in the log"],
        ),
    ],
)
def test_a_change_is_told_in_its_section(
    fields: dict[str, Any], title: str, lines: list[str]
) -> None:
    found = changed(**fields)
    assert found[title] == tuple(lines)
    assert set(found) == {title, "Besides"}


def test_what_was_done_is_told_with_names_but_not_all_of_them() -> None:
    done = [Done("account.add", f"u{number}@demo.test") for number in range(12)]
    done += [Done("domain.add", "new.test"), Done("rule.add", "u1@demo.test")]
    found = changed(*done)["Administration"]
    assert found[0] == "domains added: 1 (new.test)"
    assert found[1].startswith("accounts added: 12 (u0@demo.test, u1@demo.test, ")
    assert found[1].endswith("u9@demo.test and 2 more)")
    assert len(found) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"waiting": 109},
        {"free": 50 * GB - 1 * GB},
        {"refusals": {"recipient: unknown": 99}},
        {"refusals": {}},
    ],
)
def test_the_small_is_left_out(fields: dict[str, Any]) -> None:
    assert changed(**fields) == {}


def test_many_lines_are_cut() -> None:
    records = {f"r{number}": "missing" for number in range(100)}
    before = dict.fromkeys(records, "ok")
    was = msgspec.structs.replace(BEFORE, dns={"demo.test": before})
    now = msgspec.structs.replace(was, dns={"demo.test": records})
    lines = daily.changes(was, now, [])[0].lines
    assert len(lines) == 31
    assert lines[-1] == "and 70 more"


def test_the_letter_says_since_when() -> None:
    now = msgspec.structs.replace(BEFORE, at=BEFORE.at + DAY, waiting=300)
    sections = daily.changes(BEFORE, now, [])
    assert daily.matters(sections)
    text = daily.written("mx.demo.test", BEFORE, now, sections)
    assert text.startswith(
        "What has changed on mx.demo.test since 2026-09-21 14:13 UTC.\n\nQueue\n"
    )
    assert "\nBesides\n-------\n1 domain, 2 accounts, 3 aliases\n" in text
    assert "[alerts] letter = false" in text
    assert max(map(len, text.splitlines())) < 200


@given(
    st.builds(
        lambda waiting, free, score: msgspec.structs.replace(
            BEFORE, waiting=waiting, free=free, score=score
        ),
        st.integers(0, 10_000),
        st.integers(0, 100 * GB),
        st.integers(0, 100),
    )
)
def test_the_same_again_is_never_news(now: Snapshot) -> None:
    assert daily.changes(now, now, []) == []
