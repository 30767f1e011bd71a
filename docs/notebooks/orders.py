# %% [markdown]
# # The way of an order
# How many get how far, how long each step takes, and what is lost on the way.

# %%
from runtime import history

# %% [markdown]
# The furthest each order came.

# %%
history.show("""
WITH reached AS (
    SELECT entity_id, json_extract_string(fields, '$.status') AS status, min(happened_at) AS at_time
    FROM decisions WHERE type = 'order' AND kind = 'changed' AND json_exists(fields, '$.status')
    GROUP BY ALL
)
SELECT status, count(*) AS orders,
       round(100.0 * count(*) / (SELECT count(DISTINCT entity_id) FROM reached), 1) AS percent
FROM reached GROUP BY status ORDER BY orders DESC
""")

# %% [markdown]
# From one step to the next: half take less.

# %%
history.show("""
WITH steps AS (
    SELECT entity_id, json_extract_string(fields, '$.status') AS status, happened_at,
           lag(json_extract_string(fields, '$.status')) OVER way AS earlier,
           lag(happened_at) OVER way AS before
    FROM decisions WHERE type = 'order' AND kind = 'changed' AND json_exists(fields, '$.status')
    WINDOW way AS (PARTITION BY entity_id ORDER BY happened_at, version)
)
SELECT earlier AS from_status, status AS to_status, count(*) AS orders,
       round(median(epoch(happened_at - before)) / 3600, 1) AS median_hours
FROM steps WHERE earlier IS NOT NULL GROUP BY ALL ORDER BY orders DESC
""")

# %% [markdown]
# What was sold, by week.

# %%
history.show("""
SELECT CAST(date_trunc('week', placed_at) AS DATE) AS week, currency, count(*) AS orders,
       sum(total - refunded) FILTER (status NOT IN ('cancelled', 'failed', 'refunded', 'returned'))
           AS revenue
FROM orders GROUP BY ALL ORDER BY week DESC, currency
""")
