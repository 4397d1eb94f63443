"""Where `make vllm` has put SmolLM2-135M-Instruct."""

from benchmarks.vllm_server import PYTHON

SMOLLM2 = str(PYTHON.parents[1] / "smollm2")
AVAILABLE = (PYTHON.parents[1] / ".installed").exists()
