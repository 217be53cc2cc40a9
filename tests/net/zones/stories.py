"""What every provider's zone does alike, told once."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from postroom.net.dns_records import Mx, Record, Srv, Tlsa
from postroom.net.zones.zone import Change, Place, Zone, ZoneFailed

EVERYTHING: Final[Sequence[tuple[Place, tuple[Record, ...]]]] = (
    (("demo.test", "MX"), (Mx(10, "mx.demo.test"),)),
    (("mx.demo.test", "A"), ("192.0.2.1", "192.0.2.2")),
    (("mx.demo.test", "AAAA"), ("2001:db8::1",)),
    (("demo.test", "TXT"), (b"v=spf1 mx ~all", b"other=1")),
    (("k._domainkey.demo.test", "TXT"), (b"v=DKIM1; p=" + b"x" * 400,)),
    (("_25._tcp.mx.demo.test", "TLSA"), (Tlsa(3, 1, 1, bytes(32)),)),
    (("_imaps._tcp.demo.test", "SRV"), (Srv(0, 1, 993, "mx.demo.test"),)),
    (("_pop3._tcp.demo.test", "SRV"), (Srv(0, 0, 0, ""),)),
    (("autoconfig.demo.test", "CNAME"), ("mx.demo.test",)),
    (("mx.demo.test", "CAA"), ('0 issue "ca.test"',)),
)
PLACES: Final = [place for place, _ in EVERYTHING]
MX: Final[Place] = ("demo.test", "MX")
ADDRESSES: Final[Place] = ("mx.demo.test", "A")
ALIAS: Final[Place] = ("autoconfig.demo.test", "CNAME")
MOVED: Final[Place] = ("autoconfig.demo.test", "A")


def change(place: Place, before: Sequence[Record], after: Sequence[Record]) -> Change:
    return Change(name=place[0], kind=place[1], before=tuple(before), after=tuple(after))


def sets(found: Mapping[Place, tuple[Record, ...]]) -> dict[Place, set[Record]]:
    """Name servers answer in any order."""
    return {place: set(records) for place, records in found.items()}


async def life_of_records(zone: Zone) -> None:
    """Every type is written, read, changed and removed; whoever is late changes nothing."""
    assert await zone.read(PLACES) == dict.fromkeys(PLACES, ())
    await zone.write([change(place, (), records) for place, records in EVERYTHING])
    found = await zone.read(PLACES)
    assert sets(found) == {place: set(records) for place, records in EVERYTHING}
    late = [
        change(ADDRESSES, found[ADDRESSES], ()),
        change(MX, [Mx(5, "somebody.test")], [Mx(1, "x.test")]),
    ]
    with pytest.raises(ZoneFailed, match="at this moment"):
        await zone.write(late)
    assert sets(await zone.read(PLACES)) == sets(found)
    await zone.write(
        [
            change(ADDRESSES, found[ADDRESSES], ["192.0.2.2", "192.0.2.3"]),
            change(ALIAS, found[ALIAS], ()),
            change(MOVED, (), ["192.0.2.9"]),
        ]
    )
    after = await zone.read([ADDRESSES, ALIAS, MOVED, MX])
    assert set(after[ADDRESSES]) == {"192.0.2.2", "192.0.2.3"}
    assert (after[ALIAS], after[MOVED]) == ((), ("192.0.2.9",))
    assert after[MX] == found[MX]
    await zone.write([])
