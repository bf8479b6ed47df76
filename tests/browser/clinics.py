"""Clinics that tests arrange, and the people who sign in to them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from attrs import evolve, frozen
from playwright.sync_api import Page

from clinicflow_core.clock import SystemClock
from clinicflow_core.entities.doctor import WEEKDAYS
from tests.browser.sites import Site, serving
from tests.builders import PASSWORD

OWNER = "ines"
RECEPTION = "rita"
DOCTOR = "sarah"
"""Who has an account, by what stands before the @ of the clinic's addresses."""

BORN = "1980-12-31"
"""The birth date of every patient."""

_numbers = count(1)
ZONES = (
    *("Pacific/Auckland", "Asia/Tokyo", "Asia/Dhaka", "Asia/Dubai", "Europe/Athens"),
    *("Europe/Lisbon", "America/Sao_Paulo", "America/New_York", "America/Denver"),
    *("America/Los_Angeles", "Pacific/Honolulu", "Pacific/Pago_Pago"),
)


@frozen
class Arranged:
    """
    A clinic with two doctors who work every day from 9 to 17, and two patients.

    Attributes:
        day: Some day next week, so that the clock of the machine does not matter.
    """

    site: Site
    chen: str
    okafor: str
    ann: str
    ben: str
    day: date

    def address_of(self, person: str) -> str:
        return address_at(self.site, person)

    def book(self, at: str = "09:00", **details: object) -> Any:
        """Book Ann with Dr. Chen, or as *details* say; return the visit."""
        wanted = {"doctor_id": self.chen, "patient_id": self.ann, **details}
        wish = {"date": str(self.day), "start_time": at, "duration": 30, **wanted}
        return self.site.call("POST", "/api/appointments", wish)

    def send_form(self, visit: Any) -> Any:
        """Send the standard form for *visit*; return it with the token of its link."""
        asked = self.site.call("GET", "/api/intake/questionnaires")["items"]
        wish = {
            "patient_id": visit["patient_id"],
            "appointment_id": visit["id"],
            "questionnaire_id": asked[0]["id"],
        }
        return self.site.call("POST", "/api/intake/forms", wish)

    def answer(self, form: Any, answers: Any) -> None:
        """Let the patient hand in *answers*."""
        path = f"/api/intake/public/{form['token']}"
        self.site.call("POST", path, {"answers": answers})


@contextmanager
def serving_nobody(migrated: Path, folder: Path) -> Iterator[str]:
    """Serve a copy of an empty database, and give the URL; see `founded`."""
    database = shutil.copy(migrated, folder / "served.db")
    with serving(f"sqlite:///{database}", folder) as url:
        yield url


def founded(url: str) -> Site:
    """Found another clinic where one is served already: quicker than a server more."""
    site = Site(url, f"{OWNER}@harbour-{next(_numbers)}.example", PASSWORD)
    site.sign_up("Harbour Clinic", "Ines Sol")
    return site


def address_at(site: Site, person: str) -> str:
    """Return the e-mail of *person* in the clinic of *site*."""
    return f"{person}@{site.email.partition('@')[2]}"


def arranged(site: Site) -> Arranged:
    """Arrange the clinic of *site*, with a receptionist and a doctor who sign in."""
    hours = [{"weekday": d.value, "start": "09:00", "end": "17:00"} for d in WEEKDAYS]
    doctors = []
    for name in ("Dr. Sarah Chen", "Dr. Adaeze Okafor"):
        doctor = site.call("POST", "/api/doctors", {"name": name})
        site.call("PUT", f"/api/doctors/{doctor['id']}/hours", hours)
        doctors.append(doctor["id"])
    patients = [
        site.call("POST", "/api/patients", {**who, "date_of_birth": BORN})["id"]
        for who in (
            {"first_name": "Ann", "last_name": "Lee"},
            {"first_name": "Ben", "last_name": "Okri"},
        )
    ]
    for account in (
        {
            "name": "Rita Reception",
            "email": address_at(site, RECEPTION),
            "role": "admin",
        },
        {
            "name": "Sarah Chen",
            "email": address_at(site, DOCTOR),
            "role": "doctor",
            "doctor_id": doctors[0],
        },
    ):
        site.call("POST", "/api/users", {**account, "password": PASSWORD})
    day = SystemClock().now().date() + timedelta(days=7)
    return Arranged(site, *doctors, *patients, day=day)


def sign_in(page: Page, site: Site, person: str = RECEPTION) -> None:
    """Sign somebody in who begins at the front door."""
    page.goto(f"{site.url}/")
    page.get_by_label("E-mail").fill(address_at(site, person))
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/day")


def where_it_is_morning(now: datetime) -> str:
    """Return a time zone in which the demo's day is well under way at *now*."""

    def minutes_off(zone: str) -> int:
        local = now.astimezone(ZoneInfo(zone))
        return abs(local.hour * 60 + local.minute - 10 * 60 - 40)

    return min(ZONES, key=minutes_off)


def in_the_morning(clinic: Arranged) -> Arranged:
    """Move a clinic to where it is morning now, and its day to today."""
    zone = where_it_is_morning(SystemClock().now())
    moved = {"timezone": zone, "clinic_metadata": {"locale": "en_US"}}
    clinic.site.call("PATCH", "/api/clinic", moved)
    today = SystemClock().now().astimezone(ZoneInfo(zone)).date()
    return evolve(clinic, day=today)
