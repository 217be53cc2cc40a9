"""Every operation of a postmaster, once, for the command line, the web and the API.

A function here is one thing a person wants done; it raises ``errors.Refused`` with
the thing, the reason and the next action.
"""
