"""What people do about conflicts, outside the engine: found in the view, decided one or many at a
time on topic `resolutions`, and told once the engine has taken it."""
