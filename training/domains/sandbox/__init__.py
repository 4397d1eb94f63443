"""Run untrusted Python programs: apart, without network or the user's files, limited, and fresh every time.

    from training.domains.sandbox import Program, run_program, run_programs, protection
    protection()                                    # "bubblewrap": what stands between the programs and this machine
    run_program(Program("print(input())", stdin="hi")).stdout        # "hi\\n"
    run_programs([Program(code) for code in codes])                  # in parallel, in order

Levels and what each holds back are in `levels.py`. Where none can be had SandboxUnavailable is raised, unless the
caller asks for `protection="none"` by name. Limits of the approach, at every level: the program and the checks that
follow it share a process, so a program written to fool its own checks can; memory that the kernel holds for a program
(pipes, folders) is not counted; what the kernel itself gets wrong is not caught. The programs that attack it are in
`attacks/sandbox/`.
"""

from .levels import LEVELS
from .pool import Pool
from .program import Limits, Program, RunResult, SandboxError, SandboxUnavailable
from .shared import protection, run_program, run_programs

__all__ = ["LEVELS", "Limits", "Pool", "Program", "RunResult", "SandboxError", "SandboxUnavailable", "protection",
           "run_program", "run_programs"]
