from __future__ import annotations

import pytest

from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import schedule
from clinicflow_core.memory import MemoryStore
from clinicflow_core.sql.engine import make_engine
from tests.builders import DAY, NOW, open_clinic


@pytest.mark.parametrize(
    "url", ["postgresql://admin:hunter2", "postgresql://u:p@host:hunter2/x"]
)
def test_a_password_in_the_wrong_place_of_a_url_is_not_told(url):
    with pytest.raises(ValueError, match=r"\Ais no database URL\Z"):
        make_engine(url)


def test_a_day_in_a_traceback_names_no_patient():
    opened = open_clinic(MemoryStore(FixedClock(NOW)))
    opened.store_visit()

    day = schedule.day(DAY, [], opened.uow)

    assert opened.patient.last_name not in repr(day)
