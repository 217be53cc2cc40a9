"""Remote deliveries that wait: durable rows, one per recipient.

``rows`` is what is written, ``listing`` what a person sees, ``changes`` what a person does.
Every function works in an open transaction. Claiming, trying and settling is ``delivery``'s.
"""
