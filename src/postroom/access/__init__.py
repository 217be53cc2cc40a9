"""What a logged-in person may do, once for all doors.

Login, the view of a selected mailbox, fetch, search, append, folders and rights.
"""
