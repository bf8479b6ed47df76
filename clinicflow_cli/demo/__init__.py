"""A clinic to try: invented people, and a day that is well under way."""

SEED = 1
"""Of the story that is told if nobody asks for another one."""

TIMEZONES = ("America/New_York", "Europe/Lisbon", "Asia/Tokyo", "Australia/Sydney")
"""Where the clinic can be, if nobody says: where it is open, else in the first."""
