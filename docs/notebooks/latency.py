# %% [markdown]
# # How fast changes arrive
# From the moment a change reached us until a platform holds it.

# %%
from runtime import history

# %% [markdown]
# By platform: half, 95 of 100 and 99 of 100 changes arrive within so many milliseconds.

# %%
history.show("""
SELECT replica, count(*) AS arrived, quantile_disc(latency_ms, 0.5) AS p50_ms,
       quantile_disc(latency_ms, 0.95) AS p95_ms, quantile_disc(latency_ms, 0.99) AS p99_ms
FROM latency GROUP BY replica ORDER BY replica
""")

# %% [markdown]
# By hour of the day, slowest first: is it the shop's busy hours?

# %%
history.show("""
SELECT hour(happened_at) AS hour, count(*) AS arrived,
       quantile_disc(latency_ms, 0.95) AS p95_ms
FROM latency GROUP BY hour ORDER BY p95_ms DESC LIMIT 10
""")

# %% [markdown]
# The slowest ten, to be looked into with `smartstore why`.

# %%
history.show("""
SELECT happened_at, replica, type, entity_id, latency_ms
FROM latency ORDER BY latency_ms DESC LIMIT 10
""")
