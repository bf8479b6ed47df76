"""ClinicFlow's tests; their folders mirror the packages."""
