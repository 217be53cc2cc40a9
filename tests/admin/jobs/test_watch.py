import pytest

from postroom.admin.jobs.watch import Stopped, Watch


def test_it_knows_how_far_a_job_is() -> None:
    watch = Watch()
    watch.show(1, 7, "unpacking")
    watch.show(2, 7)
    assert (watch.done, watch.total, watch.step) == (2, 7, "")


def test_a_job_that_is_to_stop_gets_no_further() -> None:
    watch = Watch()
    watch.show(1, 7)
    watch.is_over = True
    with pytest.raises(Stopped):
        watch.show(2, 7)
    assert watch.done == 1
