"""Couriers of the default organisation, from environment variables. Pure.

`ARAMEX_API_KEY` alone holds what one key can hold, or all of it as `name=value;name=value`. Every
field of a courier may also have a variable of its own: `ARAMEX_ACCOUNT_NUMBER`, `UPS_CLIENT_ID`.
"""

from __future__ import annotations

from collections.abc import Mapping

CODES = ("aramex", "dhl", "fedex", "ups", "ceylinco", "skynet")
COURIER = "courier"
PICKUP = (
    "pickup_name", "pickup_company", "pickup_phone", "pickup_address", "pickup_city",
    "pickup_district", "pickup_postal_code",
)  # fmt: skip
"""Where parcels are collected: settings that every courier's connection may have."""


def given(environ: Mapping[str, str]) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """`courier:<code>` to (settings, secrets), for those that are set up."""
    named = {code for code in CODES if any(name.startswith(f"{code.upper()}_") for name in environ)}
    if not named:
        return {}
    # Only who needs them pays for them at its start.
    from connectors.couriers.registry import courier
    from connectors.couriers.service import credentials

    found = {}
    for code in CODES:
        if code not in named:
            continue
        begin = f"{code.upper()}_"
        names = {one.name: one.secret for one in courier(code).fields}
        own = {
            name: value
            for name in (*names, *PICKUP)
            if (value := environ.get(f"{begin}{name.upper()}", "").strip())
        }
        key = environ.get(f"{begin}API_KEY", "").strip()
        if not key and not any(names.get(name) for name in own):
            continue
        if "api_key" in names:
            own.pop("api_key", None)
        values = {**credentials(courier(code), key, ""), **own}
        settings = {COURIER: code}
        settings |= {name: value for name, value in values.items() if not names.get(name)}
        secrets = {name: value for name, value in values.items() if names.get(name)}
        found[f"{COURIER}:{code}"] = (settings, secrets)
    return found
