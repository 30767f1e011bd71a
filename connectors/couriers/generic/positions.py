"""Where in a JSON text each value stands, so that a mistake can be told with its line. Pure."""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class Repeated(ValueError):
    """One name twice in one object: which one counts is anybody's guess."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(f"{path[-1]!r} is there twice")
        self.path = path
        self.line = line


def lines_of(text: str) -> dict[Path, int]:
    """Path of every value (and name) to its line, from 1. The text is JSON already. Raises
    Repeated."""
    found: dict[Path, int] = {(): 1}
    stack: list[tuple[Path, list[int] | None]] = []
    """Open objects (None) and lists (their next index)."""
    name: str | None = None
    line, seen = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", seen, token.start())
        seen = token.start()
        word = token[0]
        if word in "]}":
            stack.pop()
        elif word == ":" or word == ",":
            continue
        elif stack and stack[-1][1] is None and name is None:
            name = json.loads(word)
            path = (*stack[-1][0], str(name))
            if path in found:
                raise Repeated(path, line)
            found[path] = line
        else:
            path = _path(stack, name)
            name = None
            found.setdefault(path, line)
            if word == "{":
                stack.append((path, None))
            elif word == "[":
                stack.append((path, [0]))
    return found


def _path(stack: list[tuple[Path, list[int] | None]], name: str | None) -> Path:
    if not stack:
        return ()
    above, index = stack[-1]
    if index is None:
        return (*above, str(name))
    index[0] += 1
    return (*above, index[0] - 1)


def line_of(lines: dict[Path, int], location: Path) -> tuple[int, str]:
    """(line, dotted path) of the deepest part of a location that is in the text; what a checker
    put in between (the kind of a variant) is passed over."""
    path: Path = ()
    for step in location:
        if (*path, step) in lines:
            path = (*path, step)
    return lines[path], ".".join(map(str, path)) or "the profile"
