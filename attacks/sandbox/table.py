"""Every hostile program, by what it tries."""

from attacks.sandbox.bombs import BOMBS
from attacks.sandbox.reads import READS
from attacks.sandbox.writes import WRITES

ATTACKS = (*READS, *WRITES, *BOMBS)
