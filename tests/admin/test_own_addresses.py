import asyncio
from ipaddress import ip_address

from postroom.admin.own_addresses import public_addresses
from postroom.config.model import Config, Dns
from postroom.net import sockets
from postroom.net.addresses import is_public
from postroom.net.dns import Resolver
from rig.dns import DnsServer


def test_what_the_settings_name_counts() -> None:
    async def story() -> None:
        resolver = Resolver(["127.0.0.1:1"])
        config = Config(hostname="mx.demo.test", dns=Dns(public_addresses=("2001:db8::1",)))
        assert await public_addresses(config, resolver) == [ip_address("2001:db8::1")]
        await resolver.close()

    asyncio.run(story())


def test_addresses_are_those_of_the_machine_or_else_what_dns_tells() -> None:
    async def story() -> None:
        zone = {("mx.demo.test", "A"): ["11.1.1.1", "192.168.1.1"]}
        async with DnsServer(zone) as server:
            resolver = Resolver([server.address])
            found = await public_addresses(Config(hostname="mx.demo.test"), resolver)
            own = [one for one in sockets.outward_addresses() if is_public(one)]
            assert list(map(str, found)) == (own or ["11.1.1.1"])
            await resolver.close()

    asyncio.run(story())
