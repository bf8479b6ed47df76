from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clinicflow_core.entities.doctor import WEEKDAYS, Weekday
from clinicflow_core.scheduling.recurrence import (
    HORIZON_YEARS,
    LONGEST_INTERVAL,
    LONGEST_TEXT,
    MOST_OCCURRENCES,
    Frequency,
    OnWeekday,
    Recurrence,
    days_of,
    read_recurrence,
)
from clinicflow_core.timespan import zone_of
from tests.builders import DAY, ZONE, clock
from tests.effort import calls

MON, _, WED, *_, SUN = WEEKDAYS
NINE = time(9)
ONE_DAY = timedelta(days=1)
ORDINALS = [*range(-5, 0), *range(1, 6)]
EVERY_ENTRY = [OnWeekday(w, n) for w in WEEKDAYS for n in (None, *ORDINALS)]


def days(text, first=DAY, at="09:00", zone=ZONE):
    return days_of(read_recurrence(text), first, clock(at), zone)


def shown(text, first="2026-03-02", at="09:00", zone="America/New_York"):
    """Return the days as "02 Mar, 03 Mar"; DAY is 2026-03-02, a Monday."""
    found = days(text, date.fromisoformat(first), at, zone_of(zone))
    return ", ".join(f"{day:%d %b}" for day in found)


def answer_of(question, *args):
    """Return what it returns, or the words in which it refuses."""
    try:
        return question(*args)
    except ValueError as refused:
        return str(refused)


def recurrences():
    def of(freq):
        each = st.builds(OnWeekday, st.sampled_from(WEEKDAYS))
        one = st.sampled_from(EVERY_ENTRY)
        entry = one if freq is Frequency.MONTHLY else each
        rule = {
            "freq": st.just(freq),
            "interval": st.one_of(st.integers(1, 4), st.integers(1, LONGEST_INTERVAL)),
            "weekdays": st.lists(entry, max_size=5, unique=True),
        }
        counted = st.builds(
            Recurrence, **rule, count=st.integers(1, 12) | st.integers(1, 366)
        )
        return counted | st.builds(Recurrence, **rule, until=untils())

    return st.sampled_from(Frequency).flatmap(of)


def untils():
    dates = st.dates(date(2024, 1, 1), date(2040, 1, 1)) | st.dates()
    times = st.times().map(lambda moment: moment.replace(microsecond=0))
    clocks = st.builds(datetime.combine, dates, times)
    return dates | clocks | clocks.map(lambda local: local.replace(tzinfo=UTC))


FIRSTS = st.dates(date(2024, 1, 1), date(2033, 1, 1))
ZONES = st.sampled_from(["America/New_York", "Asia/Tokyo", "Pacific/Apia", "UTC"])


def counts(rule, day, first):
    """Whether the day, week or month of *day* is one that the interval keeps."""
    if rule.freq is Frequency.DAILY:
        steps = day.toordinal() - first.toordinal()
    elif rule.freq is Frequency.WEEKLY:
        # Day 1 of the calendar was a Monday.
        steps = (day.toordinal() - 1) // 7 - (first.toordinal() - 1) // 7
    else:
        steps = (day.year - first.year) * 12 + day.month - first.month
    return steps % rule.interval == 0


def matches(rule, day, first):
    if not rule.weekdays:
        return {
            Frequency.DAILY: True,
            Frequency.WEEKLY: day.strftime("%a") == first.strftime("%a"),
            Frequency.MONTHLY: day.day == first.day,
        }[rule.freq]
    month = [day.replace(day=1)]
    while (after := month[-1] + ONE_DAY).month == day.month:
        month.append(after)
    alike = [other for other in month if other.strftime("%a") == day.strftime("%a")]
    name = day.strftime("%A").lower()
    return any(
        entry.weekday.value == name
        and (
            entry.ordinal is None
            or alike.index(day) == entry.ordinal - 1
            or alike.index(day) - len(alike) == entry.ordinal
        )
        for entry in rule.weekdays
    )


def is_in_time(rule, day, at, zone):
    start = datetime.combine(day, at)
    if rule.until is None:
        return True
    if type(rule.until) is date:
        return day <= rule.until
    if rule.until.tzinfo:
        return start.replace(tzinfo=zone) <= rule.until
    return start <= rule.until


