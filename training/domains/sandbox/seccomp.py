"""A seccomp filter: system calls that no solution to a coding task needs fail with EPERM.

At every level: sockets, tracing, namespaces and mounts, shared memory and queues (by name or by number), io_uring (it
would bypass this filter), keys, kernel programs and the kernel's log, the scheduling of others, notices of what others
open, leases, signals by way of a descriptor's owner, flushing the disks, and outliving the keeper. `alone=True` (where
there is no PID namespace) also denies new processes (threads stay), signals to any other process, and all about a file
that Landlock does not see: modes, owners, times, flags, attributes.
Source: the kernel's Documentation/userspace-api/seccomp_filter.rst; the filter is classic BPF.

Departure from common practice: a list of what is denied, not of what is allowed, because a scientific Python calls
much; the walls are the namespaces or Landlock, and this filter closes what they leave open.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from .syscalls import PR_SET_NO_NEW_PRIVS, check, libc, prctl

_DENIED = {  # name: (x86-64, arm64); None where the architecture has no such call
    "socket": (41, 198), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193),
    "semtimedop": (220, 192), "semctl": (66, 191), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fspick": (433, 433), "mount_setattr": (442, 442), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "setpriority": (141, 140), "sched_setaffinity": (203, 122), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    "inotify_init": (253, None), "inotify_init1": (294, 26), "fanotify_init": (300, 262), "syslog": (103, 116),
    "sync": (162, 81), "syncfs": (306, 267),
}
_DENIED_ALONE = {
    "fork": (57, None), "vfork": (58, None), "tkill": (200, 130), "pidfd_send_signal": (424, 424),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "setxattrat": (463, 463), "removexattrat": (466, 466), "utime": (132, None), "utimes": (235, None),
    "utimensat": (280, 88), "futimesat": (261, None),
}
_ATTRIBUTES = {  # alone: as on a file system that has none, which those who copy files expect
    "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10), "listxattr": (194, 11),
    "llistxattr": (195, 12), "flistxattr": (196, 13), "getxattrat": (464, 464), "listxattrat": (465, 465),
}
_SIGNALS = {"kill": (62, 129), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)}
_CLONE, _PRLIMIT, _CLONE3 = (56, 220), (302, 261), (435, 435)
_PRCTL, _FCNTL, _IOCTL = (157, 167), (72, 25), (16, 29)
_DEATH_SIGNAL_AND_DUMPABLE = (1, 4)  # dying with the keeper, being watched by it
_OWNER_SIGNAL_LEASE_NOTIFY = (8, 10, 15, 1024, 1026)
_WITH_SIZE = 0xFFFF0000  # the requests of terminals and pipes, the only ones a program needs, carry none
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, audit architecture
_NEW_NAMESPACES, _CLONE_THREAD = 0x7E020000, 0x00010000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _MACHINE_AT, _ARGUMENT_AT = 0, 4, 16
_PR_SET_SECCOMP, _FILTER_MODE = 22, 2

Instruction = tuple[int, int, int, int]


def fail(number: int, code: int = errno.EPERM) -> list[Instruction]:
    """The call of that number fails with that errno."""
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | code)]


def on(number: int, argument: int, steps: list[Instruction]) -> list[Instruction]:
    """For the call of that number: `steps` on the low half of one of its arguments, then the call is denied."""
    return [(_EQUAL, 0, len(steps) + 2, number), (_LOAD, 0, 0, _ARGUMENT_AT + 8 * argument), *steps,
            (_RETURN, 0, 0, _FAIL | errno.EPERM)]


def unless(number: int, test: int, value: int, wanted: bool = True, argument: int = 0) -> list[Instruction]:
    """The call fails unless `test` of an argument with `value` comes out as `wanted`."""
    good = (test, 0, 1, value) if wanted else (test, 1, 0, value)
    return on(number, argument, [good, (_RETURN, 0, 0, _ALLOW)])


def never(number: int, argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """The call fails where an argument is one of these values."""
    tests = [(_EQUAL, len(values) - k, 0, value) for k, value in enumerate(values)]
    return on(number, argument, [*tests, (_RETURN, 0, 0, _ALLOW)])


def build(machine: str, alone: bool, pid: int) -> list[Instruction]:
    """The whole filter for a machine, as (code, jump if true, jump if false, value)."""
    column, audit = _MACHINES[machine]
    program = [(_LOAD, 0, 0, _MACHINE_AT), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER_AT)]
    if machine == "x86_64":  # the x32 calls have numbers of their own
        program += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    denied = _DENIED | _DENIED_ALONE if alone else _DENIED
    for numbers in denied.values():
        program += fail(numbers[column]) if numbers[column] is not None else []
    program += fail(_CLONE3[column], errno.ENOSYS)  # libc then falls back on clone, whose flags can be read
    program += never(_PRCTL[column], 0, _DEATH_SIGNAL_AND_DUMPABLE)
    program += never(_FCNTL[column], 1, _OWNER_SIGNAL_LEASE_NOTIFY)
    if alone:
        program += [step for numbers in _ATTRIBUTES.values() for step in fail(numbers[column], errno.ENOTSUP)]
        program += unless(_IOCTL[column], _ANY_BIT, _WITH_SIZE, wanted=False, argument=1)
        program += unless(_CLONE[column], _ANY_BIT, _CLONE_THREAD)
        program += [step for numbers in _SIGNALS.values() for step in unless(numbers[column], _EQUAL, pid)]
    else:
        program += unless(_CLONE[column], _ANY_BIT, _NEW_NAMESPACES, wanted=False)
    return [*program, *unless(_PRLIMIT[column], _EQUAL, 0), (_RETURN, 0, 0, _ALLOW)]


def install(alone: bool) -> None:
    """Put the filter on this process and all it starts; OSError where the kernel has none."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no system-call table for {machine}; have {', '.join(_MACHINES)}")
    steps = build(machine, alone, os.getpid())
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    check(libc().prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER_MODE), header, 0, 0), "seccomp")
