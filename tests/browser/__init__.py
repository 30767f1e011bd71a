"""Whole jobs of people, in a real browser on the real stack."""
