# %% [markdown]
# # Stock-outs and sales lost
# How long items stood at zero, and what they would have sold in that time.

# %%
from runtime import history

# %% [markdown]
# Times without stock. A lost sale is a guess: units sold in an hour in stock, times the
# hours without.

# %%
history.show("""
WITH spans AS (
    SELECT product_id, label, quantity, happened_at,
           epoch(coalesce(until, now()) - happened_at) / 3600 AS hours
    FROM stock_levels
), sold AS (
    SELECT product_id, -sum(change) FILTER (change < 0) AS units FROM stock_levels
    GROUP BY product_id
)
SELECT any_value(label) AS item, count(*) FILTER (quantity <= 0) AS stock_outs,
       round(sum(hours) FILTER (quantity <= 0), 1) AS hours_without,
       any_value(units) AS units_sold,
       round(any_value(units) / nullif(sum(hours) FILTER (quantity > 0), 0)
             * sum(hours) FILTER (quantity <= 0), 1) AS units_lost
FROM spans JOIN sold USING (product_id)
GROUP BY product_id HAVING stock_outs > 0 ORDER BY units_lost DESC NULLS LAST
""")

# %% [markdown]
# Items at zero now.

# %%
history.show("""
SELECT label AS item, quantity, happened_at AS since FROM stock_levels
WHERE until IS NULL AND quantity <= 0 ORDER BY since
""")
