"""The resolver against real servers on loopback that can misbehave."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings, strategies as st

from postroom.net.dns import ROUNDS, Resolver
from postroom.net.dns_records import Answer, InvalidName, Kind, LookupFailed, Mx, Tlsa
from postroom.telemetry.events import DnsTrouble
from rig.dns import DnsServer, Fault
from tests.fakes import Clock, Recorder
from tests.listen.loops import both_loops, run

ZONE = {
    ("example.test", "MX"): ["10 mx.Example.test.", "20 mx2.example.test."],
    ("example.test", "TXT"): ["v=spf1 mx -all", "long " * 100],
    ("mx.example.test", "A"): ["192.0.2.1", "192.0.2.2"],
    ("mx.example.test", "AAAA"): ["2001:db8::1"],
    ("_25._tcp.mx.example.test", "TLSA"): ["3 1 1 " + "ab" * 32],
    ("alias.test", "CNAME"): ["mx.example.test."],
    ("dangling.test", "CNAME"): ["nowhere.test."],
    ("null.test", "MX"): ["0 ."],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mx.example.test."],
    ("loop.test", "CNAME"): ["pool.test."],
    ("pool.test", "CNAME"): ["loop.test."],
    ("many.test", "TXT"): [f"{number} " + "x" * 250 for number in range(100)],
}


class Seconds(Clock):
    """A clock in seconds that stands still."""


@contextlib.asynccontextmanager
async def asking(
    *rigs: DnsServer, clock: Clock | None = None, try_seconds: float = 2.0
) -> AsyncIterator[Resolver]:
    """A resolver that asks these servers."""
    resolver = Resolver(
        [rig.address for rig in rigs], clock=clock or Seconds(0), try_seconds=try_seconds
    )
    try:
        yield resolver
    finally:
        await resolver.close()


async def failure(resolver: Resolver, name: str, *, seconds: float = 20) -> str:
    with pytest.raises(LookupFailed) as caught:
        await resolver.lookup(name, "A", seconds=seconds)
    return caught.value.reason


def is_down(resolver: Resolver) -> bool:
    return resolver.is_down


@both_loops
def test_every_kind_of_record(loop: str) -> None:
    async def main() -> None:
        async with DnsServer(ZONE, is_authentic=True) as rig, asking(rig) as resolver:
            mx = await resolver.lookup("EXAMPLE.test.", "MX")
            assert mx == Answer(
                (Mx(10, "mx.example.test"), Mx(20, "mx2.example.test")), True, 300, "example.test"
            )
            txt = await resolver.lookup("example.test", "TXT")
            assert txt.records == (b"v=spf1 mx -all", b"long " * 100)
            a = await resolver.lookup(mx.records[0].host, "A")
            assert a.records == ("192.0.2.1", "192.0.2.2")
            assert (await resolver.lookup("mx.example.test", "AAAA")).records == ("2001:db8::1",)
            tlsa = await resolver.lookup("_25._tcp.mx.example.test", "TLSA")
            assert tlsa.records == (Tlsa(3, 1, 1, b"\xab" * 32),)
            ptr = await resolver.lookup("1.2.0.192.in-addr.arpa", "PTR")
            assert ptr.records == ("mx.example.test",)
            assert (await resolver.lookup("null.test", "MX")).records == (Mx(0, ""),)
            cname = await resolver.lookup("alias.test", "CNAME")
            assert (cname.records, cname.canonical) == (("mx.example.test",), "alias.test")

    run(loop, main())


def test_three_kinds_of_facts() -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as rig, asking(rig) as resolver:
            alias = await resolver.lookup("alias.test", "AAAA")
            assert alias == Answer(("2001:db8::1",), False, 300, "mx.example.test")
            nodata = await resolver.lookup("mx.example.test", "MX")
            assert nodata == Answer((), False, 60, "mx.example.test")
            nothing = await resolver.lookup("none.test", "A")
            assert nothing == Answer((), False, 60, "none.test", exists=False)
            dangling = await resolver.lookup("dangling.test", "A")
            assert dangling == Answer((), False, 60, "nowhere.test", exists=False)
            between = await resolver.lookup("_tcp.mx.example.test", "A")
            assert between.exists  # names stand below it

    run("asyncio", main())


def test_facts_are_kept_and_failures_for_some_seconds_only() -> None:
    async def main() -> None:
        clock = Seconds(1_000)
        async with DnsServer(ZONE) as rig, asking(rig, clock=clock) as resolver:
            for name in ("mx.example.test", "MX.EXAMPLE.TEST", "mx.example.test."):
                await resolver.lookup(name, "A")
            await resolver.lookup("none.test", "A")
            await resolver.lookup("none.test", "A")
            assert rig.count() == 2
            clock.now += 60
            await resolver.lookup("none.test", "A")
            assert (await resolver.lookup("mx.example.test", "A")).ttl == 240
            assert rig.count() == 3
            rig.faults["bad.test", ""] = Fault.SERVFAIL
            assert await failure(resolver, "bad.test") == "the server says SERVFAIL"
            assert await failure(resolver, "bad.test") == "the server says SERVFAIL"
            assert rig.count("bad.test") == 1  # nor was the server asked twice in one lookup
            rig.faults.clear()
            clock.now += 5
            assert not (await resolver.lookup("bad.test", "A")).exists
            resolver.forget()
            await resolver.lookup("mx.example.test", "A")
            assert rig.count("mx.example.test") == 2

    run("asyncio", main())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.SERVFAIL, "the server says SERVFAIL"),
        (Fault.REFUSED, "the server says REFUSED"),
        (Fault.SILENT, "did not answer in 0.1 s"),
        (Fault.GARBAGE, "malformed"),
    ],
)
def test_what_nobody_can_tell_is_no_fact(fault: Fault, reason: str) -> None:
    async def main() -> None:
        faults = {("mx.example.test", ""): fault}
        async with DnsServer(ZONE, faults=faults) as rig, asking(rig, try_seconds=0.1) as resolver:
            assert reason in await failure(resolver, "mx.example.test")
            assert not is_down(resolver)
            assert (await resolver.lookup("example.test", "MX")).exists

    run("asyncio", main())


def test_circles_of_aliases_and_servers_that_do_not_recurse() -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as rig, asking(rig) as resolver:
            assert "circle" in await failure(resolver, "loop.test")
            rig.recurses = False
            rig.negative_ttl = None
            assert "no recursion" in await failure(resolver, "alias.test")

    run("asyncio", main())


@both_loops
def test_servers_that_want_to_be_asked_in_another_way(loop: str) -> None:
    async def main() -> None:
        faults = {
            ("mx.example.test", "A"): Fault.TRUNCATED,
            ("mx.example.test", "AAAA"): Fault.NO_EDNS,
            ("example.test", "TXT"): Fault.FOLDED,
        }
        async with DnsServer(ZONE, faults=faults) as rig, asking(rig) as resolver:
            assert (await resolver.lookup("mx.example.test", "A")).records
            assert [one.over_tcp for one in rig.queries] == [False, True]
            assert (await resolver.lookup("mx.example.test", "AAAA")).records
            assert rig.count("mx.example.test", "AAAA") == 2
            many = await resolver.lookup("many.test", "TXT")
            assert len(many.records) == 100
            for name in ("example.test", "EXAMPLE.test"):
                assert len((await resolver.lookup(name, "TXT")).records) == 2

    run(loop, main())


def test_a_query_that_was_lost_is_sent_again() -> None:
    async def main() -> None:
        faults = {("mx.example.test", ""): Fault.SILENT_ONCE}
        async with DnsServer(ZONE, faults=faults) as rig, asking(rig, try_seconds=0.1) as resolver:
            assert (await resolver.lookup("mx.example.test", "A")).records
            assert rig.count() == 2 <= ROUNDS

    run("asyncio", main())


def test_another_server_is_asked_when_one_fails() -> None:
    async def main() -> None:
        async with (
            DnsServer(ZONE, faults={("", ""): Fault.SERVFAIL}) as bad,
            DnsServer(ZONE) as good,
            asking(bad, good) as resolver,
        ):
            assert (await resolver.lookup("mx.example.test", "A")).records
            assert (bad.count(), good.count()) == (1, 1)
            good.faults["", ""] = Fault.REFUSED
            assert await failure(resolver, "a.test") == "the server says SERVFAIL"
            assert (bad.count(), good.count()) == (2, 2)

    run("asyncio", main())


def test_a_silent_server_is_asked_last_from_then_on() -> None:
    async def main() -> None:
        async with (
            DnsServer(ZONE, faults={("", ""): Fault.SILENT}) as silent,
            DnsServer(ZONE) as good,
            asking(silent, good, try_seconds=0.1) as resolver,
        ):
            assert (await resolver.lookup("mx.example.test", "A")).records
            assert (await resolver.lookup("mx.example.test", "AAAA")).records
            assert (silent.count(), good.count()) == (1, 2)
            assert not is_down(resolver)

    run("asyncio", main())


@both_loops
def test_fifty_at_once_are_one_query_and_may_leave(loop: str) -> None:
    async def main() -> None:
        held = asyncio.Event()
        async with DnsServer(ZONE, held=held) as rig, asking(rig) as resolver:
            tasks = [
                asyncio.create_task(resolver.lookup("mx.example.test", "A")) for _ in range(50)
            ]
            await rig.asked.wait()
            for task in tasks[:25]:
                task.cancel()
            await asyncio.sleep(0)
            held.set()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in found[:25])
            assert all(isinstance(one, Answer) for one in found[25:])
            assert rig.count() == 1

    run(loop, main())


def test_an_answer_that_nobody_waits_for_is_kept() -> None:
    async def main() -> None:
        held = asyncio.Event()
        async with DnsServer(ZONE, held=held) as rig, asking(rig) as resolver:
            assert await failure(resolver, "mx.example.test", seconds=0.02) == "no answer in 0.02 s"
            task = asyncio.create_task(resolver.lookup("mx.example.test", "A"))
            held.set()
            assert (await task).records
            assert rig.count() == 1

    run("asyncio", main())


def test_one_lookup_ends_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroom.net.dns.LONGEST", 0.02)

    async def main() -> None:
        faults = {("", "A"): Fault.SILENT}
        async with DnsServer(ZONE, faults=faults) as rig, asking(rig) as resolver:
            assert await failure(resolver, "a.test") == "no answer in 0.02 s"

    run("asyncio", main())


@both_loops
def test_three_silences_in_a_row_and_it_is_down_until_it_answers(
    loop: str, events: Recorder
) -> None:
    async def main() -> None:
        clock = Seconds(1_000)
        async with DnsServer(ZONE) as rig, asking(rig, clock=clock, try_seconds=0.1) as resolver:
            await resolver.lookup("mx.example.test", "A")
            rig.faults["", ""] = Fault.SILENT
            for number in range(3):
                assert not is_down(resolver)
                assert "did not answer" in await failure(resolver, f"{number}.test")
            assert is_down(resolver)
            (trouble,) = events.of(DnsTrouble)
            assert "did not answer" in trouble.reason
            assert not trouble.is_back
            asked = rig.count()
            for name in ("x.test", "y.test"):
                assert "no DNS server answers" in await failure(resolver, name)
            assert rig.count() == asked  # at once, and nobody was asked
            assert (await resolver.lookup("mx.example.test", "A")).records  # what is known, is

            clock.now += 10  # one of those who ask now finds out for all
            reasons = await asyncio.gather(*(failure(resolver, f"a{n}.test") for n in range(20)))
            assert all("no DNS server answers" in reason for reason in reasons)
            assert rig.count() == asked + 1
            assert rig.queries[-1].kind == "NS"
            assert is_down(resolver)
            assert events.of(DnsTrouble) == [trouble]  # once, however long it lasts

            rig.faults.clear()
            assert "no DNS server answers" in await failure(resolver, "a1.test")  # not yet
            clock.now += 10
            assert not (await resolver.lookup("a1.test", "A")).exists
            assert not is_down(resolver)
            assert [event.is_back for event in events.of(DnsTrouble)] == [False, True]
            assert not (await resolver.lookup("x.test", "A")).exists

    run(loop, main())


def test_an_answer_in_between_begins_the_count_anew() -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as rig, asking(rig, try_seconds=0.1) as resolver:
            rig.faults["", "A"] = Fault.SILENT
            rig.faults["", "NS"] = Fault.SILENT
            for number in range(2):
                await failure(resolver, f"{number}.test")
            rig.faults["", "MX"] = Fault.SERVFAIL  # a refusal shows life as well
            with pytest.raises(LookupFailed):
                await resolver.lookup("example.test", "MX")
            for number in range(2, 4):
                await failure(resolver, f"{number}.test")
            assert not is_down(resolver)
            await failure(resolver, "4.test")
            assert is_down(resolver)

    run("asyncio", main())


def test_many_at_once_find_out_once(events: Recorder) -> None:
    async def main() -> None:
        faults = {("", ""): Fault.SILENT}
        async with DnsServer(ZONE, faults=faults) as rig, asking(rig, try_seconds=0.1) as resolver:
            await asyncio.gather(*(failure(resolver, f"{number}.test") for number in range(20)))
            assert is_down(resolver)
            assert len(events.of(DnsTrouble)) == 1

    run("asyncio", main())


def test_names_with_dead_servers_of_their_own_do_not_stop_the_rest(events: Recorder) -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as rig, asking(rig, try_seconds=0.1) as resolver:
            for number in range(4):
                rig.faults[f"{number}.test", ""] = Fault.SILENT
                await failure(resolver, f"{number}.test")
                assert not is_down(resolver)
            assert rig.count("", "NS") == 1
            assert not events.of(DnsTrouble)

    run("asyncio", main())


def test_nobody_listens() -> None:
    async def main() -> None:
        async with DnsServer() as rig:
            pass
        clock = Seconds(0)
        async with asking(rig, clock=clock) as resolver:
            for number in range(3):
                assert "can't be asked" in await failure(resolver, f"{number}.test")
            assert is_down(resolver)
            async with rig:  # it is started again, on the same port
                clock.now += 10
                assert not (await resolver.lookup("a.test", "A")).exists

    run("asyncio", main())


@pytest.mark.parametrize(
    "name", ["", "a..b", "x" * 64 + ".test", "x." * 127 + "xx", "ä.test", "a b"]
)
def test_what_is_no_name_is_never_sent(name: str) -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as rig, asking(rig) as resolver:
            for _ in range(2):
                with pytest.raises(InvalidName):
                    await resolver.lookup(name, "A")
            assert rig.count() == 0

    run("asyncio", main())


def test_closing_ends_what_is_under_way() -> None:
    async def main() -> None:
        async with DnsServer(ZONE, held=asyncio.Event()) as rig:
            async with asking(rig) as resolver:
                task = asyncio.create_task(resolver.lookup("a.test", "A"))
                await rig.asked.wait()
            with pytest.raises(asyncio.CancelledError):
                await task

    run("asyncio", main())


def test_ids_ports_and_cases_differ_from_query_to_query() -> None:
    seen: list[bytes] = []

    def note(query: bytes) -> list[bytes]:
        seen.append(query)
        return []

    async def main() -> None:
        async with DnsServer(ZONE, junk=note) as rig, asking(rig) as resolver:
            for number in range(20):
                await resolver.lookup(f"somelongname{number}.test", "A")

    run("asyncio", main())
    assert len({query[:2] for query in seen}) > 10
    assert len({query[13:25] for query in seen}) > 10
    assert {query[13:25].lower() for query in seen} == {b"somelongname"}


@given(
    st.text(st.characters(max_codepoint=0x17F), max_size=70), st.sampled_from(["A", "MX", "TXT"])
)
@settings(max_examples=40)
def test_any_name_has_an_outcome(name: str, kind: Kind) -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as rig, asking(rig) as resolver:
            try:
                answer = await resolver.lookup(name, kind)
            except InvalidName:
                assert rig.count() == 0
            else:
                assert not answer.records

    run("asyncio", main())


def test_what_is_known_costs_next_to_nothing() -> None:
    async def main() -> float:
        async with DnsServer(ZONE) as rig, asking(rig) as resolver:
            await resolver.lookup("mx.example.test", "A")
            best = 1.0
            for _ in range(20):
                begin = time.process_time()
                for _ in range(100):
                    await resolver.lookup("mx.example.test", "A")
                best = min(best, (time.process_time() - begin) / 100)
            return best

    assert run("asyncio", main()) < 10e-6


def test_heavy_parts_of_dnspython_are_not_loaded() -> None:
    code = (
        "import sys, postroom.net.dns\n"
        "print([m for m in ('dns.resolver', 'dns.query', 'dns.message', 'httpx', 'anyio')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
