"""ClinicFlow's core: a clinic's front desk as a library, free of any framework."""
