"""Fixtures that several test files share."""

import pytest

from tests.sandboxed import WALLED
from training.domains.sandbox import SandboxUnavailable, protection


@pytest.fixture(params=WALLED)
def level(request):
    try:
        return protection(request.param)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
