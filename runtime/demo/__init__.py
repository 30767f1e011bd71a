"""The demo: a small shop on stand-ins of the platforms, with people who change things."""
