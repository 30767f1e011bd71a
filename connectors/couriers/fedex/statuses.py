"""FedEx's codes, of `latestStatusDetail.code` and of `eventType` alike."""

from __future__ import annotations

from connectors.couriers.status import codes

CODES = codes(
    {
        "created": "OC IN EP PD",
        "picked_up": "PU PX DO IP OF",
        "in_transit": "IT IX AR DP AF AA AC AX EA EO FD LO OX PF PL PM SF TR CC CP OW",
        "out_for_delivery": "OD ED AD",
        "delivered": "DL",
        "exception": "DE SE DY DD CD HL HP RL",
        "returned": "RS",
        "cancelled": "CA",
    },
    info="AO AE US RR RM RC RA RT PR AS CH HA RG RP",
)
