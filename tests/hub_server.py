"""A hub on this machine: models in a folder, served over HTTP as the Hugging Face hub serves them, with faults.

`with serving(Hub(folder)) as server`: `folder` holds namespace/name folders. `server.faults[file name]` is a list of
faults, one a request for a range of that file; a request that finds the list empty is served well. Every request for
bytes is noted in `server.asked`, as (file name, first byte, last byte).

With `server.elsewhere`, another such server, weights are redirected to it, as the hub does. `server.seen` has the
credentials that came with requests for weights. After `expired_after` requests a server refuses all further ones.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.ranges, self.elsewhere, self.expired_after = folder, True, None, None
        self.faults: dict[str, list] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.seen: set[str | None] = set()
        self.done = threading.Event()

    url = property(lambda self: f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._file(body=False)

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[0] == "api":
            self._api(parts)
        else:
            self._file(body=True)

    def _api(self, parts):
        """api/models/namespace/name/(revision/commit | tree/commit)"""
        folder = self.server.folder.joinpath(*parts[2:4])
        if parts[1] != "models" or not folder.is_dir():
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif "tree" in parts:
            self._json([{"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _etag(file)}
                        for file in sorted(folder.iterdir())])
        else:
            self._json({"id": "/".join(parts[2:4]), "sha": COMMIT,
                        "siblings": [{"rfilename": file.name} for file in sorted(folder.iterdir())]})

    def _json(self, content):
        self._answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _file(self, body):
        """namespace/name/resolve/commit/file"""
        parts = self.path.strip("/").split("/")
        file = self.server.folder / parts[0] / parts[1] / parts[-1]
        if not file.is_file():
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        elif not body:
            self._answer(200, b" " * file.stat().st_size, {"ETag": _etag(file), "X-Repo-Commit": COMMIT})
        elif file.suffix != ".safetensors":
            self._answer(200, file.read_bytes(), {"ETag": _etag(file), "X-Repo-Commit": COMMIT})
        else:
            self.server.seen.add(self.headers.get("Authorization"))
            if self.server.elsewhere:
                self._answer(302, b"", {"Location": self.server.elsewhere.url + self.path})
            else:
                self._range(file)

    def _range(self, file):
        content = file.read_bytes()
        if self.server.expired_after is not None:
            self.server.expired_after -= 1
            if self.server.expired_after < 0:
                self._answer(403, b"", {})
                return
        first, last = map(int, self.headers.get("Range", f"bytes=0-{len(content)}").removeprefix("bytes=").split("-"))
        last = min(last, len(content) - 1)
        self.server.asked.append((file.name, first, last))
        faults = self.server.faults.get(file.name)
        fault = faults.pop(0) if faults else None
        if isinstance(fault, int):
            self._answer(fault, b"", {})
            return
        ranges = self.server.ranges and "Range" in self.headers
        part = content[first:last + 1] if ranges else content
        size = len(content) + (fault == "replaced")
        first += fault == "elsewhere"
        headers = {"Content-Range": f"bytes {first}-{last}/{size}"} if ranges else {}
        self.send_response(206 if ranges else 200)
        for name, value in {"Content-Length": len(part), **headers}.items():
            if fault != "no length" or name != "Content-Range":
                self.send_header(name, str(value))
        self.end_headers()
        whole = len(part) if fault in (None, "replaced", "elsewhere", "no length") else len(part) // 2
        try:
            self.wfile.write(part[:whole])
            self.wfile.flush()
            if fault == "stall":
                self.server.done.wait(5)
            if whole < len(part):
                self.close_connection = True
        except OSError:
            pass  # who asked has hung up


def _etag(file):
    return hashlib.sha1(file.read_bytes()).hexdigest()


@contextmanager
def serving(server: Hub):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.done.set()
        server.shutdown()
        thread.join()
        server.server_close()
