"""Clinics that tests arrange, and the people who sign in to them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from attrs import frozen
from playwright.sync_api import Page

from clinicflow_core.clock import SystemClock
from clinicflow_core.entities.doctor import WEEKDAYS
from tests.browser.sites import Site
from tests.builders import PASSWORD

RECEPTION = "rita@harbour.example"
DOCTOR = "sarah@harbour.example"


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

    def book(self, at: str = "09:00", **details: object) -> Any:
        """Book Ann with Dr. Chen, or as *details* say; return the visit."""
        wanted = {"doctor_id": self.chen, "patient_id": self.ann, **details}
        wish = {"date": str(self.day), "start_time": at, "duration": 30, **wanted}
        return self.site.call("POST", "/api/appointments", wish)


def arranged(site: Site) -> Arranged:
    """Arrange the clinic of *site*, with a receptionist and a doctor who sign in."""
    hours = [{"weekday": d.value, "start": "09:00", "end": "17:00"} for d in WEEKDAYS]
    doctors = []
    for name in ("Dr. Sarah Chen", "Dr. Adaeze Okafor"):
        doctor = site.call("POST", "/api/doctors", {"name": name})
        site.call("PUT", f"/api/doctors/{doctor['id']}/hours", hours)
        doctors.append(doctor["id"])
    patients = [
        site.call("POST", "/api/patients", {**who, "date_of_birth": "1980-12-31"})["id"]
        for who in (
            {"first_name": "Ann", "last_name": "Lee"},
            {"first_name": "Ben", "last_name": "Okri"},
        )
    ]
    for account in (
        {"name": "Rita Reception", "email": RECEPTION, "role": "admin"},
        {
            "name": "Sarah Chen",
            "email": DOCTOR,
            "role": "doctor",
            "doctor_id": doctors[0],
        },
    ):
        site.call("POST", "/api/users", {**account, "password": PASSWORD})
    day = SystemClock().now().date() + timedelta(days=7)
    return Arranged(site, *doctors, *patients, day=day)


def sign_in(page: Page, site: Site, email: str = RECEPTION) -> None:
    """Sign somebody in who begins at the front door."""
    page.goto(f"{site.url}/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(
        PASSWORD if email != site.email else site.password
    )
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/day")
