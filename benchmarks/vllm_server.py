"""A vLLM server of a model on this machine, that can be killed and started again at the same address.

    with VllmServer(model, folder / "server.log") as server:     # it answers at server.url
        server.kill(); server.start()                            # SIGKILL to all of it, and again

vLLM is in an environment of its own (`make vllm`).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import requests

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv-vllm/bin/python"
PATIENCE = 300
"""Seconds a server may take to start."""
ENVIRONMENT = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
               "PYTHONPATH": str(ROOT)}


class VllmServer:
    """Raises RuntimeError with the end of the log for a server that does not come up."""

    def __init__(self, model: str, log: Path, **environment: str):
        self._log, self._environment = log, {**ENVIRONMENT, **environment}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self._command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", model, "--host", "127.0.0.1",
                         "--port", str(port), "--dtype", "float32", "--enforce-eager", "--no-enable-chunked-prefill"]

    def __enter__(self) -> VllmServer:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:  # it was not up yet
            self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out, env=self._environment,
                                             start_new_session=True)
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                requests.get(f"{self.url}/models", timeout=5).raise_for_status()
                return
            except requests.RequestException:
                time.sleep(0.5)
        self.kill()
        raise RuntimeError(f"no answer in {PATIENCE} s:\n{self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL to it and all that it started."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # where all of it has ended by itself
            os.killpg(self._process.pid, number)
