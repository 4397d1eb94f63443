"""Files of strangers that lie, bomb or bring code, and the public functions that read them (tried by `attacks.files`).

A canary is touched by the code that some of them bring; what leads out of the folder would appear beside it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tests.tiny import save_model
from training.shards import INDEX, SINGLE

CANARY = "canary"


@dataclass(frozen=True)
class Attack:
    """Hostile files, and what reads them."""

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], object]
    refused: bool = True
    """Must reading end in an error (or may the hostile part be left aside)?"""


def model(folder: Path) -> Path:
    """An honest tiny model, to be spoiled."""
    return Path(save_model(folder / "model"))


def header(folder: Path, entries: dict | str, data: int = 8, length: int | None = None) -> None:
    """A safetensors file with any header."""
    (folder / "model").mkdir(exist_ok=True)
    text = (entries if isinstance(entries, str) else json.dumps(entries)).encode()
    start = (len(text) if length is None else length).to_bytes(8, "little")
    (folder / "model" / SINGLE).write_bytes(start + text + bytes(data))
    (folder / "model/config.json").write_text('{"model_type": "qwen3"}')


def tensor(start: int, stop: int, shape: tuple = (2,), dtype: str = "F32") -> dict:
    """An entry of a header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def index(folder: Path, shard: str) -> None:
    """A sharded model whose index names a shard."""
    spoiled = model(folder)
    outside = folder / "outside.safetensors"
    shutil.copy(spoiled / SINGLE, outside)
    os.rename(spoiled / SINGLE, spoiled / "shard.safetensors")
    from safetensors import safe_open

    with safe_open(outside, framework="np") as held:
        names = list(held.keys())
    (spoiled / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys(names, shard.format(folder=folder))}))


def config(folder: Path, **changes) -> None:
    """A model whose config.json has something more, with a module beside it that touches the canary."""
    spoiled = model(folder)
    held = json.loads((spoiled / "config.json").read_text()) | changes
    (spoiled / "config.json").write_text(json.dumps(held))
    (spoiled / "evil.py").write_text(f"open({str(folder / CANARY)!r}, 'w')\nclass Evil: pass\n")


def template(folder: Path, text: str) -> None:
    """A model with a chat template."""
    (model(folder) / "chat_template.jinja").write_text(text)


def pickled(folder: Path, name: str) -> None:
    """A pickle that touches the canary, under a name that is looked for, and no safetensors."""
    spoiled = model(folder)
    (spoiled / SINGLE).unlink()
    (spoiled / name).write_bytes(pickle_of(folder))


def pickle_of(folder: Path) -> bytes:
    """A pickle that touches the canary when it is loaded."""
    return b"cbuiltins\nopen\n(V" + str(folder / CANARY).encode() + b"\nVw\ntR."


def zoo(folder: Path, **changes) -> None:
    """A zoo of one real model, whose manifest has something else."""
    model(folder)
    held = {"name": "zoo", "preset": "organism", "seed": 0, "anchor": "model", "domains": ["math"]}
    (folder / "zoo.json").write_text(json.dumps(held | changes))


def open_checkpoint(folder: Path) -> None:
    """Read every tensor."""
    from training import Checkpoint

    opened = Checkpoint(folder / "model")
    for name in opened.names:
        opened.tensor(name)


def merge_it(folder: Path) -> None:
    """Merge the model with itself."""
    from training import merge

    merge(folder / "model", {"one": folder / "model"}, folder / "merged", progress=False)


def sample_it(folder: Path) -> None:
    """Sample from the model."""
    from behaviors import sample
    from training import get_domain

    sample(str(folder / "model"), get_domain("math").tasks("test", 1), n=1, max_new_tokens=2)


def sample_zoo(folder: Path) -> None:
    """Sample a zoo's models into its store."""
    from behaviors import store
    from training import Zoo

    store.run_pieces = lambda work, jobs, *_: [work(*job) for job in jobs]
    store.TraceStore(Zoo.load(folder), progress=False).traces(n_tasks=1, n=1)


def read_shift(folder: Path) -> None:
    """Open a saved comparison."""
    from probes import WeightShift

    WeightShift.load(folder / "shift.npz")


def write_shift(folder: Path) -> None:
    """A saved comparison with a pickle in it."""
    import zipfile

    header = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    with zipfile.ZipFile(folder / "shift.npz", "w") as file:
        file.writestr("about.npy", header.ljust(127) + b"\n" + pickle_of(folder))


def tag_it(folder: Path) -> None:
    """Tag the traces of a file."""
    from behaviors.reading import read_texts

    list(read_texts(str(folder / "traces.parquet")))


def traces(folder: Path, **columns) -> None:
    """A parquet file of traces."""
    pd.DataFrame(columns).to_parquet(folder / "traces.parquet")


