"""Stand-ins of couriers: four carriers and the local ones whose interfaces are known."""
