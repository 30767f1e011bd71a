"""All history on Parquet: landed by `archiver.py`, read by `reading.py`, joined with what Kafka
still holds by `joined.py`."""
