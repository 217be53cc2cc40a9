import pytest

from postroom.net.dns_records import Mx
from postroom.net.zones.zone import Change, ZoneFailed, expect

OLD, NEW = Mx(10, "old.test"), Mx(10, "new.test")
CHANGE = Change(name="demo.test", kind="MX", before=(OLD,), after=(NEW,))


def test_what_is_expected_may_be_in_any_order() -> None:
    change = Change(name="demo.test", kind="MX", before=(OLD, NEW), after=())
    expect({("demo.test", "MX"): (NEW, OLD)}, [change])
    expect({}, [Change(name="demo.test", kind="MX", before=(), after=(NEW,))])


def test_who_was_faster_is_not_written_over() -> None:
    for found in ((), (NEW,), (OLD, NEW)):
        with pytest.raises(ZoneFailed, match=r"demo\.test MX was changed by somebody else"):
            expect({CHANGE.place: found}, [CHANGE])
