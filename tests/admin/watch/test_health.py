"""The score is a function of what was measured."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.admin.dns.states import Lacking
from postroom.admin.queue import StatsView
from postroom.admin.tls.certificates import CertificateView
from postroom.admin.watch import health
from postroom.admin.watch.health import HOUR_MS, Backups, Measured
from postroom.admin.watch.hijacking import SuspectView
from postroom.policy.own_listings import Listed

NOW: Final = datetime(2026, 11, 26, tzinfo=UTC)
NOW_MS: Final = int(NOW.timestamp() * 1000)
GIB: Final = 1 << 30
WELL: Final = Measured(
    now=NOW_MS,
    queue=StatsView(0, 0, 0, 0, None, 0, ()),
    free=50 * GIB,
    size=100 * GIB,
    reserve=GIB,
    owners=1,
    unguarded=0,
    backups=Backups(24, NOW_MS - HOUR_MS),
)
LISTED: Final = Listed("list.test", "192.0.2.9", ("127.0.0.2",))
SUSPECT: Final = SuspectView("ann@demo.test", NOW, NOW, 50, True, ("a flood",))
LACKING: Final = tuple(Lacking(f"d{number}.test", ("MX",)) for number in range(9))


def lacks(**changed: Any) -> list[tuple[str, int, bool]]:
    found = health.judge(msgspec.structs.replace(WELL, **changed))
    assert found.score == max(0, 100 - sum(one.points for one in found.lacks))
    assert all(one.reason and one.action and one.page for one in found.lacks)
    return [(one.about, one.points, one.urgent) for one in found.lacks]


def held(expires: datetime | None, problem: str = "") -> tuple[CertificateView, ...]:
    return (CertificateView("mx.test", (), "", None, expires, NOW, problem),)


def from_file(problem: str) -> tuple[CertificateView, ...]:
    ends = NOW + timedelta(days=50)
    return (CertificateView("mx.test", (), "from a file", NOW, ends, None, problem, "/a.pem"),)


def waiting(hours: int, quarantined: int = 0) -> StatsView:
    return StatsView(1, 0, quarantined, 0, NOW - timedelta(hours=hours), 1, ())


def test_a_server_without_fault_has_a_hundred() -> None:
    assert health.judge(WELL) == health.Health(100, ())


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"runs": False}, [("server", 60, True)]),
        ({"free": GIB - 1}, [("disk", 50, True)]),
        ({"free": 2 * GIB - 1}, [("disk", 25, True)]),
        ({"free": 2 * GIB}, [("disk filling", 5, False)]),
        ({"free": 10 * GIB}, []),
        ({"queue": waiting(3)}, []),
        ({"queue": waiting(4)}, [("queue", 10, True)]),
        ({"queue": waiting(24)}, [("queue", 20, True)]),
        ({"queue": waiting(0, 2)}, [("quarantine", 15, True)]),
        ({"certificates": held(None)}, []),
        ({"certificates": held(None, "refused")}, [("certificate mx.test", 20, True)]),
        ({"certificates": held(NOW + timedelta(days=10))}, []),
        ({"certificates": held(NOW + timedelta(days=9))}, [("certificate mx.test", 20, True)]),
        ({"certificates": held(NOW)}, [("certificate mx.test", 40, True)]),
        ({"certificates": from_file("it is for www.test")}, [("certificate mx.test", 40, True)]),
        ({"certificates": from_file("")}, []),
        ({"backups": Backups()}, [("backup", 10, False)]),
        ({"backups": Backups(24, None)}, [("backup", 10, False)]),
        ({"backups": Backups(24, NOW_MS - 48 * HOUR_MS)}, []),
        ({"backups": Backups(24, NOW_MS - 48 * HOUR_MS - 1)}, [("late backup", 20, True)]),
        ({"lacking": LACKING[:1]}, [("dns d0.test", 10, False)]),
        (
            {"lacking": LACKING},
            [
                ("dns d0.test", 10, False),
                ("dns d1.test", 10, False),
                ("dns d2.test", 10, False),
                ("dns of others", 10, False),
            ],
        ),
        ({"listed": (LISTED,)}, [("listed 192.0.2.9 list.test", 15, True)]),
        ({"suspects": (SUSPECT,)}, [("hijack ann@demo.test", 20, True)]),
        ({"owners": 0}, [("owner", 5, False)]),
        ({"unguarded": 1}, [("second factor", 5, False)]),
    ],
)
def test_each_lack_takes_its_points(
    changed: dict[str, Any], expected: list[tuple[str, int, bool]]
) -> None:
    assert lacks(**changed) == expected


def test_the_heaviest_comes_first_and_nothing_is_below_zero() -> None:
    found = lacks(runs=False, free=0, queue=waiting(99), owners=0)
    assert [about for about, _, _ in found] == ["server", "disk", "queue", "owner"]
    assert health.judge(msgspec.structs.replace(WELL, runs=False, free=0)).score == 0


@given(free=st.integers(0, 100 * GIB), hours=st.integers(0, 1000), owners=st.integers(0, 3))
def test_more_room_and_a_younger_queue_are_never_worse(free: int, hours: int, owners: int) -> None:
    def score(free: int, hours: int) -> int:
        return health.judge(
            msgspec.structs.replace(WELL, free=free, queue=waiting(hours), owners=owners)
        ).score

    assert 0 <= score(free, hours + 1) <= score(free, hours) <= score(free + GIB, hours) <= 100
