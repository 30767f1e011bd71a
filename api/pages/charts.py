"""Bars as inline SVG: no script, no style, and every value in a table beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 160


@dataclass(frozen=True)
class Bar:
    """One value."""

    name: str
    """As people read it: the day, the courier."""
    value: float
    word: str
    """The value in words: `LKR 1,899.50`."""


@dataclass(frozen=True)
class Placed:
    """A bar in the drawing."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Columns:
    """Upright bars over time."""

    bars: tuple[Placed, ...]
    highest: str
    """The largest value, in words; empty where all are nothing."""
    first: str
    last: str
    told: str
    """The whole in words, for who does not see it."""


def columns(name: str, bars: Sequence[Bar]) -> Columns:
    """Bars of the same width, the highest as high as the drawing."""
    most = max((bar.value for bar in bars), default=0.0)
    step = WIDTH / max(len(bars), 1)
    gap = min(step * 0.25, 6.0)
    placed = []
    for place, bar in enumerate(bars):
        height = round(HEIGHT * bar.value / most, 1) if most > 0 else 0.0
        height = max(height, 2.0) if bar.value > 0 else 0.0
        placed.append(
            Placed(
                round(place * step + gap / 2, 1),
                round(HEIGHT - height, 1),
                round(step - gap, 1),
                height,
                f"{bar.name}: {bar.word}",
            )
        )
    highest = max(bars, key=lambda bar: bar.value).word if most > 0 else ""
    told = "; ".join(f"{bar.name}: {bar.word}" for bar in bars if bar.value > 0)
    return Columns(
        tuple(placed),
        highest,
        bars[0].name if bars else "",
        bars[-1].name if bars else "",
        f"{name}. {told}" if told else name,
    )


@dataclass(frozen=True)
class Rank:
    """One lying bar with its name and value in words."""

    name: str
    word: str
    width: float
    """Of 100."""


def ranks(bars: Sequence[Bar], most: int = 10) -> list[Rank]:
    """Lying bars, the largest first."""
    ordered = sorted(bars, key=lambda bar: -bar.value)[:most]
    top = ordered[0].value if ordered else 0.0
    return [
        Rank(bar.name, bar.word, round(100 * bar.value / top, 1) if top > 0 else 0.0)
        for bar in ordered
    ]
