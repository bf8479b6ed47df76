"""Scheduling policies as JSON in the row of whoever asks for them."""

from __future__ import annotations

from typing import TypeVar

from clinicflow_core.wire import dump, structure

P = TypeVar("P")


def policy_of(kept: object, kind: type[P], default: P) -> P:
    return structure(kept, kind) if kept else default


def row_of_policy(policy: P, default: P) -> object:
    return {} if policy == default else dump(policy)
