"""A clinic to try: invented people, and a day that is well under way."""

SEED = 1
"""Of the story that is told if nobody asks for another one."""

TIMEZONE = "America/New_York"
"""Where the clinic is, if nobody says otherwise."""
