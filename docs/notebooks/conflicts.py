# %% [markdown]
# # Why people were asked
# Fields that two sides changed at once, and what a rule would have saved.

# %%
from runtime import history

# %% [markdown]
# Which fields, how often, and how long the question stood.

# %%
history.show("""
SELECT type, field, count(*) AS conflicts, count(*) FILTER (automatic) AS by_rule,
       count(*) FILTER (status = 'open') AS still_open,
       round(median(epoch(closed_at - opened_at)) FILTER (NOT automatic) / 60, 1) AS minutes_waited
FROM conflicts GROUP BY type, field ORDER BY conflicts DESC
""")

# %% [markdown]
# What people decided. One answer for almost all of a field is a rule:
# try it with `smartstore whatif`.

# %%
history.show("""
SELECT type, field, resolution, challenger, count(*) AS times
FROM conflicts WHERE status = 'resolved' AND NOT automatic
GROUP BY ALL ORDER BY times DESC
""")
