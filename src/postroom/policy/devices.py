"""From where people have logged in well: neither bans nor guesses of others stop them there.

A *device* is a login name and a network. It is known for 30 days after its last good login.
``device_rows`` keeps them over a restart, to the day: that spares a row each login.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

KNOWN_MS: Final = 30 * 24 * 3600 * 1000
DAY_MS: Final = 24 * 3600 * 1000
MAX_DEVICES: Final = 20_000

KeyT = TypeVar("KeyT")


class Device(msgspec.Struct, frozen=True):
    """``login`` as it is compared: case-folded. ``seen`` in UTC milliseconds."""

    login: str
    network: str
    seen: int


class Devices:
    """Those of one server. ``changed`` are those that are not written down yet."""

    def __init__(self) -> None:
        self._devices: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._networks: OrderedDict[str, int] = OrderedDict()
        self._written: dict[tuple[str, str], int] = {}
        self.changed: dict[tuple[str, str], Device] = {}

    def saw(self, login: str, network: str, now: int) -> None:
        """Somebody has logged in well."""
        device = Device(login.casefold(), network, now)
        self.put((device,), is_written=False)

    def put(self, devices: Iterable[Device], *, is_written: bool = True) -> None:
        """Take devices in; those that are written down need not be written again for a day."""
        for one in devices:
            key = (one.login, one.network)
            seen = max(one.seen, self._devices.get(key, 0))
            _keep(self._devices, key, seen)
            _keep(self._networks, one.network, max(seen, self._networks.get(one.network, 0)))
            if is_written:
                self._written[key] = max(one.seen, self._written.get(key, 0))
            elif one.seen - self._written.get(key, 0) >= DAY_MS:
                self.changed[key] = one
        if len(self._written) > 2 * MAX_DEVICES:
            self._written = {key: at for key, at in self._written.items() if key in self._devices}
        while len(self.changed) > MAX_DEVICES:
            del self.changed[next(iter(self.changed))]

    def is_known(self, login: str, network: str, now: int) -> bool:
        """Whether this person has logged in from there of late."""
        return now - self._devices.get((login.casefold(), network), -KNOWN_MS) < KNOWN_MS

    def is_known_network(self, network: str, now: int) -> bool:
        """Whether anybody has logged in from there of late."""
        return now - self._networks.get(network, -KNOWN_MS) < KNOWN_MS


def _keep(table: OrderedDict[KeyT, int], key: KeyT, seen: int) -> None:
    table[key] = seen
    table.move_to_end(key)
    if len(table) > MAX_DEVICES:
        table.popitem(last=False)
