"""What a mergekit configuration asks for, in the words of `merge`.

    python -m training.merging --config merge.yml --out MERGED

Read are the methods linear, task_arithmetic, ties, sce, dare_linear and dare_ties over whole models, with numbers,
gradients (lists along the layers) and filters as weights. mergekit's definitions are kept where they are not ours: TIES
trims within each tensor, DARE drops 1 - density and keeps each tensor's sum of magnitudes, and dare_ties neither trims
nor divides. What cannot be kept is refused by name: slices, modules, other tokenizers, other methods.

Not as in mergekit: (1) all arithmetic is fp32, whatever `dtype` says, which is then the dtype written; (2) DARE's masks
are other draws; (3) entries tied at TIES' threshold are kept, all of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from training.merging.errors import MergeError
from training.merging.weights import Weight, is_number

METHODS = {"linear": "average", "task_arithmetic": "task_arithmetic", "ties": "ties", "sce": "sce",
           "dare_linear": "dare_task_arithmetic", "dare_ties": "dare_ties"}
_TOP = {"merge_method", "models", "base_model", "parameters", "dtype", "out_dtype", "tokenizer_source", "name"}
_TRIMMED = ("ties", "dare_linear", "dare_ties")
_KNOWN = {method: {"weight", "normalize", "int8_mask"} | ({"density", "rescale"} if method in _TRIMMED else set())
          | ({"lambda"} if method != "linear" else set()) for method in METHODS} | {"sce": {"select_topk", "int8_mask"}}


def read_mergekit(file: str | Path) -> dict:
    """The arguments of `merge`, but for `out`: base, models, method and parameters. MergeError names what cannot be."""
    asked = _load(Path(file))
    method = asked.get("merge_method")
    if method not in METHODS:
        raise MergeError(f"merge_method {method!r} is not read here; choose one of {', '.join(METHODS)}")
    for key in asked.keys() - _TOP:
        raise MergeError(f"{key!r} is not read here; whole models are merged, by {', '.join(sorted(_TOP))}")
    if asked.get("tokenizer_source", "base") != "base":
        raise MergeError("tokenizer_source must be base: all models must share the base's tokenizer")
    models = _models(asked, method)
    base = asked.get("base_model") or next(iter(models.values()))["model"]
    settings = {name: _settings(method, asked, model) for name, model in models.items()}
    params = _params(method, settings)
    if "dtype" in asked or "out_dtype" in asked:
        params["out_dtype"] = asked.get("out_dtype", asked.get("dtype"))
    return {"base": base, "models": {name: model["model"] for name, model in models.items()},
            "method": METHODS[method], **params}


def _load(file: Path) -> dict:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise MergeError(f"{file} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise MergeError(f"{file} holds no merge configuration")
    return content


def _models(asked: dict, method: str) -> dict[str, dict]:
    """Name -> entry of each model; the base, where a method works on deltas, adds nothing and is left out."""
    entries = asked.get("models")
    if not isinstance(entries, list) or not all(isinstance(one, dict) and isinstance(one.get("model"), str)
                                                for one in entries):
        raise MergeError("models must be a list of entries with a model (a folder or hub id)")
    if method != "linear" and not isinstance(asked.get("base_model"), str):
        raise MergeError(f"{method} needs a base_model (a folder or hub id)")
    found = {}
    for one in entries:
        if method != "linear" and one["model"] == asked["base_model"]:
            continue
        for key in one.keys() - {"model", "parameters"}:
            raise MergeError(f"{key!r} of model {one['model']} is not read here")
        if re.search(r"[+@]", one["model"]) and not Path(one["model"]).exists():
            raise MergeError(f"{one['model']}: adapters (+) and revisions (@) are not read here; give a whole model")
        name = Path(one["model"]).name
        found[name if name not in found else f"{name}-{len(found)}"] = one
    return found


def _settings(method: str, asked: dict, model: dict) -> dict:
    """The parameters that hold for a model: its own, then all models'."""
    merged = {**(asked.get("parameters") or {}), **(model.get("parameters") or {})}
    for key in merged.keys() - _KNOWN[method]:
        raise MergeError(f"parameter {key!r} of {method} is not read here; read are "
                         f"{', '.join(sorted(_KNOWN[method]))}")
    if "weight" in _KNOWN[method] and "weight" not in merged:
        raise MergeError(f"model {model['model']} has no weight")
    return merged


def _params(method: str, settings: dict[str, dict]) -> dict:
    """The parameters of `merge`."""
    if method == "sce":
        return {"select": _shared(settings, "select_topk", 1.0)}
    params = {"weight": {name: _weight(one["weight"]) for name, one in settings.items()}}
    if method != "linear":
        params["scale"] = _shared(settings, "lambda", 1.0)
    normalize = _shared(settings, "normalize", method in ("linear", "ties"))
    if method in ("ties", "dare_ties"):
        params |= {"trim": "per_tensor", "normalize": normalize}
    elif normalize != (method == "linear"):
        raise MergeError(f"normalize: {str(normalize).lower()} of {method} is not read here; change the weights")
    if method in _TRIMMED:
        params |= _density(method, settings)
    return params


def _density(method: str, settings: dict[str, dict]) -> dict:
    density, rescale = _shared(settings, "density", 1.0), _shared(settings, "rescale", method != "ties")
    if method == "ties":
        if rescale:
            raise MergeError("rescale: true of ties is not read here")
        return {"density": density}
    if not rescale:
        raise MergeError(f"rescale: false of {method} is not read here")
    if not is_number(density) or not 0 < density <= 1:
        raise MergeError(f"density must be above 0 and at most 1, got {density!r}")
    return {"drop": 1 - density, "rescale": "l1"} | ({"density": 1.0} if method == "dare_ties" else {})


def _shared(settings: dict[str, dict], key: str, default):
    """A parameter that must be one for all models."""
    values = [one.get(key, default) for one in settings.values()]
    if any(value != values[0] for value in values) or isinstance(values[0], (list, dict)):
        raise MergeError(f"{key} must be one value for all models and layers here, got {values}")
    return values[0]


def _weight(setting) -> Weight:
    """A number, a gradient, or filters as patterns; the first that matches counts, in both."""
    if isinstance(setting, dict):
        setting = [setting]
    if not isinstance(setting, list) or all(is_number(value) for value in setting):
        return setting
    found = {}
    for one in setting:
        if not isinstance(one, dict) or not is_number(one.get("value")):
            raise MergeError(f"a weight must be a number, a list of numbers, or filters with numbers, got {one!r}")
        text = one.get("filter")
        found.setdefault(".*" if text in (None, "*") else re.escape(text), one["value"])
    return found
