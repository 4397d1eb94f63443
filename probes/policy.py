"""How far policies are from each other on each domain's tasks, and which domains are neighbors by it.

"Policy neighborhoods" of M2RL (arXiv 2602.12566). Completions that policy s sampled are read by s and by policy q. Of
token t, with both distributions at temperature 1 given all that stands before it:

full  sum over the vocabulary v of p_s(v) (log p_s(v) - log p_q(v)): KL(p_s || p_q) at this place, exactly
k1    log p_s(y_t) - log p_q(y_t) of the token y_t that s wrote: the paper's estimator; unbiased, and noisier

    >>> found = policy_divergence({"mixed": ..., "math": ..., "coding": ...}, traces)  # traces: behaviors.sample's
    >>> kl_matrix(found, "math")
    >>> policy_neighbors(found, "mixed", {"math": "math", "coding": "coding"})

Domain B is a neighbor of domain A where expert B, sampling on A's tasks, is closer to the mixed policy than epsilon.

Departures:
1. Nats a token (sums over all tokens of a domain, divided by their number), so that long completions do not make
   policies far; nats a trace, the paper's sum over y, are given beside them.
2. The paper gives no number for epsilon, and speaks of a comparison with expert A itself. Our reading:
   epsilon_A = KL(expert A || mixed) on A's tasks, by the same estimator.
3. Traces are texts, cut into tokens anew. Of what is in them the model's own tokens count, with the end of every turn
   that the environment answered. The end of the last turn is not in the text: it counts where the traces say in
   `n_tokens` (as training.traces counts) that all tokens with it were written. Without the column it does not, and k1
   is biased: tokens are then left out by what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from probes.capture import context
from probes.sources import ProbeError
from probes.texts import Encoded, check_length, check_tokens, encode, trace_texts
from training.checkpoints import Checkpoint
from training.engines import Engine
from training.intervals import interval
from training.merging.vocabulary import tokens
from training.rollouts import load

COLUMNS = ("sampler", "scored_by", "domain", "estimator", "kl", "ci_low", "ci_high", "nats_per_trace", "n_tasks",
           "n_traces", "n_tokens")
NEIGHBORS = ("domain", "other", "estimator", "kl", "ci_low", "ci_high", "epsilon", "neighbor", "mutual")
ESTIMATORS = ("full", "k1")
ROWS = 256
"""Tokens whose two distributions are in memory at once, in fp64."""
_TRACES = ("model", "domain", "task_id", "prompt", "completion")


def policy_divergence(models: dict[str, str | Path], traces: pd.DataFrame, max_tokens: int | None = None,
                      batch_size: int = 8, device: str = "auto", dtype=None, seed: int = 0, progress: bool = True,
                      ) -> pd.DataFrame:
    """KL(sampler || scorer) of every model that sampled, under every model, on the sampler's own completions.

    Args:
        models: folders or hub ids by name, with one vocabulary. All are in memory at once, each loaded once.
        traces: a row a completion: model (the sampler's name), domain, task_id, prompt, completion, and where there is
            one n_tokens (departure 3). A model without traces only scores.
        max_tokens: how many of its model's own tokens of a completion count, the first ones (None: all).
        batch_size: completions at a time: beside the weights, one model's logits of all their tokens (completions *
            longest * vocabulary numbers, in the model's dtype) and two models' of the own ones are in memory.
        device, dtype: as for training.rollouts.load. seed: of the bootstrap. progress: a bar on stderr.

    Returns: COLUMNS, a row a (sampler, scorer, domain, estimator); a sampler under itself is there, as a check, with
    0. kl: nats a token; ci_low, ci_high: 95 % over tasks, a task's completions together, NaN with one task;
    nats_per_trace: the sum over a completion, mean over completions. A completion without a token of its own is a
    trace of 0 nats; where a domain has no other, kl is NaN.
    Raises ProbeError (a ValueError) for unknown samplers, missing columns, vocabularies that differ, texts that do not
    fit a context, and logits that are not finite.
    """
    from tqdm.auto import tqdm

    _check(models, traces, max_tokens, batch_size)
    policies, rows = open_policies(models, device, dtype), []
    networks = {name: network for name, (network, _) in policies.items()}
    with tqdm(total=len(traces), desc="scoring", unit="trace", disable=not progress) as bar:
        for sampler, sampled in traces.groupby("model", sort=False):
            encoded, own = read(sampled, policies[sampler][1], max_tokens)
            for name, (_, tokenizer) in policies.items():
                check_tokens(encoded, tokenizer, f"{name!r}")
            sums = trace_sums(networks, sampler, encoded, own, batch_size, bar.update)
            rows += [row for name, nats in sums.items() for row in _rows(sampler, name, sampled, own, nats, seed)]
    return pd.DataFrame(rows, columns=COLUMNS)


def k1_divergence(engines: dict[str, Engine], traces: pd.DataFrame, max_tokens: int | None = None, seed: int = 0,
                  ) -> pd.DataFrame:
    """policy_divergence by k1 alone, of models that need not be here: each is asked for log-probabilities.

    Args: engines, by name, as training.engines.open_engine gives them, the samplers among them; traces, max_tokens and
    seed as for policy_divergence. Returns and raises as it does; ServerError for a server that does not answer.
    """
    _check(engines, traces, max_tokens, 1)
    rows = []
    for sampler, sampled in traces.groupby("model", sort=False):
        encoded, own = read(sampled, engines[sampler].tokenizer, max_tokens)
        counted = [k for k, chosen in enumerate(own) if chosen]
        texts, sums = [encoded.ids[k][:own[k][-1] + 1] for k in counted], {}
        for name, engine in engines.items():
            check_tokens(encoded, engine.tokenizer, f"{name!r}")
            sums[name] = np.zeros((len(own), 1))
            for k, values in zip(counted, engine.logps(texts), strict=True):
                sums[name][k] = np.array(values)[np.array(own[k]) - 1].sum()
        rows += [row for name, there in sums.items()
                 for row in _rows(sampler, name, sampled, own, sums[sampler] - there, seed, ESTIMATORS[1:])]
    return pd.DataFrame(rows, columns=COLUMNS)


def open_policies(models: dict[str, str | Path], device: str = "auto", dtype=None) -> dict[str, tuple]:
    """name -> (model, tokenizer), loaded. Raises ProbeError unless all have one vocabulary and as many logits."""
    first, *others = models
    ours = tokens(Checkpoint(models[first], keep=True))
    for name in others:
        theirs = tokens(Checkpoint(models[name], keep=True))
        odd = sorted(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
        if ours and theirs and odd:
            raise ProbeError(f"{name!r} has another vocabulary than {first!r}: {len(odd)} tokens differ, as "
                             f"{odd[0]!r}; policies are compared on the same tokens only")
    policies = {name: load(str(model), device, dtype) for name, model in models.items()}
    sizes = {name: network.config.get_text_config().vocab_size for name, (network, _) in policies.items()}
    if len(set(sizes.values())) > 1:
        raise ProbeError(f"policies are compared on the same tokens only, but give so many logits: {sizes}")
    return policies


def read(sampled: pd.DataFrame, tokenizer, max_tokens: int | None = None) -> tuple[Encoded, list[list[int]]]:
    """One model's completions as tokens, and of each the numbers of its own tokens that count (departure 3).

    A tag on all that follows an answer, or nothing, is cut by trace_texts to the model's own turn there.
    """
    turns = [(k, start, len(text), "own") for k, text in enumerate(sampled["completion"])
             for start in (0, *(match.end() for match in re.finditer("</tool_response>", text)))]
    texts, spans = trace_texts(sampled, tokenizer, pd.DataFrame(turns, columns=["text_id", "start", "end", "label"]))
    encoded, end = encode(tokenizer, [text + tokenizer.eos_token for text in texts]), len(tokenizer.eos_token)
    written = sampled["n_tokens"] if "n_tokens" in sampled else [None] * len(texts)
    counted = []
    for k, (text, n) in enumerate(zip(texts, written, strict=True)):
        own = encoded.tokens(k, [*((begin, stop + end) for begin, stop in spans["own"][k]), (len(text), len(text) + 1)])
        counted.append((own if len(own) == n else own[:-1])[:max_tokens])  # the last is the end of the last turn
    return encoded, counted


@torch.no_grad()
def trace_sums(networks: dict, sampler: str, encoded: Encoded, own: list[list[int]], batch_size: int = 8,
               advance: Callable[[int], object] = lambda n: None) -> dict[str, np.ndarray]:
    """scorer -> (completions, 2): full and k1, each added up over the tokens of a completion that count.

    networks: loaded models by name, the sampler among them. Tokens after the last that counts are not read.
    """
    counted = [k for k, chosen in enumerate(own) if chosen]
    part = Encoded([encoded.texts[k] for k in counted], *([every[k][:own[k][-1] + 1] for k in counted]
                                                          for every in (encoded.ids, encoded.offsets)))
    for network in networks.values():
        check_length(part, context(network))
    found = {name: np.zeros((len(own), 2)) for name in networks}
    advance(len(own) - len(counted))
    for rows, ids, mask in part.batches(batch_size):
        here, picks = [counted[row] for row in rows], torch.zeros_like(mask, dtype=torch.bool)
        for row, k in zip(picks, here, strict=True):
            row[own[k]] = True
        ours, sizes = logits(networks[sampler], ids, mask, picks), [len(own[k]) for k in here]
        for name, network in networks.items():
            nats = apart(ours, logits(network, ids, mask, picks), ids[picks])
            found[name][here] = torch.stack([values.sum(0) for values in nats.split(sizes)])
        advance(len(here))
    return found


def logits(network, ids: torch.Tensor, mask: torch.Tensor, picks: torch.Tensor) -> torch.Tensor:
    """(picked, vocabulary): a model's logits of the picked tokens, each read at the token before it."""
    place = network.device
    every = network(input_ids=ids.to(place), attention_mask=mask.to(place), use_cache=False).logits
    found = every[:, :-1][picks[:, 1:].to(place)]
    if not found.isfinite().all():
        raise ProbeError(f"{network.config.name_or_path} does not give finite logits in {network.dtype}; read it with "
                         "dtype=torch.bfloat16 or torch.float32")
    return found


def apart(p: torch.Tensor, q: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
    """(tokens, 2) fp64, on the CPU: full and k1 of logits p and q, (tokens, vocabulary), and the tokens written."""
    found = []
    for rows in zip(p.split(ROWS), q.split(ROWS), written.to(p.device).split(ROWS), strict=True):
        ours, theirs = (some.double().log_softmax(1) for some in rows[:2])
        gap = ours - theirs
        found.append(torch.stack([(ours.exp() * gap).sum(1), gap.gather(1, rows[2][:, None])[:, 0]], dim=1))
    return torch.cat(found).cpu()


def policy_neighbors(divergence: pd.DataFrame, mixed: str, experts: dict[str, str], epsilon: float | None = None,
                     ) -> pd.DataFrame:
    """Which domains are neighbors of which, seen from the mixed policy.

    Args:
        divergence: as policy_divergence gives it, of traces in which every expert sampled on every domain.
        mixed: the name of the mixed policy. experts: domain -> the name of its expert.
        epsilon: nats a token (None: of every domain that of its own expert, departure 2).

    Returns: NEIGHBORS, a row an ordered pair of domains (domain A, other B) and estimator: kl, of expert B from the
    mixed policy on A's tasks, with its interval; neighbor, kl < epsilon: B is a neighbor of A; mutual, and A of B. The
    intervals are of kl alone: a chosen epsilon is an estimate, too.
    Raises ProbeError for a cell that is missing or has no tokens, fewer than two domains, and an epsilon not above 0.
    """
    if len(experts) < 2:
        raise ProbeError(f"experts are of {len(experts)} domains ({', '.join(experts)}); give at least 2")
    if epsilon is not None and not 0 < epsilon < inf:
        raise ProbeError(f"epsilon is {epsilon}; choose a number of nats a token above 0, or None")
    rows = []
    for how in ESTIMATORS:
        cells = {(a, b): _cell(divergence, experts[b], mixed, a, how) for a in experts for b in experts}
        rows += [(a, b, how, cell.kl, cell.ci_low, cell.ci_high, cells[a, a].kl if epsilon is None else epsilon)
                 for (a, b), cell in cells.items() if a != b]
    found = pd.DataFrame(rows, columns=NEIGHBORS[:-2])
    found["neighbor"] = found["kl"] < found["epsilon"]
    near = set(found.loc[found["neighbor"], list(NEIGHBORS[:3])].itertuples(index=False, name=None))
    return found.assign(mutual=[{(a, b, how), (b, a, how)} <= near for a, b, how, *_ in rows])


def kl_matrix(divergence: pd.DataFrame, domain: str, estimator: str = "full") -> pd.DataFrame:
    """Samplers (rows) x scorers: nats a token on one domain's tasks, NaN where a model did not sample them."""
    chosen = divergence[(divergence["domain"] == domain) & (divergence["estimator"] == estimator)]
    if chosen.empty:
        raise ProbeError(f"nothing on domain {domain!r} by estimator {estimator!r}; there are "
                         f"{', '.join(divergence['domain'].unique())} by {', '.join(ESTIMATORS)}")
    names = chosen["scored_by"].unique()
    return chosen.pivot(index="sampler", columns="scored_by", values="kl").reindex(index=names, columns=names)


def _rows(sampler: str, scorer: str, sampled: pd.DataFrame, own: list, nats: np.ndarray, seed: int,
          estimators: tuple[str, ...] = ESTIMATORS) -> list[dict]:
    """The rows of one sampler and one scorer, from the sums of every completion."""
    keys = sampled[["domain", "task_id"]].reset_index(drop=True)
    sums = keys.join(pd.DataFrame(nats, columns=estimators)).assign(n=[len(chosen) for chosen in own])
    rows = []
    for domain, part in sums.groupby("domain", sort=False):
        tasks = part.groupby("task_id")[["n", *estimators]].sum()
        for how in estimators:
            found = interval(tasks[[how]].to_numpy(), tasks[["n"]].to_numpy(), seed)
            rows.append({"sampler": sampler, "scored_by": scorer, "domain": domain, "estimator": how,
                         "kl": found.value, "ci_low": found.low, "ci_high": found.high,
                         "nats_per_trace": part[how].mean(), "n_tasks": len(tasks), "n_traces": len(part),
                         "n_tokens": int(part["n"].sum())})
    return rows


def _cell(divergence: pd.DataFrame, sampler: str, scorer: str, domain: str, estimator: str):
    """The row of a divergence that says this."""
    wanted = {"sampler": sampler, "scored_by": scorer, "domain": domain, "estimator": estimator}
    found = divergence[(divergence[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    if len(found) != 1 or found["kl"].isna().any():
        raise ProbeError(f"of {sampler!r} under {scorer!r} on domain {domain!r} by {estimator!r} the divergence has "
                         f"{len(found)} rows, not one with tokens: every expert must have sampled on every domain")
    return next(found.itertuples())


def _check(models: dict, traces: pd.DataFrame, max_tokens: int | None, batch_size: int) -> None:
    if not isinstance(models, dict) or not models or not all(isinstance(name, str) for name in models):
        raise ProbeError(f"models must be a dict of at least one name to a path or hub id, got {models!r}")
    for what, number in (("max_tokens", 1 if max_tokens is None else max_tokens), ("batch_size", batch_size)):
        if number < 1:
            raise ProbeError(f"{what} is {number}; choose at least 1")
    if missing := [name for name in _TRACES if name not in traces]:
        raise ProbeError(f"traces lack the column {', '.join(map(repr, missing))}")
    if traces.empty:
        raise ProbeError("no traces to score; give at least one")
    for name in _TRACES:
        if traces[name].isna().any():
            raise ProbeError(f"{int(traces[name].isna().sum())} of {len(traces)} traces have no {name}")
    if odd := [name for name in traces["model"].unique() if name not in models]:
        raise ProbeError(f"traces are of {', '.join(map(repr, odd))}, not among the models: {', '.join(models)}")
