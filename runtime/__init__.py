"""Processes: the only package that starts things. CLI, local servers, supervisor, watchdog."""
