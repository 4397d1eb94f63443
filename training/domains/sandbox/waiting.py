"""How long a program had no processor though it could run: the waits that the kernel counted, and the one that goes on.

The kernel (schedstat, in /proc) counts a wait when it ends. One that lasts shows in what does not change: a process
that can run, and between two looks has neither run nor been given a processor, waits. Of the first thread alone.
"""

from __future__ import annotations

import time

from .usage import GONE, read, stat_fields


class Waiting:
    """Look at a process now and then; `seconds` is right to the time between two looks."""

    def __init__(self, proc: int):
        """proc: a descriptor of /proc; below 0 where there is none, and no wait is seen."""
        self.proc, self.since, self.seen = proc, time.monotonic(), ["0", "0", "0"]

    def seconds(self, child: int) -> float:
        """Seconds in which process `child` has waited until now; 0 where it is gone, or the kernel does not say."""
        if self.proc < 0:
            return 0.0
        try:
            state = stat_fields(self.proc, child)[0]
            counted = read(self.proc, f"{child}/schedstat").split()  # ran, waited (both in ns), times on a processor
        except GONE:
            return 0.0
        if state != "R" or counted != self.seen:
            self.since, self.seen = time.monotonic(), counted
        return int(counted[1]) / 1e9 + time.monotonic() - self.since
