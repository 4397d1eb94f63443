"""Memory worked out on paper, against what PyTorch holds; dry runs; GPUs that are too small."""

from dataclasses import asdict, replace

import pytest
import torch
from torch.distributed._tools.mem_tracker import MemTracker
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM
from trl.kernels.chunked_logprob import TOKEN_CHUNK_SIZE
from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE

from training.__main__ import main
from training.dry_run import cost
from training.footprint import GIB, KNOWN, Shape, activations, cache, check_fits, fitting, logits, needed, per_token
from training.presets import PRESETS

SIZES = {"vocab_size": 1024, "hidden_size": 96, "num_hidden_layers": 6, "num_attention_heads": 6,
         "num_key_value_heads": 2, "intermediate_size": 256, "max_position_embeddings": 512,
         "tie_word_embeddings": True}
MODELS = {"llama": lambda: LlamaForCausalLM(LlamaConfig(head_dim=16, **SIZES)),
          "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(head_dim=32, **SIZES))}
SMOL, QWEN = KNOWN["HuggingFaceTB/SmolLM2-135M-Instruct"], KNOWN["Qwen/Qwen3-4B-Base"]


def model_and_shape(kind):
    model = MODELS[kind]().train()
    return model, Shape.of(model.config.to_dict())


def saved(run, model) -> int:
    """Bytes of the storages that a computation saves for its backward pass, but for the parameters."""
    held, own = {}, {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = run()
    assert kept is not None
    return sum(held.values())


@pytest.mark.parametrize("kind", MODELS)
def test_parameters_are_counted(kind):
    model, shape = model_and_shape(kind)
    assert shape.params == model.num_parameters()
    assert shape.block == sum(parameter.numel() for parameter in model.model.layers[0].parameters())
    model.config.tie_word_embeddings = False
    assert Shape.of(model.config.to_dict()).params == shape.params + 1024 * 96


def test_the_known_models_have_the_parameters_that_they_are_named_for():
    assert SMOL.params == 134_515_008
    assert QWEN.params / 1e9 == pytest.approx(4.02, abs=0.005)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_activations_are_what_pytorch_saves(kind, dtype):
    """Of padded rows, to within 10 %; in bf16 PyTorch also saves the weights it converted."""
    model, shape = model_and_shape(kind)
    rows = padded(3)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
        measured = saved(lambda: model.model(**rows, use_cache=False).last_hidden_state, model)
    copies = 2 * shape.layers * shape.block if dtype == "bfloat16" else 0
    assert activations(shape, 3, 200, dtype, False) == pytest.approx(measured - copies, rel=0.1)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_whole_step_takes_what_is_worked_out(kind, checkpointing):
    """The peak of all tensors, from parameters to Adam's moments, in the second of two steps: to within 6 %."""
    model, shape = model_and_shape(kind)
    if checkpointing:
        model.activation_checkpointing_enable()
    adam, rows, tracker = torch.optim.AdamW(model.parameters(), foreach=False), padded(8), MemTracker()
    tracker.track_external(model, adam)
    with tracker:
        for _ in range(2):
            model.model(**rows, use_cache=False).last_hidden_state.square().mean().backward()
            adam.step()
            adam.zero_grad()
            tracker.reset_mod_stats()
    peak = sum(sizes["Total"] for sizes in tracker.get_tracker_snapshot("peak").values())
    worked_out = 16 * shape.params + activations(shape, 8, 200, "float32", checkpointing)
    assert worked_out == pytest.approx(peak, rel=0.06)


def padded(rows):
    """Rows of 200 random tokens, the first padded on the left."""
    mask = torch.ones(rows, 200, dtype=torch.long)
    mask[0, :9] = 0
    return {"input_ids": torch.randint(0, 1024, (rows, 200)), "attention_mask": mask}


def test_the_head_takes_a_tile_of_trls_and_the_gradients_it_adds_up():
    assert logits(SMOL, 8, 832, "bfloat16") == 2 * 4096 * 32_768 + 4 * 49_152 * 576 + 4 * 8 * 832 * 576
    assert logits(SMOL, 1, 100, "bfloat16") == 2 * 100 * 32_768 + 4 * 49_152 * 576 + 4 * 100 * 576
    assert (TOKEN_CHUNK_SIZE, _CHUNKED_LOGPROB_CHUNK_SIZE) == (4096, 32_768)  # TRL's, as they were read


def test_adams_state_is_sixteen_bytes_a_parameter_with_the_weights_and_gradients():
    model, shape = model_and_shape("qwen3")
    adam = torch.optim.AdamW(model.parameters())
    model(input_ids=torch.ones(1, 4, dtype=torch.long)).logits.sum().backward()
    adam.step()
    moments = [value for state in adam.state.values() for value in state.values() if value.dim()]
    tensors = [*model.parameters(), *(parameter.grad for parameter in model.parameters()), *moments]
    memory = needed(replace(PRESETS["organism"], prompts=1, generations=2), shape)
    assert sum(tensor.nbytes for tensor in tensors) == memory.weights + memory.gradients + memory.optimizer
    assert memory.weights == 4 * shape.params


def test_by_hand():
    """SmolLM2, on paper: a norm saves 8 + 2 bytes of 576 numbers, twice; four times 576 and 1536 numbers of 2 bytes."""
    assert per_token(SMOL, "bfloat16") == 2 * 10 * 576 + 4 * 2 * 576 + 4 * 9 + 4 * 2 * 1536
    assert cache(SMOL) == 2 * 30 * 3 * 64 * 2
    memory = asdict(needed(PRESETS["smollm2"], SMOL))
    assert (memory["weights"], memory["optimizer"], memory["copies"]) == (4 * SMOL.params, 8 * SMOL.params,
                                                                         2 * SMOL.params)
    assert memory["total"] == sum(memory[name] for name in ("weights", "gradients", "optimizer", "copies")) + max(
        memory["training"], memory["sampling"])


def test_what_is_spread_is_divided_and_what_is_not_stays():
    preset = PRESETS["qwen3-4b"]
    one, eight = needed(preset, QWEN), needed(preset, QWEN, 8, spread=True)
    assert eight.optimizer == one.optimizer // 8 == QWEN.params
    assert eight.training == one.training
    assert eight.copies < one.copies / 4


def test_a_gpu_that_is_too_small_is_told_what_would_fit():
    preset = PRESETS["qwen3-4b"]
    check_fits(preset, QWEN, 8, True, 80 * GIB)
    with pytest.raises(ValueError, match=r"needs about \d+.\d GiB of each GPU, and this one has 40.0; would fit: "
                                         r"8 GPUs with FSDP2 or ZeRO-3, micro_batch=1") as caught:
        check_fits(preset, QWEN, 1, False, 40 * GIB)
    assert "gradient_checkpointing=true" in str(caught.value)
    with pytest.raises(ValueError, match="would fit: nothing up to 64 GPUs"):
        check_fits(preset, QWEN, 8, True, 4 * GIB)
    assert fitting(PRESETS["smollm2"], SMOL, 16 * GIB)[0].startswith("one GPU, micro_batch=")


def test_costs_by_hand():
    """Two steps of 2 x 2 rollouts of 10 tokens after 5: 8 rollouts, 80 tokens written, 120 read."""
    preset = replace(PRESETS["smollm2"], prompts=2, generations=2, max_new_tokens=10, max_prompt_tokens=5,
                     micro_batch=None)
    found = cost(preset, SMOL, 2)
    assert (found.steps, found.rollouts, found.tokens) == (2, 8, 80)
    assert found.hours * 3600 == pytest.approx(SMOL.params / 989e12 * 120 * (6 / 0.4 + 2 / 0.1))
    assert cost(preset, SMOL, 2, mean_tokens=5).tokens == 40
    more = cost(replace(preset, gradient_checkpointing=True, engine="vllm-server"), SMOL, 2)
    assert more.hours * 3600 == pytest.approx(SMOL.params / 989e12 * 120 * (10 / 0.4 + 2 / 0.1))


@pytest.mark.parametrize(("preset", "wanted"), [
    ("organism", ["mixed", "120", "9,600", "fits"]),
    ("smollm2", ["134.5 M parameters", "expert-agent", "25,600", "fits"]),
    ("qwen3-4b", ["4,022.5 M parameters", "409,600", "2172.8", "TOO MUCH", "would fit: ", "note: prompt and response"]),
])
def test_a_dry_run_of_every_preset(preset, wanted, capsys, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a dry run asks no network"))
    arguments = ["--preset", preset, "--dry-run"] + (["--anchor", "Qwen/Qwen3-4B-Base"] if preset == "qwen3-4b" else [])
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in wanted), printed


def test_a_model_that_nothing_is_known_of(capsys):
    assert main(["--preset", "organism", "--anchor", "some/model", "--dry-run"]) == 2
    assert "nothing is known of some/model without a network; give --anchor FOLDER" in capsys.readouterr().err
    with pytest.raises(ValueError, match="worked out for the model types llama and qwen3, not 'mamba'"):
        Shape.of({"model_type": "mamba"})
