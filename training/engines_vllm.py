"""vLLM in this process: its LLM writes whole batches of turns (`training.engines`).

It takes half a minute to start, so it is for many tasks or large models. On a CPU it runs in fp32, as transformers does
here, and uncompiled (compiling takes minutes), with every prompt read at once: vLLM 0.32's CPU runner dies of a seeded
request whose prompt it reads in parts ("CPU Generator does not use offset"). It computes on all cores, unless
VLLM_CPU_NUM_OF_RESERVED_CPU says otherwise; vLLM by itself leaves one out, which is half of two. `vllm serve` on a CPU
needs --no-enable-chunked-prefill for the same reason, and gains by VLLM_CPU_NUM_OF_RESERVED_CPU=0.
"""

from __future__ import annotations

import os

import torch

from training.checkpoints import Checkpoint
from training.engines import Remote, request_seed
from training.rollouts import Rollout, play

CHUNK = 512
"""Rollouts handed over at once; they come back together."""
ON_CPU = {"dtype": "float32", "enforce_eager": True, "enable_chunked_prefill": False}


class InProcess(Remote):
    """A model in vLLM."""

    def __init__(self, model: str, dtype=None):
        try:
            from vllm import LLM
        except ImportError as error:
            raise ValueError("engine 'vllm' needs vLLM, which cannot be imported here; install it, or `make vllm` and "
                             f"run .venv-vllm/bin/python, or give a server's address ({error})") from error
        super().__init__(model)
        plain = {} if torch.cuda.is_available() else ON_CPU
        os.environ.setdefault("VLLM_CPU_NUM_OF_RESERVED_CPU", "0")
        path = str(Checkpoint(model, keep=True).path)
        self._llm = LLM(path, seed=0, **plain | ({"dtype": dtype} if dtype else {}))
        self.config.max_position_embeddings = self._llm.model_config.max_model_len

    def rollouts(self, tasks, names, allowed, temperature, seed):
        for start in range(0, len(tasks), CHUNK):
            part = slice(start, start + CHUNK)
            yield list(enumerate(self._played(tasks[part], names[part], allowed, temperature, seed), start))

    def _played(self, tasks, names, allowed, temperature, seed) -> list[Rollout]:
        def write(rows: list[int], states: list[Rollout]) -> list[list[int]]:
            seeds = [request_seed(seed, names[row], state.n_turns) for row, state in zip(rows, states, strict=True)]
            return self.write([state.ids for state in states], [allowed - state.n_tokens for state in states],
                              temperature, seeds)

        return play(self.tokenizer, tasks, allowed, write)

    def write(self, prompts, budgets, temperature, seeds):
        from vllm import SamplingParams

        rooms = list(map(self.room, prompts, budgets))
        asked, turns = [k for k, room in enumerate(rooms) if room > 0], [[] for _ in prompts]
        sampling = [SamplingParams(temperature=temperature, max_tokens=rooms[k], seed=seeds[k], detokenize=False)
                    for k in asked]
        outputs = self._llm.generate([{"prompt_token_ids": prompts[k]} for k in asked], sampling, use_tqdm=False)
        for k, output in zip(asked, outputs, strict=True):
            turns[k] = list(output.outputs[0].token_ids)
        return turns

    def logps(self, texts):
        from vllm import SamplingParams

        scoring = SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0, detokenize=False)
        outputs = self._llm.generate([{"prompt_token_ids": text} for text in texts], scoring, use_tqdm=False)
        return [[given[token].logprob for token, given in zip(text[1:], output.prompt_logprobs[1:], strict=True)]
                for text, output in zip(texts, outputs, strict=True)]

    def close(self):
        self._llm.llm_engine.engine_core.shutdown()
