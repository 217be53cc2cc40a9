from postroom.policy.tarpit import Tarpit


def test_places_are_taken_and_given_back() -> None:
    tarpit = Tarpit(1.0, 2)
    assert tarpit.enter(0) == 1.0
    assert tarpit.enter(0) == 1.0
    assert tarpit.enter(0) is None
    assert tarpit.taken == 2
    tarpit.leave()
    assert tarpit.enter(0) == 1.0


def test_the_suspicious_wait_longer_up_to_a_limit() -> None:
    tarpit = Tarpit(0.5, 10)
    assert [tarpit.enter(score) for score in (-3, 0, 1, 5, 7, 100)] == [0.5, 0.5, 1, 3, 4, 4]
