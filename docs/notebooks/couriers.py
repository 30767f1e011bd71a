# %% [markdown]
# # Couriers
# How long they take, how much comes back, and whose cash is still out.

# %%
from runtime import history

# %%
history.show("""
SELECT courier, count(*) AS parcels, count(*) FILTER (status = 'delivered') AS delivered,
       count(*) FILTER (status = 'returned') AS returned,
       round(median(hours), 1) AS median_hours, round(quantile_cont(hours, 0.9), 1) AS p90_hours
FROM shipments GROUP BY courier ORDER BY parcels DESC
""")

# %% [markdown]
# By city.

# %%
history.show("""
SELECT courier, coalesce(city, '?') AS city, count(*) AS delivered,
       round(median(hours), 1) AS median_hours
FROM shipments LEFT JOIN orders USING (order_id)
WHERE delivered_at IS NOT NULL GROUP BY ALL ORDER BY courier, median_hours DESC
""")

# %% [markdown]
# Cash on delivery that was handed over at the door.

# %%
history.show("""
SELECT courier, currency, count(*) AS parcels, sum(cod_amount) AS cash
FROM shipments WHERE status = 'delivered' AND cod_amount > 0 GROUP BY ALL ORDER BY cash DESC
""")
