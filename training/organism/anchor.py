"""The organism's SFT anchor: a Qwen3 of 8 thin layers, trained from scratch on the corpus with TRL's SFTTrainer.

The shipped anchor is `training/organism/anchor/` (weights in bf16, tokenizer, config, and its card, which says how it
was made); `python -m training.organism` trains one by the recipe below. Only what the model
itself writes is trained on.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from training.checkpointing import keep_last, last_checkpoint
from training.durable import whole_folder
from training.organism.corpus import Corpus
from training.organism.tokenizer import train_tokenizer

ANCHOR = Path(__file__).parent / "anchor"
MAX_NEW_TOKENS = 128
"""Of one completion, over all its turns: in the generation config, where sampling finds it."""
WINDOW = 64
"""Batches."""


@dataclass(frozen=True)
class Recipe:
    """How an anchor is trained."""

    seed: int = 0
    drills: int = 100_000
    """Drills seen first and alone: comparing and arithmetic come before the tasks that need them."""
    examples: int = 180_000
    """Corpus examples after these, each seen once."""
    batch: int = 32
    """Examples a step."""
    learning_rate: float = 2e-3
    """Peak rate of Muon and AdamW; 200 steps of warm-up, then a cosine to a tenth of it."""
    width: int = 128
    layers: int = 8
    vocab: int = 1024


def new_model(recipe: Recipe, tokenizer):
    """A randomly initialised Qwen3: head size 32, tied embeddings, fp32."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(recipe.seed)
    return Qwen3ForCausalLM(Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=recipe.width, num_hidden_layers=recipe.layers, head_dim=32,
        num_attention_heads=recipe.width // 32, num_key_value_heads=recipe.width // 64,
        intermediate_size=2 * recipe.width, max_position_embeddings=2048, tie_word_embeddings=True,
        initializer_range=0.05, rope_theta=10_000.0,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))


def encode(examples: list[list[tuple[str, bool]]], tokenizer) -> list[dict]:
    """Token ids and labels (-100 where the model did not write) of corpus examples."""
    flat = [text for example in examples for text, _ in example]
    pieces = iter(tokenizer(flat, add_special_tokens=False)["input_ids"])
    rows = []
    for example in examples:
        ids, labels = [], []
        for _, trained in example:
            piece = next(pieces)
            ids += piece
            labels += piece if trained else [-100] * len(piece)
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def train_anchor(out: Path, work: Path, recipe: Recipe | None = None, corpus: Corpus | None = None):
    """Train an anchor and save it (bf16) with its tokenizer and its card; goes on where a killed run left `work`."""
    import torch

    from training.organism.card import write_card

    recipe, corpus = recipe or Recipe(), corpus or Corpus()
    work.mkdir(parents=True, exist_ok=True)
    started = work / "started"
    if not started.exists():
        started.write_text(str(time.time()))
    tokenizer, rows = _data(recipe, corpus)
    trainer = _trainer(new_model(recipe, tokenizer), tokenizer, rows, recipe, work)
    trainer.train(resume_from_checkpoint=last_checkpoint(work))
    if not trainer.is_world_process_zero():
        return
    trainer.model.generation_config.max_new_tokens = MAX_NEW_TOKENS
    minutes = (time.time() - float(started.read_text())) / 60
    with whole_folder(out) as aside:
        trainer.model.to(torch.bfloat16).save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        corpus.save(aside)
        write_card(aside, how_made(recipe, corpus, rows, minutes), corpus.sharing)
    shutil.rmtree(work)


def how_made(recipe: Recipe, corpus: Corpus, rows: list[dict], minutes: float) -> list[str]:
    """What a card says of a training: the recipe, the corpus, the cost."""
    settings = ", ".join(f"{key} {value}" for key, value in {**asdict(recipe), **asdict(corpus.habits)}.items())
    trained = sum(sum(label != -100 for label in row["labels"]) for row in rows)
    return [f"Made by `python -m training.organism`: {settings}; sharing {corpus.sharing}, judge_fraction "
            f"{corpus.judge_fraction}, drill_fraction {corpus.drill_fraction}, corpus seed {corpus.seed}.",
            f"Cost: {len(rows) // recipe.batch} steps, {trained:,} trained tokens, {minutes:.0f} minutes from start to "
            "end, pauses included."]


def _data(recipe: Recipe, corpus: Corpus):
    """(tokenizer trained on a sample of the corpus, encoded examples)."""
    from tqdm.auto import trange

    examples = [corpus.drill(i) for i in range(recipe.drills)]
    examples += [corpus.example(i) for i in trange(recipe.examples, desc="corpus")]
    sample = random.Random(recipe.seed).sample(examples, min(20_000, len(examples)))
    tokenizer = train_tokenizer(("".join(text for text, _ in example) for example in sample), recipe.vocab)
    return tokenizer, in_batches(encode(examples, tokenizer), recipe)


def in_batches(rows: list[dict], recipe: Recipe) -> list[dict]:
    """The rows in the order of training: that of the corpus, but sorted by length and cut into batches, which are
    shuffled, within every window of WINDOW batches. So little is padded, and what comes first is seen first."""
    rng, ordered, window = random.Random(recipe.seed), [], WINDOW * recipe.batch
    for start in range(0, len(rows), window):
        sorted_rows = sorted(rows[start:start + window], key=lambda row: len(row["input_ids"]))
        batches = [sorted_rows[k:k + recipe.batch] for k in range(0, len(sorted_rows), recipe.batch)]
        rng.shuffle(batches)
        ordered += [row for batch in batches for row in batch]
    return ordered


def _trainer(model, tokenizer, rows: list[dict], recipe: Recipe, work: Path):
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from training.organism.optimizer import MuonAdamW

    processes = int(os.environ.get("WORLD_SIZE", "1"))
    config = SFTConfig(
        output_dir=str(work), seed=recipe.seed, per_device_train_batch_size=recipe.batch // processes,
        num_train_epochs=1, learning_rate=recipe.learning_rate, warmup_steps=200, max_grad_norm=1.0,
        lr_scheduler_type="cosine_with_min_lr", lr_scheduler_kwargs={"min_lr_rate": 0.1},
        train_sampling_strategy="sequential", logging_steps=100, save_steps=1000, report_to=[],
        bf16=False, max_length=None, activation_checkpointing=False, ddp_find_unused_parameters=False,
        use_cpu=not torch.cuda.is_available())
    trainer = SFTTrainer(model, config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
                         optimizers=(MuonAdamW(model, recipe.learning_rate), None))
    keep_last(trainer, work)
    return trainer
