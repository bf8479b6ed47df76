"""The questionnaire that comes with ClinicFlow."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from clinicflow_core.entities.questionnaire import Definition
from clinicflow_core.wire import structure


@cache
def standard_definition() -> Definition:
    """Return what a new clinic asks its patients: what `standard.json` says."""
    text = files("clinicflow_core.intake").joinpath("standard.json").read_text("utf-8")
    return structure(json.loads(text), Definition)
