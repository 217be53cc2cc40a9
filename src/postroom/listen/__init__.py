"""Doors: asyncio protocols over sockets, TLS, deadlines and backpressure.

A door drives a sans-IO session of ``protocol`` and asks ``intake`` or ``access``
what is allowed. It decides nothing about mail.
"""