def expected_days(rule, first, at, zone):
    """Return the days, counted one by one, or None if the rule must be refused."""
    leap_day = (first.month, first.day) == (2, 29)
    last = first.replace(
        year=first.year + HORIZON_YEARS, day=28 if leap_day else first.day
    )
    found = []
    day = first
    while day <= last and is_in_time(rule, day, at, zone):
        if counts(rule, day, first) and matches(rule, day, first):
            found.append(day)
            if len(found) == rule.count:
                return tuple(found)
        day += ONE_DAY
    ends = rule.until is not None and not is_in_time(rule, last + ONE_DAY, at, zone)
    return tuple(found) if ends and 1 <= len(found) <= MOST_OCCURRENCES else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "FREQ=DAILY;COUNT=3", Recurrence(freq=Frequency.DAILY, count=3), id="plain"
        ),
        pytest.param(
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=10",
            Recurrence(
                freq=Frequency.WEEKLY,
                interval=2,
                weekdays=(OnWeekday(MON), OnWeekday(WED)),
                count=10,
            ),
            id="all parts",
        ),
        pytest.param(
            "RRULE:FREQ=DAILY;COUNT=3",
            Recurrence(freq=Frequency.DAILY, count=3),
            id="as a property",
        ),
        pytest.param(
            "rrule:count=3;wkst=mo;freq=weekly;byday=tu",
            Recurrence(
                freq=Frequency.WEEKLY, weekdays=(OnWeekday(Weekday.TUESDAY),), count=3
            ),
            id="small letters, another order",
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=+1MO,-1SU,MO;COUNT=3",
            Recurrence(
                freq=Frequency.MONTHLY,
                weekdays=(OnWeekday(MON), OnWeekday(MON, 1), OnWeekday(SUN, -1)),
                count=3,
            ),
            id="ordinals",
        ),
        pytest.param(
            "FREQ=DAILY;INTERVAL=001;COUNT=366",
            Recurrence(freq=Frequency.DAILY, count=366),
            id="zeros in front",
        ),
        pytest.param(
            "FREQ=DAILY;UNTIL=20260601",
            Recurrence(freq=Frequency.DAILY, until=date(2026, 6, 1)),
            id="until a day",
        ),
        pytest.param(
            "FREQ=DAILY;UNTIL=20260601T090000",
            Recurrence(freq=Frequency.DAILY, until=datetime(2026, 6, 1, 9)),
            id="until a clock shows",
        ),
        pytest.param(
            "FREQ=DAILY;UNTIL=20260601T235959Z",
            Recurrence(
                freq=Frequency.DAILY,
                until=datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC),
            ),
            id="until an instant",
        ),
    ],
)
def test_a_rule_is_read_as_rfc_5545_writes_it(text, expected):
    assert read_recurrence(text) == expected


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param(
            "count=3;byday=we,mo;interval=2;freq=weekly;wkst=mo",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=3",
            id="parts and weekdays in order",
        ),
        pytest.param(
            "FREQ=DAILY;INTERVAL=1;COUNT=03",
            "FREQ=DAILY;COUNT=3",
            id="what goes without saying is not said",
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=-1FR,-2FR,+2MO,01MO,SU;COUNT=3",
            "FREQ=MONTHLY;BYDAY=SU,1MO,2MO,-2FR,-1FR;COUNT=3",
            id="ordinals as they come in a month",
        ),
        pytest.param(
            "UNTIL=00010203;FREQ=DAILY", "FREQ=DAILY;UNTIL=00010203", id="an early year"
        ),
        pytest.param(
            "UNTIL=20260601T090000;FREQ=DAILY",
            "FREQ=DAILY;UNTIL=20260601T090000",
            id="until a clock shows",
        ),
        pytest.param(
            "UNTIL=20260601t090000z;FREQ=DAILY",
            "FREQ=DAILY;UNTIL=20260601T090000Z",
            id="until an instant",
        ),
    ],
)
def test_a_rule_has_one_way_to_be_written(text, written):
    assert read_recurrence(text).text == written


@given(recurrences())
def test_what_is_written_reads_as_the_same_rule(rule):
    assert read_recurrence(rule.text) == rule


@given(recurrences(), st.data())
def test_order_and_case_and_a_name_in_front_do_not_change_a_rule(rule, data):
    parts = ";".join(data.draw(st.permutations(rule.text.split(";"))))
    prefix = data.draw(st.sampled_from(["", "RRULE:", "rrule:"]))
    written = data.draw(st.sampled_from([str.upper, str.lower, str.title]))(parts)

    assert read_recurrence(prefix + written) == rule


