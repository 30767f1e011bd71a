"""The control API: make shops and numbers, act as people, ask for faults, read everything."""
