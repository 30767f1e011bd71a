"""Aramex's update codes."""

from __future__ import annotations

from connectors.couriers.status import codes

CODES = codes(
    {
        "created": "SH014 SH203 SH278 SH308 SH312",
        "picked_up": "SH012 SH314 SH047 SH406 SH434",
        "in_transit": "SH001 SH007 SH022 SH041 SH070 SH073 SH077 SH110 SH160 SH222 SH252 SH259"
        " SH260 SH272 SH273 SH464 SH466 SH469 SH495 SH540 SH543 SH548",
        "out_for_delivery": "SH003 SH004",
        # SH154: a part of it.
        "delivered": "SH005 SH006 SH154 SH234 SH496",
        "exception": "SH008 SH033 SH043 SH044 SH071 SH074 SH076 SH156 SH157 SH158 SH162 SH163"
        " SH164 SH275 SH280 SH294 SH375 SH376 SH381 SH410 SH462 SH467 SH468 SH470 SH471 SH472"
        " SH473 SH480 SH492 SH498 SH515 SH542 SH544",
        "returned": "SH069 SH407 SH474 SH559",
        "cancelled": "SH313",
    },
    # SH239: the cash was paid out.
    info="SH228 SH236 SH239 SH247 SH249 SH250 SH251 SH270 SH271 SH279 SH369 SH382 SH383",
)
