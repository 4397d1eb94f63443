"""Models of three families, small enough for a test: 3 layers of width 32, 600 tokens."""

from copy import deepcopy

from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen3Config

SMALL = {"vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2,
         "intermediate_size": 48, "num_key_value_heads": 1, "head_dim": 16}
CONFIGS = {
    "qwen3": Qwen3Config(**SMALL, tie_word_embeddings=True),
    "llama": LlamaConfig(**SMALL),
    "gpt2": GPT2Config(vocab_size=600, n_embd=32, n_layer=3, n_head=2, n_positions=128),
}


def new_network(family):
    """An untrained model of a family, with a config of its own: saving a model writes its dtype into its config."""
    return AutoModelForCausalLM.from_config(deepcopy(CONFIGS[family]))