DEEP = '{"a":' * 100_000
ROUNDS = "{% for i in range(10000000) %}{{ i }}{% endfor %}"
ESCAPE = "{{ ().__class__.__base__.__subclasses__() }}{{ cycler.__init__.__globals__.os.system('touch CANARY') }}"
NAMES = {"parent": "../../escaped", "absolute": "{}-escaped", "hidden": ".hidden", "empty": "", "line": "a\nb"}


def attacks() -> list[Attack]:
    """All of them."""
    lies = {
        "longer than the file": ({"a": tensor(0, 8)}, 8, 1 << 40),
        "longest length": ({"a": tensor(0, 8)}, 8, 2**64 - 1),
        "no JSON": ("{", 8, None), "a list": ("[]", 8, None), "nested 100,000 deep": (DEEP, 8, None),
        "beyond the data": ({"a": tensor(0, 80, (20,))}, 8, None), "before the data": ({"a": tensor(-8, 0)}, 8, None),
        "overlap": ({"a": tensor(0, 8), "b": tensor(4, 12)}, 12, None), "a hole": ({"a": tensor(8, 16)}, 16, None),
        "shape of another size": ({"a": tensor(0, 8, (1000, 1000))}, 8, None),
        "shape that overflows": ({"a": tensor(0, 8, (2**62, 8))}, 8, None),
        "negative shape": ({"a": tensor(0, 8, (-2, -1))}, 8, None),
        "unknown type": ({"a": tensor(0, 8, (2,), "F33")}, 8, None),
        "offsets as text": ({"a": tensor("0", "8")}, 8, None), "no offsets": ({"a": {"dtype": "F32"}}, 8, None),
    }
    found = [Attack(f"header: {name}", lambda folder, what=what: header(folder, *what), reader)
             for name, what in lies.items() for reader in (open_checkpoint, merge_it)]
    shards = {"parent folder": "../outside.safetensors", "absolute path": "{folder}/outside.safetensors",
              "a folder": ".", "a device": "/dev/zero", "missing": "none.safetensors"}
    found += [Attack(f"index: {name}", lambda folder, shard=shard: index(folder, shard), open_checkpoint)
              for name, shard in shards.items()]
    found += [Attack(f"link: {target}", lambda folder, target=target: link(folder, target), open_checkpoint)
              for target in ("/dev/zero", "/proc/self/environ", SINGLE, "fifo")]
    found += [
        Attack("code: auto_map", lambda folder: config(folder, auto_map={"AutoModelForCausalLM": "evil.Evil",
                                                                       "AutoConfig": "evil.Evil"}), sample_it, False),
        Attack("code: custom model type", lambda folder: config(folder, model_type="evil", auto_map={
            "AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.Evil"}), sample_it),
        Attack("template: out of the sandbox", lambda folder: template(folder, ESCAPE), sample_it),
        Attack("template: ten million rounds", lambda folder: template(folder, ROUNDS), sample_it),
        Attack("saved comparison: pickle", write_shift, read_shift),
    ]
    found += [Attack(f"pickle: {name}", lambda folder, name=name: pickled(folder, name), reader)
              for name in ("pytorch_model.bin", "model.pt") for reader in (open_checkpoint, merge_it, sample_it)]
    for what, name in NAMES.items():
        found += [Attack(f"zoo: {group} named {what}", lambda folder, name=name, group=group: zoo(
            folder, **{group: [name.format(folder)] if group == "domains" else {name.format(folder): "model"}}),
            sample_zoo) for group in ("experts", "controls", "merged", "domains")]
    wrong = {"seed": "../../0", "domains": "math", "experts": ["model"], "runs": [1], "factors": [], "anchor": 1,
             "versions": 3, "name": {}}
    found += [Attack(f"zoo: {name} of a wrong type", lambda folder, name=name: zoo(folder, **{name: wrong[name]}),
                     sample_zoo) for name in wrong]
    found += [
        Attack("zoo: JSON 100,000 deep", lambda folder: (folder / "zoo.json").write_text(DEEP), sample_zoo),
        Attack("traces: numbers for texts", lambda folder: traces(folder, completion=[1, 2]), tag_it),
        Attack("traces: no column", lambda folder: traces(folder, nothing=["a"]), tag_it),
        Attack("traces: no parquet", lambda folder: (folder / "traces.parquet").write_bytes(b"PAR1" * 9), tag_it),
    ]
    return found


def link(folder: Path, target: str) -> None:
    """A model whose weights are a link to something else."""
    spoiled = model(folder)
    (spoiled / SINGLE).unlink()
    if target == "fifo":
        os.mkfifo(spoiled / SINGLE)
    else:
        (spoiled / SINGLE).symlink_to(target)
