"""Pure: the hash tree over a platform's items of one type: leaves, nodes of 500, one root."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

NODE = 500


def root_of(leaves: Mapping[str, bytes]) -> str:
    """64 hex digits, whatever order the leaves came in. Empty leaves (nothing there) do not
    count."""
    names = sorted(name for name, leaf in leaves.items() if leaf)
    nodes = sha256()
    for start in range(0, len(names), NODE):
        node = sha256()
        for name in names[start : start + NODE]:
            node.update(leaves[name])
        nodes.update(node.digest())
    return nodes.hexdigest()
