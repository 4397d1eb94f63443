"""A file on a server, read by byte ranges where the server gives them, over connections that break off and stall.

    >>> file = RemoteFile("https://.../model.safetensors")
    >>> header = b"".join(file.pieces(0, 1000)); file.size, file.seekable

A reply that breaks off, stalls for TIMEOUT seconds, or says that the server is busy (408, 429, 5xx) is asked for again
from where it ended, TRIES times in a row without a byte before it is an error. Where a server answers a range with the
whole file (HTTP 200), what comes before the range is passed over. Redirects are followed once and remembered, until the
address behind them no longer works (signed addresses expire); credentials are not sent to other hosts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from training.shards import CheckpointError

TIMEOUT = 30.0
"""Seconds without a byte after which a reply is given up."""
TRIES = 6
PAUSE = 1.0
"""Seconds before the second try; twice as long before each further one."""
CONNECTIONS = 16
_BUSY = {408, 425, 429, *range(500, 600)}
_EXPIRED = {401, 403, 404, 410}


class _Again(Exception):
    """A reply that is worth asking for again."""


class RemoteFile:
    """A file behind an address. `size` and `seekable` (does the server give ranges) are known after the first piece."""

    def __init__(self, url: str, headers: dict[str, str] | None = None):
        self.url, self._headers, self._address = url, headers or {}, url
        self.size: int | None = None
        self.seekable = True
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes start, ..., stop - 1 in order, in pieces of up to 1 MB, fewer where the file ends before.

        Raises CheckpointError where the server refuses, or does not give them after all tries.
        """
        tries = 0
        while start < stop:
            try:
                for piece in self._reply(start, stop):
                    yield piece
                    start, tries = start + len(piece), 0
                stop = min(stop, self.size)
                if start < stop:
                    raise _Again(f"it ended at byte {start}")
            except (requests.RequestException, _Again) as error:
                tries += 1
                if tries == TRIES:
                    raise CheckpointError(f"{self.url} gave no byte {start} in {TRIES} tries: {error}") from error
                time.sleep(PAUSE * 2 ** (tries - 1))

    def _reply(self, start: int, stop: int) -> Iterator[bytes]:
        """The pieces that one request gives."""
        own = urlsplit(self._address).netloc == urlsplit(self.url).netloc
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"} | (self._headers if own else {})
        with self._session.get(self._address, headers=headers, stream=True, timeout=TIMEOUT) as response:
            self._check(response)
            skip, left = start - self._first(response), stop - start
            self._address = response.url
            for piece in response.iter_content(2**20):
                part = piece[skip:skip + left]
                skip, left = max(0, skip - len(piece)), left - len(part)
                if part:
                    yield part
                if not left:
                    return

    def _check(self, response: requests.Response) -> None:
        """Raise _Again for what may pass, CheckpointError for what will not."""
        status = f"HTTP {response.status_code} {response.reason}"
        if response.status_code in _EXPIRED and self._address != self.url:
            self._address = self.url
            raise _Again(status)
        if response.status_code in _BUSY:
            raise _Again(status)
        if response.status_code not in (200, 206):
            raise CheckpointError(f"{self.url} is refused: {status}")

    def _first(self, response: requests.Response) -> int:
        """The place in the file of a reply's first byte; learns size and seekability, checks the size against before.
        """
        whole = response.status_code == 200
        said = response.headers.get("Content-Length" if whole else "Content-Range", "")
        found = re.fullmatch(r"(\d+)" if whole else r"bytes (\d+)-\d+/(\d+)", said)
        if not found:
            raise CheckpointError(f"{self.url}: the server does not say how long the file is ({said!r})")
        size, asked = int(found[found.lastindex]), response.request.headers["Range"]
        if not whole and not asked.startswith(f"bytes={found[1]}-"):
            raise CheckpointError(f"{self.url}: asked for {asked}, the server gave {said!r}")
        if self.size not in (None, size):
            raise CheckpointError(f"{self.url} had {self.size} bytes and now has {size}: it was replaced meanwhile")
        self.size, self.seekable = size, not whole
        return 0 if whole else int(found[1])
