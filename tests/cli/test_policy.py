from __future__ import annotations

from typing import Any

import pytest

from clinicflow_core.desk import policies
from tests.cli.conftest import Shell


def test_the_policy_is_shown(clinic: Shell):
    assert clinic.says("policy").splitlines() == [
        "Starts, minutes apart:  15",
        "Minutes free before:    0",
        "Minutes free after:     0",
        "Notice, minutes:        0",
        "Horizon, days:          any",
        "Visits a day:           any",
        "Minutes of a visit:     else 30",
        "Closed:                 no day",
        "Holidays of:            none",
        "Cut-off, minutes:       0",
        "Offers held, minutes:   120",
    ]


def test_all_of_it_is_set_and_the_rest_stays(clinic: Shell):
    clinic.says(
        *("policy", "--slot-step", "20", "--buffer-before", "5"),
        *("--buffer-after", "10", "--min-notice", "60", "--horizon-days", "90"),
        *("--daily-limit", "12", "--default-duration", "new-patient=45"),
        *("--default-duration", "follow-up=20", "--close", "2026-12-24"),
        *("--close", "2026-05-01", "--holidays", "US-NY"),
        *("--cancellation-cutoff", "1440", "--offer-minutes", "30"),
    )

    told = clinic.says("policy", "--default-duration", "new-patient=60")
    kept = clinic.answers("policy")

    assert "Minutes of a visit:     follow-up 20, new-patient 60, else 30\n" in told
    assert "Closed:                 2026-05-01, 2026-12-24\n" in told
    assert "Holidays of:            US-NY\n" in told
    assert kept == {
        "policy": {
            "slot_step": 20,
            "buffer_before": 5,
            "buffer_after": 10,
            "min_notice": 60,
            "max_horizon_days": 90,
            "daily_limit": 12,
            "default_durations": {"new-patient": 60, "follow-up": 20},
            "closed_days": ["2026-05-01", "2026-12-24"],
            "public_holidays": {"country": "US", "region": "NY"},
            "cancellation_cutoff": 1440,
            "offer_minutes": 30,
        },
        "version": 3,
    }


def test_what_was_asked_for_is_taken_back(clinic: Shell):
    clinic.says(
        "policy", "--horizon-days", "90", "--daily-limit", "9", "--close", "2026-05-01"
    )
    clinic.says("policy", "--holidays", "DE", "--close", "2026-05-02")

    kept: Any = clinic.answers(
        *("policy", "--no-horizon", "--no-daily-limit", "--no-holidays"),
        *("--open", "2026-05-01", "--open", "2026-06-01"),
    )["policy"]

    assert kept["max_horizon_days"] is None
    assert kept["daily_limit"] is None
    assert kept["public_holidays"] is None
    assert kept["closed_days"] == ["2026-05-02"]


def test_showing_changes_nothing(clinic: Shell):
    assert clinic.answers("policy")["version"] == 1
    assert clinic.answers("policy", "--doctor", "chen") == clinic.answers(
        "policy", "--doctor", "chen"
    )


def test_a_doctor_asks_for_something_else(clinic: Shell):
    clinic.says("policy", "--slot-step", "20", "--default-duration", "new-patient=45")

    told = clinic.says("policy", "--doctor", "chen", "--daily-limit", "5")
    more = clinic.says(
        *("policy", "--doctor", "chen", "--slot-step", "30"),
        *("--default-duration", "follow-up=10"),
    )
    anew = clinic.answers(
        "policy", "--doctor", "chen", "--as-clinic", "--min-notice", "5"
    )
    none = clinic.says("policy", "--doctor", "chen", "--as-clinic")

    assert told == "Dr. Sarah Chen\n  Visits a day:           5\n"
    assert more.splitlines() == [
        "Dr. Sarah Chen",
        "  Starts, minutes apart:  30",
        "  Visits a day:           5",
        "  Minutes of a visit:     follow-up 10",
    ]
    assert anew["policy"]["min_notice"] == 5
    assert anew["policy"]["slot_step"] is None
    assert none == "Dr. Sarah Chen\n  as the clinic\n"
    assert clinic.answers("policy")["policy"]["slot_step"] == 20


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(("--slot-step", "7"), "--slot-step: must divide a day", id="7"),
        pytest.param(("--slot-step", "0"), "--slot-step: must be between", id="zero"),
        pytest.param(
            ("--buffer-after", "-5"), "--buffer-after: must be between", id="minus"
        ),
        pytest.param(
            ("--buffer-before", "241"), "--buffer-before: must be between", id="long"
        ),
        pytest.param(
            ("--daily-limit", "0"), "--daily-limit: must be between", id="no visit"
        ),
        pytest.param(
            ("--horizon-days", "-1"), "--horizon-days: must be between", id="yesterday"
        ),
        pytest.param(
            ("--min-notice", "-1"), "--min-notice: must be between", id="no notice"
        ),
        pytest.param(
            ("--cancellation-cutoff", "-1"), "--cancellation-cutoff: must", id="cutoff"
        ),
        pytest.param(
            ("--offer-minutes", "0"), "--offer-minutes: must be between", id="offer"
        ),
        pytest.param(
            ("--default-duration", "new-patient=0"),
            "--default-duration: must be between",
            id="no time",
        ),
        pytest.param(
            ("--default-duration", "surgery=45"),
            "--default-duration: must be by visit category: new-patient, follow-up",
            id="no category",
        ),
        pytest.param(
            ("--default-duration", "45"), "must be as new-patient=45", id="no name"
        ),
        pytest.param(("--close", "xmas"), "'--close': must be a date", id="no date"),
        pytest.param(
            ("--horizon-days", "9", "--no-horizon"),
            "--no-horizon goes with no other value",
            id="both",
        ),
        pytest.param(("--as-clinic",), "--as-clinic needs the doctor", id="nobody"),
        pytest.param(
            ("--doctor", "chen", "--close", "2026-05-01", "--offer-minutes", "5"),
            "--close, --offer-minutes: for the clinic, not a doctor",
            id="not a doctor's",
        ),
        pytest.param(
            ("--doctor", "chen", "--slot-step", "7"),
            "--slot-step: must divide a day",
            id="a doctor's 7",
        ),
    ],
)
def test_a_policy_that_cannot_be_is_wrong_usage_and_changes_nothing(
    clinic: Shell, options: tuple[str, ...], complaint: str
):
    before = clinic.answers("policy")

    assert complaint in clinic.misunderstands("policy", *options)

    assert clinic.answers("policy") == before


@pytest.mark.parametrize("region", ["ZZ", "US-ZZ"])
def test_holidays_that_nobody_knows_are_refused(clinic: Shell, region: str):
    told = clinic.refuses("policy", "--holidays", region)

    assert told.startswith("Error: --holidays: is no country or region")


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    clinic: Shell, monkeypatch: pytest.MonkeyPatch
):
    set_policy = policies.set_policy

    def change_first(request: Any, uow: Any, version: int | None = None) -> Any:
        set_policy(policies.SchedulingPolicy(slot_step=5), uow)
        return set_policy(request, uow, version)

    monkeypatch.setattr(policies, "set_policy", change_first)

    told = clinic.refuses("policy", "--buffer-after", "5")

    assert "was changed by somebody else" in told
    kept = clinic.answers("policy")["policy"]
    assert (kept["slot_step"], kept["buffer_after"]) == (5, 0)
