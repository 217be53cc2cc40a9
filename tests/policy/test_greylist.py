from postroom.policy import greylist as module
from postroom.policy.greylist import COME_AGAIN, FRESH, REMEMBER, WINDOW, Entry, Greylist

MINUTE = 60_000
WAIT = 5 * MINUTE


class Story:
    """One greylist and what is said of a message at a time."""

    def __init__(self) -> None:
        self.greylist = Greylist(WAIT)

    def passes(
        self,
        now: int,
        address: str = "192.0.2.1",
        sender: str = "a@b.test",
        recipient: str = "c@d.test",
    ) -> bool:
        keys = self.greylist.keys(address, sender, recipient)
        refusal = self.greylist.refusal(keys, now)
        assert refusal in (None, COME_AGAIN)
        return refusal is None


def test_who_comes_again_in_time_is_taken_and_known_from_then_on() -> None:
    story = Story()
    assert not story.passes(0)
    assert not story.passes(WAIT - 1)
    assert story.passes(WAIT)
    assert story.passes(WAIT + 1, recipient="somebody.else@d.test")
    assert story.passes(WAIT + 1, address="192.0.2.77", sender="other@B.test")
    assert not story.passes(WAIT + 1, sender="a@c.test")
    assert not story.passes(WAIT + 1, address="192.0.3.1")


def test_who_comes_too_late_begins_anew() -> None:
    story = Story()
    assert not story.passes(0)
    assert not story.passes(WINDOW)
    assert story.passes(WINDOW + WAIT)


def test_who_is_known_is_so_while_some_mail_comes() -> None:
    story = Story()
    assert not story.passes(0)
    assert story.passes(WAIT)
    now = WAIT
    for _ in range(3):
        now += REMEMBER - 1
        assert story.passes(now)
    assert not story.passes(now + REMEMBER)


def test_who_is_known_is_noted_once_a_day() -> None:
    story = Story()
    story.passes(0)
    story.passes(WAIT)
    story.greylist.changed.clear()
    assert story.passes(WAIT + FRESH - 1)
    assert not story.greylist.changed
    assert story.passes(WAIT + FRESH)
    (entry,) = story.greylist.changed.values()
    assert (entry.seen, entry.passed) == (WAIT + FRESH, True)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    story = Story()
    assert not story.passes(WINDOW)
    assert not story.passes(0)
    assert story.passes(WAIT)


def test_the_null_path_is_a_sender_like_any_other() -> None:
    story = Story()
    assert not story.passes(0, sender="")
    assert story.passes(WAIT, sender="")


def test_what_is_written_down_counts_unless_more_is_known() -> None:
    first, second = Story(), Story()
    assert not first.passes(0)
    second.greylist.put(first.greylist.changed.values())
    assert second.passes(WAIT)
    second.greylist.put(first.greylist.changed.values())
    assert second.passes(WAIT + 1, recipient="x@d.test")
    keys = second.greylist.keys("192.0.2.1", "a@b.test", "never@d.test")
    assert second.greylist.unknown(keys) == [keys[1]]


def test_the_table_tells_nobody_who_wrote_to_whom() -> None:
    story = Story()
    story.passes(0)
    (entry,) = story.greylist.changed.values()
    assert isinstance(entry, Entry)
    assert len(entry.who) == 32
    assert set(entry.who) <= set("0123456789abcdef")


def test_a_hundred_thousand_take_bounded_memory() -> None:
    story = Story()
    for number in range(100_000):
        assert not story.passes(0, recipient=f"r{number}@d.test")
    assert len(story.greylist) == module.MAX_ENTRIES
    assert len(story.greylist.changed) == module.MAX_CHANGED
    assert story.passes(WAIT, recipient="r99999@d.test")
