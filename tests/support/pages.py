"""What a person reads on a page."""

from __future__ import annotations

from html.parser import HTMLParser


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def text_of(page: str) -> str:
    """Its text, blanks joined, entities resolved."""
    parser = _Text()
    parser.feed(page)
    return " ".join(" ".join(parser.parts).split())
