from postroom.policy import devices as module
from postroom.policy.devices import DAY_MS, KNOWN_MS, Device, Devices


def test_a_device_is_known_for_thirty_days() -> None:
    devices = Devices()
    devices.saw("Alice@Example.org", "192.0.2.1", 1000)
    assert devices.is_known("alice@example.ORG", "192.0.2.1", 1000 + KNOWN_MS - 1)
    assert devices.is_known_network("192.0.2.1", 1000 + KNOWN_MS - 1)
    assert not devices.is_known("alice@example.org", "192.0.2.1", 1000 + KNOWN_MS)
    assert not devices.is_known_network("192.0.2.1", 1000 + KNOWN_MS)
    assert not devices.is_known("alice@example.org", "192.0.2.2", 1000)
    assert not devices.is_known("bob@example.org", "192.0.2.1", 1000)


def test_a_login_is_written_once_a_day() -> None:
    devices = Devices()
    devices.saw("a", "192.0.2.1", DAY_MS)
    assert list(devices.changed.values()) == [Device("a", "192.0.2.1", DAY_MS)]
    devices.put(devices.changed.values())
    devices.changed.clear()
    devices.saw("a", "192.0.2.1", DAY_MS + 1)
    assert not devices.changed
    devices.saw("a", "192.0.2.1", 2 * DAY_MS)
    assert devices.changed


def test_an_older_row_does_not_make_a_device_older() -> None:
    devices = Devices()
    devices.saw("a", "n", KNOWN_MS)
    devices.put([Device("a", "n", 1)])
    assert devices.is_known("a", "n", 2 * KNOWN_MS - 1)


def test_a_hundred_thousand_take_bounded_memory() -> None:
    devices = Devices()
    for number in range(100_000):
        devices.saw("a", f"net{number}", DAY_MS)
    assert len(devices.changed) == len(devices._devices) == module.MAX_DEVICES
    devices.put(devices.changed.values())
    assert len(devices._written) <= 2 * module.MAX_DEVICES
    assert devices.is_known("a", "net99999", DAY_MS)
    assert not devices.is_known("a", "net1", DAY_MS)
