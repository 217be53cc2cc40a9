"""Decides on MAIL, RCPT and the end of data, and plans where a letter goes.

Relay or local, limits, loops, trace headers, filing plan. What is *legal* was
settled by ``protocol.smtp``; what is *durable* is settled by ``post``.
"""
