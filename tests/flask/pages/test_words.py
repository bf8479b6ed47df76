from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.checks import zone
from clinicflow_core.desk.activity import OF_ACCOUNTS, OF_THE_DESK
from clinicflow_core.entities.appointment import Status
from clinicflow_core.errors import (
    KeyReusedError,
    LastOwnerError,
    PatientNotFoundError,
    StaleVersionError,
)
from clinicflow_flask.pages import words
from tests.builders import clinic
from tests.core.desk.test_activity import LEFT_TO_THE_TRAIL

US, GB = Locale.parse("en_US"), Locale.parse("en_GB")
NARROW = "\u202f"


@pytest.mark.parametrize(
    ("timezone", "locale"),
    [
        ("America/New_York", "en_US"),
        ("US/Eastern", "en_US"),
        ("America/Toronto", "en_CA"),
        ("Europe/London", "en_GB"),
        ("Europe/Vienna", "en_AT"),
        ("Asia/Kolkata", "en_IN"),
        ("Asia/Calcutta", "en_IN"),
        ("Australia/Sydney", "en_AU"),
        pytest.param("Europe/Kyiv", "en_150", id="a country without a way of its own"),
        pytest.param("Asia/Tokyo", "en_150", id="one that counts 24 hours"),
        pytest.param("Asia/Seoul", "en_001", id="one that counts 12"),
        pytest.param("America/Mexico_City", "en_001", id="another one"),
        pytest.param("Indian/Kerguelen", "en_150", id="a country of penguins"),
        pytest.param("UTC", "en_001", id="no country"),
    ],
)
def test_a_clinic_writes_as_the_country_of_its_zone_does(timezone, locale):
    assert str(words.locale_of(clinic(timezone=timezone))) == locale


@pytest.mark.parametrize(
    ("chosen", "locale"),
    [
        ("en_GB", "en_GB"),
        pytest.param("de_DE", "en_US", id="another language"),
        pytest.param("../en_GB", "en_US", id="a path"),
        pytest.param(7, "en_US", id="a number"),
        pytest.param(None, "en_US", id="nothing"),
        pytest.param(["en_GB"], "en_US", id="a list"),
    ],
)
def test_what_a_clinic_chose_goes_first_if_it_is_known(chosen, locale):
    chosen_by = clinic(clinic_metadata={words.LOCALE: chosen})

    assert str(words.locale_of(chosen_by)) == locale


def test_every_zone_that_a_clinic_can_be_in_has_a_way_of_writing():
    named = zoneinfo.available_timezones() - {"Factory", "localtime"}

    for timezone in named:
        locale = words.locale_of(clinic(timezone=timezone))
        assert words.long_day(date(2026, 3, 2), locale)


def test_the_zones_that_are_suggested_are_zones_each_of_them_once():
    offered = words.zones()

    assert {"America/New_York", "Europe/Vienna", "Asia/Kolkata"} <= set(offered)
    assert not {"Asia/Calcutta", "US/Eastern", "Etc/GMT+1", "UTC"} & set(offered)
    assert list(offered) == sorted(set(offered))
    assert [n for n in offered if zone().complaint(n)] == []


def test_the_ways_of_writing_are_by_what_they_are_of():
    shown = list(words.locales().values())

    assert shown == sorted(shown)
    assert words.locales()["en_GB"] == "United Kingdom"
    assert not {"en", "en_001", "en_150"} & words.locales().keys()


@pytest.mark.parametrize(
    ("languages", "locale"),
    [
        (["en-GB", "en"], "en_GB"),
        (["de-AT", "de"], "en_AT"),
        (["en_US"], "en_US"),
        pytest.param(["en", "fr-CA"], "en_CA", id="the second says where"),
        pytest.param(["tlh"], "en_001", id="nowhere"),
        pytest.param([], "en_001", id="no language"),
        pytest.param(["en-150", "*", "-", "en-../.."], "en_001", id="nonsense"),
    ],
)
def test_a_patient_is_written_to_as_their_browser_says(languages, locale):
    assert str(words.locale_for(languages)) == locale


