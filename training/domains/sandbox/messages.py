"""Messages between the pool and a zygote: a length of eight bytes, then JSON (which carries lone surrogates too)."""

from __future__ import annotations

import json
import socket
import struct

_LENGTH = struct.Struct("!Q")


def send(channel: socket.socket, message: dict) -> None:
    body = json.dumps(message).encode()
    channel.sendall(_LENGTH.pack(len(body)) + body)


def receive(channel: socket.socket) -> dict:
    """The next message; EOFError when the other end is gone."""
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    return json.loads(_exactly(channel, length))


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError("the other end closed the channel")
        parts += part
    return bytes(parts)
