"""A clinic to try: invented people, and a day that is well under way."""
