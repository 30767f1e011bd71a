"""The sync engine: one record an entity, one pure function that decides."""
