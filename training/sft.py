"""Supervised training before RL: the anchor of a preset that starts from a pretrained model.

    python -m training.sft --preset smollm2                        # makes runs/smollm2/anchor
    accelerate launch --config_file training/launch/fsdp2.yaml -m training.sft --preset qwen3-4b --set sft.data=FILE

A model that does not write `<think> ... </think>` by itself learns it from worked examples: the organism's corpus, put
through the model's own chat template, or chats from a file or the hub: rows of `messages`, each a `role` (system first,
then user and assistant in turn) and a `content`. Turns are joined as sampling joins them, and only what the assistant
says, with the token that ends its turn, is trained on. TRL's SFTTrainer; the settings are those of `presets.Sft`.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from training import config
from training.checkpointing import keep_last, last_checkpoint
from training.durable import swap, write_text
from training.organism.corpus import ASSISTANT, END, USER, Corpus
from training.presets import Preset, Sft
from training.pretrained import in_template, open_model, open_tokenizer
from training.rollouts import response_ids
from training.trainer import is_main, processes, save_model

SAVE_STEPS = 200
"""Steps between checkpoints."""
FINAL = "final"


def corpus_chats(corpus: Corpus) -> Iterator[list[dict]]:
    """The corpus's examples as messages, without end."""
    index = 0
    while True:
        segments = [text for text, _ in corpus.example(index)]
        texts = [segments[0].removeprefix(USER).removesuffix(f"{END}\n{ASSISTANT}")]
        texts += [text.removesuffix(END) if k % 2 == 0 else
                  text.removeprefix(f"\n{USER}").removesuffix(f"{END}\n{ASSISTANT}")
                  for k, text in enumerate(segments[1:])]
        yield [{"role": ("user", "assistant")[k % 2], "content": text} for k, text in enumerate(texts)]
        index += 1


