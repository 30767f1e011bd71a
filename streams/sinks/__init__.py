"""Commands to platforms and their answers back: one agent a platform, no state of its own."""
