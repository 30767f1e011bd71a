"""Structures to bytes and back; the only place that knows the format."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Undecodable(ValueError):
    """These bytes are not what their topic promises. Retrying does not help."""


_encoder = msgspec.json.Encoder(decimal_format="string", order=None)
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def encode(value: Any) -> bytes:
    """JSON bytes of a structure or of plain values."""
    return _encoder.encode(value)


def decode(data: bytes | str, kind: type[T]) -> T:
    """The structure `kind` (a union of tagged structures is fine) from JSON. Raises Undecodable."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        return decoder.decode(data)  # type: ignore[no-any-return]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Undecodable(str(error)) from error
