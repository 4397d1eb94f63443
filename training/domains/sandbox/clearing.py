"""Remove a folder that an untrusted program filled: however deep, whatever its modes. The program is over by then.

Folders within folders are moved to the top before their own turn comes, so that no path and no recursion grows with the
depth a program chose.
"""

from __future__ import annotations

import itertools
import os


def clear(top: str) -> None:
    """Remove `top` and all below it. OSError where something cannot be removed."""
    os.chmod(top, 0o700)
    names = (os.path.join(top, f".clearing-{number}") for number in itertools.count())
    while entries := list(os.scandir(top)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for inner in list(os.scandir(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    os.chmod(inner.path, 0o700)  # moving a folder writes its `..`
                    os.rename(inner.path, next(name for name in names if not os.path.lexists(name)))
                else:
                    os.unlink(inner.path)
            os.rmdir(entry.path)
    os.rmdir(top)