def read_chats(source: str) -> Iterator[list[dict]]:
    """The `messages` of each row of a file or hub id. ValueError, naming the row, for one that holds none."""
    from training.data.rows import read_rows

    for number, row in read_rows(source):
        messages = row.get("messages")
        if not isinstance(messages, list) or not all(isinstance(one, dict) and isinstance(one.get("content"), str)
                                                     for one in messages):
            raise ValueError(f"row {number} of {source} holds no chat: `messages` must be a list of role and content")
        roles = [one.get("role") for one in messages]
        rest = roles[1:] if roles[:1] == ["system"] else roles
        if not rest or len(rest) % 2 or rest != ["user", "assistant"] * (len(rest) // 2):
            raise ValueError(f"row {number} of {source} has the roles {', '.join(map(str, roles))}; they must be user "
                             "and assistant in turn, after at most one system")
        yield messages


def encode(tokenizer, messages: list[dict]) -> dict:
    """Token ids and labels (-100 where the assistant did not speak) of a chat."""
    first = next(k for k, one in enumerate(messages) if one["role"] == "assistant")
    asked = in_template(tokenizer, messages[:first])
    ids = tokenizer(asked, add_special_tokens=False)["input_ids"]
    labels = [-100] * len(ids)
    for message in messages[first:]:
        if message["role"] == "assistant":
            piece = tokenizer(message["content"] + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
            labels += piece
        else:
            piece = response_ids(tokenizer, message["content"])
            labels += [-100] * len(piece)
        ids += piece
    return {"input_ids": ids, "labels": labels}


def rows(sft: Sft, tokenizer, seed: int = 0) -> tuple[list[dict], int]:
    """(encoded examples, how many were left out as too long)."""
    if sft.data == "corpus" and sft.examples is None:
        raise ValueError("the corpus has no end: say how many examples (--set sft.examples=20000)")
    chats = corpus_chats(Corpus(seed)) if sft.data == "corpus" else read_chats(sft.data)
    found = [encode(tokenizer, chat) for chat in islice(chats, sft.examples)]
    kept = [row for row in found if sft.max_tokens is None or len(row["input_ids"]) <= sft.max_tokens]
    if not kept:
        raise ValueError(f"all {len(found)} examples of {sft.data} are longer than max_tokens {sft.max_tokens}")
    return kept, len(found) - len(kept)


def train_sft(preset: Preset, out: Path, seed: int = 0) -> Path:
    """Train the preset's model on its examples and save it in `out` (bf16); a killed training goes on.

    Raises ValueError for a preset without an sft part, an `out` that is there, and a training with other settings.
    """
    sft = preset.sft
    if sft is None:
        raise ValueError(f"preset {preset.name!r} has no sft part: its anchor is there (training.organism)")
    work = out.with_name(f"{out.name}.work")
    if out.exists() and not work.exists():
        raise ValueError(f"{out} is there already; choose another folder")
    work.mkdir(parents=True, exist_ok=True)
    _settle(sft, seed, work / "settings.json")
    if out.exists():  # it was killed as it cleared up
        if is_main():
            shutil.rmtree(work)
        return out
    model, tokenizer = _opened(sft)
    examples, left_out = rows(sft, tokenizer, seed)
    if is_main():
        print(f"{len(examples)} examples of {sft.data}; {left_out} longer than {sft.max_tokens} tokens are left out",
              file=sys.stderr)
    trainer = _trainer(model, tokenizer, examples, preset, work, seed)
    trainer.train(resume_from_checkpoint=last_checkpoint(work))
    model.generation_config.max_new_tokens = preset.max_new_tokens  # where sampling finds it
    save_model(trainer, work / FINAL)
    if is_main():
        if sft.data == "corpus":
            Corpus(seed).save(work / FINAL)
        swap(work / FINAL, out, work / "old")
        shutil.rmtree(work)
    trainer.accelerator.wait_for_everyone()
    return out


def _settle(sft: Sft, seed: int, file: Path) -> None:
    """Write the settings, or ValueError where a training with others began."""
    asked = {**asdict(sft), "seed": seed}
    if file.exists():
        held = json.loads(file.read_text())
        odd = [name for name in asked if name != "micro_batch" and asked[name] != held.get(name)]
        if odd:
            raise ValueError(f"{file.parent} holds a training with another {odd[0]} ({held.get(odd[0])}, asked for is "
                             f"{asked[odd[0]]}); remove that folder to start over")
    elif is_main():
        write_text(file, json.dumps(asked, indent=2) + "\n")


def _opened(sft: Sft):
    """(model in fp32, tokenizer that ends turns as asked)."""
    import torch

    from training.checkpoints import Checkpoint

    path = Checkpoint(sft.model, keep=True).path
    tokenizer = open_tokenizer(path)
    if not tokenizer.chat_template:
        raise ValueError(f"{sft.model} has no chat template, which examples are put through")
    if sft.eos_token:
        if sft.eos_token not in tokenizer.get_vocab():
            raise ValueError(f"{sft.model} has no token {sft.eos_token!r} to end turns with")
        tokenizer.eos_token = sft.eos_token
    return open_model(path, torch.float32), tokenizer


def _trainer(model, tokenizer, examples: list[dict], preset: Preset, work: Path, seed: int):
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    sft, n = preset.sft, processes()
    micro = sft.micro_batch or max(1, sft.batch // n)
    if sft.batch % (micro * n):
        raise ValueError(f"a batch of {sft.batch} examples does not divide into {n} processes with an sft.micro_batch "
                         f"of {micro}; choose sft.batch or sft.micro_batch so that it does")
    steps = math.ceil(len(examples) / sft.batch * sft.epochs)
    arguments = SFTConfig(
        output_dir=str(work), run_name=f"{preset.name}/sft", seed=seed, num_train_epochs=sft.epochs,
        per_device_train_batch_size=micro, gradient_accumulation_steps=sft.batch // (micro * n),
        learning_rate=sft.learning_rate, warmup_steps=round(sft.warmup * steps), lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": sft.final_learning_rate / sft.learning_rate}, adam_beta1=sft.adam_beta1,
        adam_beta2=sft.adam_beta2, weight_decay=sft.weight_decay, max_grad_norm=sft.max_grad_norm, max_length=None,
        bf16=preset.dtype == "bfloat16", activation_checkpointing=preset.gradient_checkpointing, save_steps=SAVE_STEPS,
        report_to=list(preset.report_to), logging_steps=10, ddp_find_unused_parameters=False,
        use_cpu=not torch.cuda.is_available())
    trainer = SFTTrainer(model, arguments, train_dataset=Dataset.from_list(examples), processing_class=tokenizer)
    trainer.remove_callback(PrinterCallback)
    keep_last(trainer, work)
    return trainer


def main(arguments: list[str] | None = None) -> int:
    """The command line; the status it ends with."""
    parser = argparse.ArgumentParser("python -m training.sft", description=__doc__.splitlines()[0])
    config.add_arguments(parser)
    parser.add_argument("--out", type=Path, help="where the model goes (default runs/PRESET/anchor)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        preset = config.chosen_preset(given)
        if given.print_config:
            print(config.printed(preset).rstrip())
            return 0
        print(train_sft(preset, given.out or Path(f"runs/{preset.name}/anchor"), given.seed))
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
