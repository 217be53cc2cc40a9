from postroom.config.connections import Rates
from postroom.policy.rates import (
    TOO_MANY_MESSAGES,
    TOO_MANY_OF_SENDER,
    TOO_MANY_RECIPIENTS,
    TOO_MANY_TO_RECIPIENT,
    TURNED_AWAY,
    WIDE,
    Counters,
    Over,
)

NONE = dict.fromkeys(Rates.__struct_fields__, 0)


def counters(**limits: int) -> Counters:
    return Counters(Rates(**{**NONE, **limits}))


def told(over: Over | None) -> Over:
    assert over is not None
    return over


def test_without_limits_everything_goes() -> None:
    one = counters()
    for _ in range(1_000):
        assert one.connection("192.0.2.1", 0) == ""
        assert one.message("192.0.2.1", "a@b.test", 0) is None
        assert one.recipient("192.0.2.1", "c@d.test", 0) is None
        assert one.unknown("192.0.2.1", 0) is None
        assert one.error("192.0.2.1", 0) is None


def test_connections_of_an_address() -> None:
    one = counters(connections_per_minute=2)
    assert [one.connection("192.0.2.1", 0) for _ in range(3)] == [
        "",
        "",
        "too many connections a minute of 192.0.2.1",
    ]
    assert one.connection("192.0.2.2", 0) == ""
    assert one.connection("192.0.2.1", 30_000) == ""


def test_who_connects_at_twice_the_rate_is_a_flooder() -> None:
    one = counters(connections_per_minute=2)
    assert [one.flood("192.0.2.1", 0) for _ in range(2)] == [None, None]
    over = told(one.flood("192.0.2.1", 0))
    assert (over.reason, over.is_abuse) == ("too many refused connections of 192.0.2.1", True)


def test_the_network_around_has_a_limit_too() -> None:
    one = counters(connections_per_minute=2)
    said = [one.connection(f"192.0.2.{number}", 0) for number in range(2 * WIDE + 1)]
    assert said[:-1] == [""] * 2 * WIDE
    assert said[-1] == "too many connections a minute of 192.0.2.0/24"
    assert one.connection("192.0.3.1", 0) == ""
    said = [one.connection(f"2001:db8:1:{number:x}::1", 0) for number in range(2 * WIDE + 1)]
    assert said[-1] == "too many connections a minute of 2001:db8:1::/48"


def test_an_ipv6_network_is_one() -> None:
    one = counters(connections_per_minute=2)
    said = [one.connection(f"2001:db8::{number:x}", 0) for number in range(3)]
    assert said[-1] == "too many connections a minute of 2001:db8::/64"


def test_messages_of_a_network_and_of_a_sender() -> None:
    one = counters(messages_per_hour=3, messages_per_sender_per_hour=1)
    assert one.message("192.0.2.1", "a@b.test", 0) is None
    over = told(one.message("192.0.2.1", "a@b.test", 0))
    assert (over.reply, over.reason) == (TOO_MANY_OF_SENDER, "too many messages of a@b.test")
    assert one.message("192.0.2.1", "", 0) is None  # nobody's
    over = told(one.message("192.0.2.1", "", 0))
    assert (over.reply, over.whose) == (TOO_MANY_MESSAGES, "192.0.2.1")
    assert not over.is_abuse


def test_recipients_of_a_network_and_messages_to_one() -> None:
    one = counters(recipients_per_hour=3, messages_per_recipient_per_hour=1)
    assert one.recipient("192.0.2.1", "c@d.test", 0) is None
    over = told(one.recipient("192.0.2.1", "c@d.test", 0))
    assert (over.reply, over.whose) == (TOO_MANY_TO_RECIPIENT, "c@d.test")
    assert one.recipient("192.0.2.1", "e@d.test", 0) is None
    assert told(one.recipient("192.0.2.1", "f@d.test", 0)).reply == TOO_MANY_RECIPIENTS


def test_a_harvester_is_found_and_a_list_with_stale_addresses_is_none() -> None:
    one = counters(unknown_recipients_per_hour=3)
    assert [one.unknown("192.0.2.1", 0) for _ in range(3)] == [None] * 3
    over = told(one.unknown("192.0.2.1", 0))
    assert over.is_abuse
    assert over.reply == TURNED_AWAY
    for _ in range(100):
        assert one.recipient("198.51.100.1", "c@d.test", 0) is None
        assert one.unknown("198.51.100.1", 0) is None
        assert one.unknown("198.51.100.1", 0) is None
        one.accepted("198.51.100.1", 2, 0)


def test_to_name_somebody_who_is_known_makes_up_for_no_guess() -> None:
    one = counters(unknown_recipients_per_hour=3)
    for _ in range(3):
        assert one.recipient("192.0.2.1", "postmaster@d.test", 0) is None
        assert one.unknown("192.0.2.1", 0) is None
    assert one.recipient("192.0.2.1", "postmaster@d.test", 0) is None
    assert told(one.unknown("192.0.2.1", 0)).is_abuse


def test_the_neighbour_of_harvesters_is_turned_away_and_no_abuser() -> None:
    one = counters(unknown_recipients_per_hour=1)
    for number in range(WIDE):
        assert one.unknown(f"192.0.2.{number}", 0) is None
    over = told(one.unknown("192.0.2.99", 0))
    assert (over.whose, over.reply, over.is_abuse) == ("192.0.2.0/24", TURNED_AWAY, False)


def test_errors_are_abuse() -> None:
    one = counters(errors_per_hour=1)
    assert one.error("192.0.2.1", 0) is None
    assert told(one.error("192.0.2.1", 0)).reason == "too many errors of 192.0.2.1"
    assert one.error("192.0.2.1", 3_600_000) is None


def test_a_limit_of_the_wide_network_costs_the_address_nothing() -> None:
    one = counters(messages_per_hour=1)
    for number in range(WIDE):
        assert one.message(f"192.0.2.{number}", "", 0) is None
    for _ in range(5):
        assert told(one.message("192.0.2.99", "", 0)).whose == "192.0.2.0/24"
    assert one.message("192.0.2.99", "", 3_600_000 // WIDE) is None
