"""One module per command; each offers `register(app)` and is named once in `runtime/cli.py`."""
