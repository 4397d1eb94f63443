"""Fixtures that several test files share."""

import pytest
import torch

from tests.merge_zoo import DTYPES, make_zoo
from tests.sandboxed import WALLED
from training.domains.sandbox import SandboxUnavailable, protection

SLOW = ("test_study", "test_vllm", "test_all", "test_smollm2", "test_pieces", "test_notebooks", "test_calibration",
        "test_layer_probes", "test_kills")
"""Files that take half a minute or more; begun first, so that two processes end together."""
torch.set_num_threads(1)  # models this small are fastest on one; where cores are shared, several wait for each other


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: SLOW.index(item.path.stem) if item.path.stem in SLOW else len(SLOW))


@pytest.fixture(params=WALLED)
def level(request):
    try:
        return protection(request.param)
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=[("float32", False), ("float32", True), ("bfloat16", False), ("bfloat16", True)])
def merge_zoo(request, tmp_path_factory):
    """(base, models, dtype) of a tiny zoo to merge, whole or cut into shards."""
    dtype, shards = request.param
    root = tmp_path_factory.mktemp(f"zoo-{dtype}-{shards}")
    return (*make_zoo(root, DTYPES[dtype], shards), dtype)


@pytest.fixture(scope="module")
def plain_zoo(tmp_path_factory):
    """(base, models) of a tiny fp32 zoo to merge."""
    return make_zoo(tmp_path_factory.mktemp("plain"), torch.float32, False)