@given(st.lists(st.text(max_size=20), max_size=3))
def test_whatever_a_browser_says_there_is_a_way_of_writing(languages):
    assert words.locale_for(languages)


@pytest.mark.parametrize(
    ("write", "value", "american", "british"),
    [
        (words.clock, time(9, 5), f"9:05{NARROW}AM", "09:05"),
        (words.clock, time(0, 0), f"12:00{NARROW}AM", "00:00"),
        (words.clock, time(23, 59, 59), f"11:59{NARROW}PM", "23:59"),
        (words.day, date(2026, 3, 2), "Mon, Mar 2", "Mon 2 Mar"),
        (words.short_date, date(2026, 3, 2), "Mar 2, 2026", "2 Mar 2026"),
    ],
)
def test_a_day_and_a_time_are_written_as_people_there_do(
    write, value, american, british
):
    assert write(value, US) == american
    assert write(value, GB) == british


def test_a_day_in_full_names_the_weekday():
    assert words.long_day(date(2026, 3, 2), US) == "Monday, March 2, 2026"


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        pytest.param("2026-03-02T14:05", f"Mar 2, 2026, 9:05{NARROW}AM", id="winter"),
        pytest.param("2026-07-02T13:05", f"Jul 2, 2026, 9:05{NARROW}AM", id="summer"),
        pytest.param(
            "2026-03-02T04:30", f"Mar 1, 2026, 11:30{NARROW}PM", id="the day before"
        ),
    ],
)
def test_an_instant_is_told_by_the_clinics_wall_clock(at, shown):
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)

    assert words.instant(instant, ZoneInfo("America/New_York"), US) == shown


def test_a_sentence_of_the_core_is_told_with_the_days_and_times_of_here():
    said = (
        "The doctor is off from 2026-03-03 00:00 to 2026-03-04 09:05, not 2026-02-30."
    )

    assert words.told(said, GB) == (
        "The doctor is off from 3 Mar 2026 00:00 to 4 Mar 2026 09:05, not 2026-02-30."
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("follow-up", "Follow up"),
        ("first_name", "First name"),
        ("10plus", "10plus"),
        ("", ""),
    ],
)
def test_a_name_of_the_record_is_told_in_words(name, shown):
    assert words.plain(name) == shown


def test_a_refusal_names_no_id_to_people():
    told = words.told(
        "Cannot arrive: appointment 043afc8b-1111-4222-8333-444455556666 is cancelled.",
        Locale.parse("en_US"),
    )

    assert told == "Cannot arrive: appointment is cancelled."


def test_a_size_is_no_word_to_be_parted():
    assert words.plain("2-5") == "2-5"


def test_what_is_wrong_is_a_sentence_that_keeps_its_hyphens():
    assert words.sentence("is not an e-mail address") == "Is not an e-mail address"
    assert words.sentence("") == ""


def test_each_status_of_a_visit_has_one_name():
    assert set(words.STATUSES) == {status.value for status in Status}
    assert words.status("no-show") == "No-show"
    assert words.status("not_said") == "Not said"


def test_all_that_can_happen_has_words():
    assert set(words.HAPPENED) == OF_THE_DESK | OF_ACCOUNTS | LEFT_TO_THE_TRAIL


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 visits"), (1, "1 visit"), (2, "2 visits"), (1200, "1,200 visits")],
)
def test_what_is_counted_stands_in_its_number(count, said):
    assert words.counted(count, "visit", US) == said


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        pytest.param(
            StaleVersionError(UUID(int=7)),
            "Somebody else changed this meanwhile",
            id="somebody was faster",
        ),
        pytest.param(
            KeyReusedError(), "This form was sent before", id="once, and otherwise"
        ),
        pytest.param(
            LastOwnerError(UUID(int=7)),
            "This is the last active owner",
            id="nobody left",
        ),
        pytest.param(
            PatientNotFoundError(UUID(int=7)), "There is no patient.", id="by the core"
        ),
    ],
)
def test_why_something_was_not_done_is_told_for_people(refusal, said):
    told = words.why(refusal, US)

    assert told.startswith(said)
    assert "0000" not in told
