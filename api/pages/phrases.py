"""Texts that the layers below tell in English and pages translate when they show them: here for the
catalogues to know. A text that is missing here is shown in English."""

from __future__ import annotations

from api.pages.i18n import N_

PROBES = (
    N_("The shop answers"),
    N_("Products can be read"),
    N_("Orders can be read"),
    N_("The key may write"),
    N_("The clocks agree"),
    N_("SmartStore plugin"),
    N_("The platform answers"),
    N_("The courier answers"),
    N_("Webhooks"),
    N_("Check the shop's address and that it is online."),
    N_("Activate WooCommerce (version 3.5 or newer) in the shop."),
    N_("Check the connection's address and keys."),
    N_("Try again later."),
    N_("Complete the connection's settings."),
)
"""What a connection is tested for, and what helps (connectors/woocommerce/examining.py)."""
CHANNELS = (N_("Live"), N_("Plugin"), N_("Setting up"), N_("Polling"))
"""How a platform tells of changes (api/channels.py)."""
PARCELS = (
    N_("Created"),
    N_("Picked Up"),
    N_("In Transit"),
    N_("Out for Delivery"),
    N_("Delivered"),
    N_("Exception"),
    N_("Returned"),
    N_("Cancelled"),
)
"""Where a parcel is (connectors/couriers/status.py)."""
STANDINGS = (
    N_("owed"),
    N_("in flight"),
    N_("contested"),
    N_("rejected"),
    N_("paused"),
    N_("a person is asked"),
    N_("write sent"),
    N_("create sent"),
    N_("delete sent"),
    N_("it holds another value"),
    N_("it will not take this value"),
    N_("it would not take the item"),
    N_("the item is not there yet"),
)
"""Why a write is not there yet (api/standing.py)."""
PROBLEMS = (
    N_("Not found"),
    N_("Not signed in"),
    N_("Not from there"),
    N_("Changed meanwhile"),
    N_("Not as expected"),
    N_("Not available now"),
    N_("Unexpected error"),
    N_("Invalid"),
)
"""Titles of problem documents (api/errors.py)."""
