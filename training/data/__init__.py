"""Real training data and benchmarks as tasks: published datasets in, `Task`s that the five verifiers can grade out.

    python -m training.data train.jsonl --out runs/data/blend --tokenizer Qwen/Qwen3-4B --max-prompt-tokens 2048 \\
        --against aime24=aime24.jsonl --against gpqa-diamond=gpqa_diamond.csv
    read_prepared("runs/data/blend")["math"]

`rows` reads files and the hub, `schemas` knows five published forms of rows (one file each), `rejects` counts what no
verifier here can grade, `length` and `contamination` filter, `prepared` puts it all into a folder that is whole or
absent. Evaluation sets are in `training.data.benchmarks`.
"""

from training.data.prepared import prepare, read_prepared

__all__ = ["prepare", "read_prepared"]
