"""Shipments: made once through the ledger of effects, followed on a schedule that learns, told to
the engine as observations, their cash on delivery settled."""
