"""Couriers: where parcels are, and new ones made."""