def test_a_rule_with_every_weekday_that_there_is_can_be_read():
    rule = Recurrence(
        freq=Frequency.MONTHLY, interval=366, weekdays=EVERY_ENTRY, count=366
    )

    assert read_recurrence(f"RRULE:WKST=MO;{rule.text}") == rule
    assert len(rule.text) < LONGEST_TEXT - len("RRULE:WKST=MO;") - len(EVERY_ENTRY)


PARTS = r"must be parts such as FREQ=WEEKLY, with one ; between them"
FREQ = r"must have a FREQ of DAILY, WEEKLY or MONTHLY"
INTERVAL = r"must have an INTERVAL from 1 to 366"
BYDAY = r"must have a BYDAY such as MO,WE or 1MO,-1FR"
ORDINAL = r"must have ordinals from 1 to 5 or -5 to -1 in BYDAY"
COUNT = r"must have a COUNT from 1 to 366"
UNTIL = r"must have an UNTIL such as 20260601, 20260601T090000 or 20260601T090000Z"
VISIBLE = r"must be one line of ASCII without spaces"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", PARTS, id="nothing"),
        pytest.param("RRULE:", PARTS, id="only the name"),
        pytest.param("RRULE:RRULE:FREQ=DAILY;COUNT=3", PARTS, id="the name twice"),
        pytest.param("FREQ=DAILY;COUNT=3;", PARTS, id="an empty part at the end"),
        pytest.param("FREQ=DAILY;;COUNT=3", PARTS, id="an empty part between"),
        pytest.param("FREQ=DAILY;COUNT", PARTS, id="a part without a value"),
        pytest.param("FREQ=DAILY;COUNT=", PARTS, id="a part with an empty value"),
        pytest.param("FREQ=DAILY;=3", PARTS, id="a part without a name"),
        pytest.param("FREQ=DAILY;COUNT=3=3", PARTS, id="a part with two values"),
        pytest.param("FREQ=DAILY;" + "X" * 99 + "=3", PARTS, id="a very long name"),
        pytest.param("every Monday", VISIBLE, id="English"),
        pytest.param("FREQ=DAILY; COUNT=3", VISIBLE, id="a space"),
        pytest.param("FREQ=DAILY;COUNT=3\n", VISIBLE, id="a line break"),
        pytest.param("FREQ=DAILY;COUNT=3\0", VISIBLE, id="a NUL"),
        pytest.param("FREQ=DAILY;COUNT=٣", VISIBLE, id="a digit of another script"),
        pytest.param(
            "FREQ=DA\u0131LY;COUNT=3", VISIBLE, id="a letter that becomes an I"
        ),
        pytest.param("FREQ=DAILY;COUNT=3;BY\u017fETPOS=1", VISIBLE, id="or an S"),
        pytest.param(
            "FREQ=DAILY;COUNT=" + "3" * 512, "must be at most 512 characters", id="long"
        ),
        pytest.param("COUNT=3", FREQ, id="no frequency"),
        pytest.param("FREQ=YEARLY;COUNT=3", FREQ, id="yearly"),
        pytest.param("FREQ=HOURLY;COUNT=3", FREQ, id="hourly"),
        pytest.param("FREQ=DAILY;FREQ=DAILY;COUNT=3", "FREQ twice", id="twice"),
        pytest.param(
            "FREQ=DAILY;COUNT=3;COUNT=3", "must not have COUNT twice", id="count twice"
        ),
        *(
            pytest.param(f"FREQ=DAILY;COUNT=3;{name}=1", f"must not have {name}")
            for name in (
                *("BYSECOND", "BYMINUTE", "BYHOUR", "BYMONTHDAY", "BYYEARDAY"),
                *("BYWEEKNO", "BYMONTH", "BYSETPOS", "RSCALE", "SKIP", "BYEASTER"),
                *("DTSTART", "EXDATE", "RDATE", "X-OURS"),
            )
        ),
        pytest.param("FREQ=DAILY;INTERVAL=0;COUNT=3", INTERVAL, id="no step"),
        pytest.param("FREQ=DAILY;INTERVAL=-1;COUNT=3", INTERVAL, id="a step back"),
        pytest.param("FREQ=DAILY;INTERVAL=367;COUNT=3", INTERVAL, id="a great step"),
        pytest.param("FREQ=DAILY;INTERVAL=1.5;COUNT=3", INTERVAL, id="half a step"),
        pytest.param(
            "FREQ=DAILY;COUNT=3;INTERVAL=" + "9" * 480, INTERVAL, id="an endless step"
        ),
        pytest.param("FREQ=DAILY;COUNT=0", COUNT, id="none"),
        pytest.param("FREQ=DAILY;COUNT=+3", COUNT, id="a sign"),
        pytest.param("FREQ=DAILY;COUNT=367", COUNT, id="one too many"),
        pytest.param("FREQ=DAILY;COUNT=three", COUNT, id="in words"),
        pytest.param("FREQ=WEEKLY;COUNT=3;BYDAY=XX", BYDAY, id="no weekday"),
        pytest.param("FREQ=WEEKLY;COUNT=3;BYDAY=MO,", BYDAY, id="an empty weekday"),
        pytest.param("FREQ=WEEKLY;COUNT=3;BYDAY=MONDAY", BYDAY, id="a whole name"),
        pytest.param("FREQ=MONTHLY;COUNT=3;BYDAY=1", BYDAY, id="only an ordinal"),
        pytest.param("FREQ=MONTHLY;COUNT=3;BYDAY=--1MO", BYDAY, id="two signs"),
        pytest.param("FREQ=MONTHLY;COUNT=3;BYDAY=001MO", BYDAY, id="three digits"),
        pytest.param("FREQ=MONTHLY;COUNT=3;BYDAY=0MO", ORDINAL, id="the 0th"),
        pytest.param("FREQ=MONTHLY;COUNT=3;BYDAY=6MO", ORDINAL, id="the 6th"),
        pytest.param("FREQ=MONTHLY;COUNT=3;BYDAY=-6MO", ORDINAL, id="the 6th last"),
        pytest.param(
            "FREQ=WEEKLY;COUNT=3;BYDAY=1MO",
            "must not have ordinals in BYDAY without FREQ=MONTHLY",
            id="an ordinal in a week",
        ),
        pytest.param(
            "FREQ=DAILY;COUNT=3;BYDAY=-1MO",
            "must not have ordinals in BYDAY without FREQ=MONTHLY",
            id="an ordinal in a day",
        ),
        pytest.param(
            "FREQ=WEEKLY;COUNT=3;BYDAY=MO,mo", "must not have a day twice", id="MO,mo"
        ),
        pytest.param(
            "FREQ=MONTHLY;COUNT=3;BYDAY=1MO,+01MO", "a day twice", id="1MO,+01MO"
        ),
        pytest.param(
            "FREQ=DAILY;COUNT=3;WKST=SU",
            "must not have a WKST other than MO",
            id="weeks from Sunday",
        ),
        pytest.param("FREQ=DAILY", r"needs an end: COUNT or UNTIL", id="no end"),
        pytest.param(
            "FREQ=DAILY;COUNT=3;UNTIL=20260601",
            "must not have both COUNT and UNTIL",
            id="two ends",
        ),
        pytest.param("FREQ=DAILY;UNTIL=2026-06-01", UNTIL, id="with hyphens"),
        pytest.param("FREQ=DAILY;UNTIL=20260631", UNTIL, id="31 June"),
        pytest.param("FREQ=DAILY;UNTIL=00000101", UNTIL, id="the year 0"),
        pytest.param("FREQ=DAILY;UNTIL=2026W011", UNTIL, id="a week"),
        pytest.param("FREQ=DAILY;UNTIL=20260601T", UNTIL, id="no time"),
        pytest.param("FREQ=DAILY;UNTIL=20260601T0900", UNTIL, id="no seconds"),
        pytest.param("FREQ=DAILY;UNTIL=20260601T240000", UNTIL, id="24 o'clock"),
        pytest.param("FREQ=DAILY;UNTIL=20260601T096000", UNTIL, id="minute 60"),
        pytest.param("FREQ=DAILY;UNTIL=20260601T090060", UNTIL, id="second 60"),
        pytest.param("FREQ=DAILY;UNTIL=20260631T090000Z", UNTIL, id="31 June, 9:00"),
        pytest.param("FREQ=DAILY;UNTIL=20260601T090000+0200", UNTIL, id="an offset"),
        pytest.param("FREQ=DAILY;UNTIL=20260601Z", UNTIL, id="a day in UTC"),
    ],
)
def test_what_is_not_kept_is_refused_by_name(text, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        read_recurrence(text)

    assert type(refused.value) is ValueError
    assert str(refused.value)[0].islower()


@given(st.text() | st.text("FREQ=DAILYWKMONTHU;:,0123456789+-Z", max_size=60))
@example("FREQ=DAILY;COUNT=3")
@example("9" * 100_000)
def test_any_text_is_read_or_refused_in_a_short_line(text):
    answer = answer_of(read_recurrence, text)

    if isinstance(answer, str):
        assert len(answer) < 100
    else:
        assert read_recurrence(answer.text) == answer


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        pytest.param({}, "needs an end", id="no end"),
        pytest.param({"count": 1, "until": DAY}, "both COUNT and UNTIL", id="two ends"),
        pytest.param({"count": 0}, COUNT, id="no occurrence"),
        pytest.param({"count": 367}, COUNT, id="too many occurrences"),
        pytest.param({"count": 1, "interval": 0}, INTERVAL, id="no step"),
        pytest.param({"count": 1, "interval": 367}, INTERVAL, id="a great step"),
        pytest.param(
            {"count": 1, "weekdays": [OnWeekday(MON, 1)]}, "ordinals", id="ordinal"
        ),
        pytest.param(
            {"count": 1, "weekdays": [OnWeekday(MON)] * 2}, "a day twice", id="twice"
        ),
        pytest.param(
            {"until": datetime(2026, 6, 1, microsecond=1)}, UNTIL, id="microseconds"
        ),
        pytest.param(
            {"until": datetime(2026, 6, 1, tzinfo=timezone(timedelta(hours=2)))},
            UNTIL,
            id="another zone",
        ),
    ],
)
def test_no_rule_can_be_made_that_could_not_be_written(fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        Recurrence(freq=Frequency.WEEKLY, **fields)


def test_the_order_of_weekdays_does_not_matter():
    weekdays = [OnWeekday(WED), OnWeekday(MON)]

    one = Recurrence(freq=Frequency.WEEKLY, weekdays=weekdays, count=3)
    turned = Recurrence(freq=Frequency.WEEKLY, weekdays=weekdays[::-1], count=3)

    assert one == turned
    assert hash(one) == hash(turned)


@pytest.mark.parametrize(
    ("text", "first", "expected"),
    [
        pytest.param(
            "FREQ=DAILY;INTERVAL=10;COUNT=5",
            "1997-09-02",
            "02 Sep, 12 Sep, 22 Sep, 02 Oct, 12 Oct",
            id="every 10 days, 5 occurrences",
        ),
        pytest.param(
            "FREQ=WEEKLY;UNTIL=19971224T000000Z",
            "1997-09-02",
            "02 Sep, 09 Sep, 16 Sep, 23 Sep, 30 Sep, 07 Oct, 14 Oct, 21 Oct, 28 Oct, "
            "04 Nov, 11 Nov, 18 Nov, 25 Nov, 02 Dec, 09 Dec, 16 Dec, 23 Dec",
            id="weekly until 24 December",
        ),
        pytest.param(
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=MO;BYDAY=MO,WE,FR",
            "1997-09-01",
            "01 Sep, 03 Sep, 05 Sep, 15 Sep, 17 Sep, 19 Sep, 29 Sep, 01 Oct, 03 Oct, "
            "13 Oct, 15 Oct, 17 Oct, 27 Oct, 29 Oct, 31 Oct, 10 Nov, 12 Nov, 14 Nov, "
            "24 Nov, 26 Nov, 28 Nov, 08 Dec, 10 Dec, 12 Dec, 22 Dec",
            id="every other week on Monday, Wednesday and Friday",
        ),
        pytest.param(
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;BYDAY=TU,TH",
            "1997-09-02",
            "02 Sep, 04 Sep, 16 Sep, 18 Sep, 30 Sep, 02 Oct, 14 Oct, 16 Oct",
            id="every other week on Tuesday and Thursday",
        ),
        pytest.param(
            "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
            "1997-09-05",
            "05 Sep, 03 Oct, 07 Nov, 05 Dec",
            id="on the first Friday",
        ),
        pytest.param(
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            "1997-09-07",
            "07 Sep, 28 Sep, 02 Nov, 30 Nov, 04 Jan, 25 Jan, 01 Mar, 29 Mar, 03 May, "
            "31 May",
            id="every other month on the first and last Sunday",
        ),
        pytest.param(
            "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
            "1997-09-22",
            "22 Sep, 20 Oct, 17 Nov, 22 Dec, 19 Jan, 16 Feb",
            id="on the second-to-last Monday",
        ),
        pytest.param(
            "FREQ=MONTHLY;INTERVAL=2;COUNT=9;BYDAY=TU",
            "1997-09-02",
            "02 Sep, 09 Sep, 16 Sep, 23 Sep, 30 Sep, 04 Nov, 11 Nov, 18 Nov, 25 Nov",
            id="every Tuesday, every other month",
        ),
        pytest.param(
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            "05 Aug, 10 Aug, 19 Aug, 24 Aug",
            id="weeks begin on Monday",
        ),
    ],
)
def test_the_examples_of_rfc_5545_hold(text, first, expected):
    assert shown(text, first) == expected


@pytest.mark.parametrize(
    ("text", "first", "expected"),
    [
        pytest.param(
            "FREQ=DAILY;COUNT=3", "2026-02-27", "27 Feb, 28 Feb, 01 Mar", id="daily"
        ),
        pytest.param(
            "FREQ=DAILY;BYDAY=MO,FR;COUNT=3",
            "2026-03-02",
            "02 Mar, 06 Mar, 09 Mar",
            id="daily, on some weekdays",
        ),
        pytest.param(
            "FREQ=WEEKLY;COUNT=2", "2026-03-04", "04 Mar, 11 Mar", id="the same weekday"
        ),
        pytest.param(
            "FREQ=WEEKLY;BYDAY=MO;COUNT=2",
            "2026-03-04",
            "09 Mar, 16 Mar",
            id="the first day is not counted if the rule does not fall on it",
        ),
        pytest.param(
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=2",
            "2026-03-04",
            "16 Mar, 30 Mar",
            id="but its week is",
        ),
        pytest.param(
            "FREQ=WEEKLY;BYDAY=WE,TH;COUNT=3",
            "2026-12-30",
            "30 Dec, 31 Dec, 06 Jan",
            id="over the new year",
        ),
        pytest.param(
            "FREQ=MONTHLY;COUNT=3", "2026-03-02", "02 Mar, 02 Apr, 02 May", id="monthly"
        ),
        pytest.param(
            "FREQ=MONTHLY;COUNT=4",
            "2026-01-31",
            "31 Jan, 31 Mar, 31 May, 31 Jul",
            id="months without the day are left out",
        ),
        pytest.param(
            "FREQ=MONTHLY;INTERVAL=12;COUNT=3",
            "2024-02-29",
            "29 Feb, 29 Feb, 29 Feb",
            id="so are years without a leap day",
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=5SU;COUNT=3",
            "2026-03-01",
            "29 Mar, 31 May, 30 Aug",
            id="and months without a fifth Sunday",
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=-5SU;COUNT=3",
            "2026-03-01",
            "01 Mar, 03 May, 02 Aug",
            id="counted from the end",
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=FR,1MO;COUNT=6",
            "2026-03-01",
            "02 Mar, 06 Mar, 13 Mar, 20 Mar, 27 Mar, 03 Apr",
            id="each Friday and the first Monday",
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=4SA,-1SA;COUNT=3",
            "2026-02-01",
            "28 Feb, 28 Mar, 25 Apr",
            id="the fourth Saturday is the last, and comes once",
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=1MO;COUNT=2",
            "2026-03-03",
            "06 Apr, 04 May",
            id="what lies before the first day is left out",
        ),
    ],
)
def test_a_recurrence_falls_on_the_days_of_its_rule(text, first, expected):
    assert shown(text, first) == expected


@pytest.mark.parametrize(
    ("until", "zone", "expected"),
    [
        pytest.param("20260303", "UTC", "02 Mar, 03 Mar", id="a whole day"),
        pytest.param("20260303T090000", "UTC", "02 Mar, 03 Mar", id="as it starts"),
        pytest.param("20260303T085959", "UTC", "02 Mar", id="a second before"),
        pytest.param(
            "20260303T090000", "Asia/Tokyo", "02 Mar, 03 Mar", id="by the clock there"
        ),
        pytest.param("20260303T090000Z", "UTC", "02 Mar, 03 Mar", id="at the instant"),
        pytest.param("20260303T085959Z", "UTC", "02 Mar", id="just before it"),
        pytest.param("20260303T000000Z", "Asia/Tokyo", "02 Mar, 03 Mar", id="Tokyo"),
        pytest.param("20260302T235959Z", "Asia/Tokyo", "02 Mar", id="before Tokyo"),
        pytest.param(
            "20260303T140000Z", "America/New_York", "02 Mar, 03 Mar", id="New York"
        ),
        pytest.param(
            "20260303T135959Z", "America/New_York", "02 Mar", id="before New York"
        ),
    ],
)
def test_the_end_belongs_to_a_recurrence(until, zone, expected):
    assert shown(f"FREQ=DAILY;UNTIL={until}", zone=zone) == expected


@pytest.mark.parametrize(
    ("until", "at", "expected"),
    [
        pytest.param("20260308T065959Z", "02:30", "07 Mar", id="before the gap"),
        pytest.param("20260308T070000Z", "02:30", "07 Mar, 08 Mar", id="in the gap"),
        pytest.param("20260308T125959Z", "09:00", "07 Mar", id="before 9:00 in summer"),
        pytest.param("20260308T130000Z", "09:00", "07 Mar, 08 Mar", id="9:00 then"),
    ],
)
def test_an_instant_ends_a_recurrence_over_a_clock_change(until, at, expected):
    found = shown(f"FREQ=DAILY;UNTIL={until}", "2026-03-07", at)

    assert found == expected


def test_a_repeated_hour_means_its_first_pass():
    rule = "FREQ=DAILY;UNTIL=20261101T053000Z"

    assert shown(rule, "2026-10-31", "01:30") == "31 Oct, 01 Nov"
    assert shown(rule, "2026-10-31", "01:31") == "31 Oct"


def test_a_day_that_the_clocks_skip_is_still_a_day_of_the_rule():
    found = shown("FREQ=DAILY;COUNT=3", "2011-12-29", zone="Pacific/Apia")

    assert found == "29 Dec, 30 Dec, 31 Dec"


@pytest.fixture
def weeks_from_sunday():
    calendar.setfirstweekday(calendar.SUNDAY)
    yield
    calendar.setfirstweekday(calendar.MONDAY)


def test_weeks_begin_on_monday_whatever_the_process_thinks(weeks_from_sunday):
    found = shown("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=3", "2026-03-03")

    assert found == "03 Mar, 08 Mar, 17 Mar"


MANY = r"^must have at most 366 occurrences$"
NONE = r"^has no occurrence$"
LATE = r"^must end within 10 years$"
YEARS = r"^must begin in the years 2 to 9988$"


@pytest.mark.parametrize(
    ("text", "first", "complaint"),
    [
        pytest.param("FREQ=DAILY;UNTIL=20270303", "2026-03-02", MANY, id="367 days"),
        pytest.param("FREQ=DAILY;UNTIL=99991231", "2026-03-02", MANY, id="for ever"),
        pytest.param(
            "FREQ=DAILY;UNTIL=99991231T235959Z", "2026-03-02", MANY, id="for ever, UTC"
        ),
        pytest.param(
            "FREQ=MONTHLY;UNTIL=99991231", "2026-03-02", LATE, id="monthly for ever"
        ),
        pytest.param(
            "FREQ=MONTHLY;COUNT=122", "2026-03-02", LATE, id="a month too long"
        ),
        pytest.param(
            "FREQ=MONTHLY;UNTIL=20360303", "2026-03-02", LATE, id="a day too long"
        ),
        pytest.param(
            "FREQ=MONTHLY;UNTIL=20360303T090000", "2026-03-02", LATE, id="to the second"
        ),
        pytest.param(
            "FREQ=MONTHLY;BYDAY=5MO;INTERVAL=12;COUNT=366",
            "2026-03-02",
            LATE,
            id="fifth Mondays in March",
        ),
        pytest.param(
            "FREQ=WEEKLY;INTERVAL=366;COUNT=3", "2026-03-02", LATE, id="a great step"
        ),
        pytest.param(
            "FREQ=DAILY;INTERVAL=126;COUNT=30",
            "2026-03-02",
            LATE,
            id="ten years and a day",
        ),
        pytest.param("FREQ=DAILY;UNTIL=20260301", "2026-03-02", NONE, id="over before"),
        pytest.param("FREQ=DAILY;UNTIL=00010101", "2026-03-02", NONE, id="long before"),
        pytest.param(
            "FREQ=DAILY;UNTIL=00010101T000000Z", "2026-03-02", NONE, id="in UTC too"
        ),
        pytest.param(
            "FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=1",
            "2026-03-02",
            NONE,
            id="every seventh day is a Monday",
        ),
        pytest.param(
            "FREQ=MONTHLY;INTERVAL=24;BYDAY=5MO;COUNT=1",
            "2027-02-01",
            NONE,
            id="no fifth Monday in the Februaries of odd years",
        ),
        pytest.param(
            "FREQ=MONTHLY;INTERVAL=366;BYDAY=5MO;UNTIL=99991231",
            "2026-02-01",
            NONE,
            id="nor in the one February that counts",
        ),
        pytest.param("FREQ=DAILY;COUNT=1", "9989-01-01", YEARS, id="too late"),
        pytest.param("FREQ=DAILY;COUNT=1", "9999-12-31", YEARS, id="the last day"),
        pytest.param("FREQ=DAILY;COUNT=1", "0001-12-31", YEARS, id="too early"),
    ],
)
def test_what_has_no_sensible_end_is_refused_at_once(text, first, complaint):
    with pytest.raises(ValueError, match=complaint):
        calls(lambda: days(text, date.fromisoformat(first)), most=50_000)


@pytest.mark.parametrize(
    ("text", "first", "last", "length"),
    [
        pytest.param("DAILY;COUNT=366", "2026-03-02", "2027-03-02", 366, id="most"),
        pytest.param("DAILY;UNTIL=20270302", "2026-03-02", "2027-03-02", 366, id="day"),
        pytest.param(
            "MONTHLY;COUNT=121", "2026-03-02", "2036-03-02", 121, id="longest"
        ),
        pytest.param(
            "MONTHLY;UNTIL=20360302", "2026-03-02", "2036-03-02", 121, id="to the day"
        ),
        pytest.param(
            "DAILY;INTERVAL=281;COUNT=14",
            "2026-03-02",
            "2036-03-02",
            14,
            id="ten years",
        ),
        pytest.param("WEEKLY;COUNT=366", "2199-12-31", "2206-12-30", 366, id="late"),
        pytest.param("MONTHLY;COUNT=13", "1900-01-01", "1901-01-01", 13, id="early"),
        pytest.param(
            "MONTHLY;COUNT=120;BYDAY=-1FR", "9988-12-31", "9998-12-25", 120, id="last"
        ),
        pytest.param("DAILY;COUNT=2", "0002-01-01", "0002-01-02", 2, id="first"),
        pytest.param(
            "MONTHLY;INTERVAL=366;COUNT=1", "9988-12-31", "9988-12-31", 1, id="one"
        ),
    ],
)
def test_the_bounds_can_be_reached(text, first, last, length):
    found = days(f"FREQ={text}", date.fromisoformat(first), zone=zone_of("Asia/Tokyo"))

    assert found[-1] == date.fromisoformat(last)
    assert len(found) == length


@given(recurrences(), FIRSTS, st.times(), ZONES)
def test_a_recurrence_has_the_days_that_are_counted_one_by_one(rule, first, at, zone):
    expected = expected_days(rule, first, at, zone_of(zone))

    answer = answer_of(days_of, rule, first, at, zone_of(zone))

    assert (None if isinstance(answer, str) else answer) == expected


@given(recurrences(), st.dates(), st.times(), ZONES)
def test_days_are_few_and_come_in_order_from_the_first(rule, first, at, zone):
    answer = answer_of(days_of, rule, first, at, zone_of(zone))

    if isinstance(answer, str):
        assert answer.startswith(("must ", "has no "))
    else:
        assert 1 <= len(answer) <= MOST_OCCURRENCES
        assert answer[0] >= first
        assert all(day < after for day, after in pairwise(answer))


@given(
    st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    st.integers(1, 4),
    st.integers(1, 50),
    FIRSTS,
)
def test_a_weekly_recurrence_falls_on_its_weekdays_only(weekdays, step, count, first):
    rule = Recurrence(
        freq=Frequency.WEEKLY,
        interval=step,
        weekdays=map(OnWeekday, weekdays),
        count=count,
    )

    found = days_of(rule, first, NINE, ZONE)

    assert len(found) == count
    assert {WEEKDAYS[day.weekday()] for day in found} <= weekdays
