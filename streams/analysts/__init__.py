"""History as tables: DuckDB over the archive's files, with views whose columns are documented."""
