"""The REST face of ClinicFlow."""

from clinicflow_flask.app import create_app

__all__ = ["create_app"]
