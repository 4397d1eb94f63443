"""Programs that try to change what is not theirs: files, processes, the kernel's objects, the next program."""

from attacks.sandbox.attack import Attack

_FILES = {
    "a new file": "open(host.folder + '/new', 'w')",
    "over a file": "open(host.folder + '/kept', 'w').write('mine')",
    "over a file through a symlink": "os.symlink(host.folder + '/kept', 'link')\nopen('link', 'w').write('mine')",
    "over a file through /proc/1/root": "open('/proc/1/root' + host.folder + '/kept', 'w').write('mine')",
    "nothing into a file, by truncate": "os.truncate(host.folder + '/kept', 0)",
    "nothing into a file, by opening it": "os.open(host.folder + '/kept', os.O_RDONLY | os.O_TRUNC)",
    "a file away": "os.unlink(host.folder + '/kept')",
    "another name": "os.rename(host.folder + '/kept', host.folder + '/renamed')",
    "another mode": "os.chmod(host.folder + '/kept', 0)",
    "another owner": "os.chown(host.folder + '/kept', 12, 12)",
    "other times": "os.utime(host.folder + '/kept', (1, 1))",
    "an attribute": "os.setxattr(host.folder + '/kept', 'trusted.mine', b'x')",
    "a link to a file": "os.link(host.folder + '/kept', 'mine')\ntime.sleep(0.5)",
    "into the interpreter's folder": "open(host.readable + '/sitecustomize.py', 'w')",
    "another mode on a file it may read": "os.chmod(host.readable + '/kept', 0o700)",
    "other times on a file it may read": "os.utime(os.open(host.readable + '/kept', os.O_RDONLY), (1, 1))",
    "flags of a file it may read": """
flags = ctypes.c_long(0x40)
fd = os.open(host.readable + '/kept', os.O_RDONLY)
through(libc.ioctl(fd, ctypes.c_ulong(0x40086602), ctypes.byref(flags)) == 0)
""",
    "a lease on a file it may read": (
        "fcntl.fcntl(os.open(host.readable + '/kept', os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)\nthrough()"),
    "into /dev/shm": "open('/dev/shm/mine', 'w')",
    "into the temporary folder": "open('/tmp/mine', 'w')",
}

_PROCESSES = {
    "kills another process": "os.kill(host.victim, 9)",
    "kills another process, by tgkill": "call(234, 131, host.victim, host.victim, 9)",
    "kills another process, by tkill": "call(200, 130, host.victim, 9)",
    "kills another process, by rt_sigqueueinfo": (
        "about = (ctypes.c_int * 32)(9, 0, -1)\ncall(129, 138, host.victim, 9, about)"),
    "kills another process, by pidfd": "call(424, 424, call(434, 434, host.victim, 0), 9, None, 0)",
    "kills another process, by the owner of a pipe": """
read, write = os.pipe()
fcntl.fcntl(read, 10, signal.SIGKILL)
fcntl.fcntl(read, fcntl.F_SETOWN, host.victim)
fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC)
os.write(write, b'x')
time.sleep(0.2)
""",
    "stops another process": "os.kill(host.victim, signal.SIGSTOP)",
    "kills its parent": "parent = os.getppid()\nparent and os.kill(parent, 9)",
    "kills its parent's parent": (
        "parent = os.getppid()\n"
        "parent and os.kill(int(open(f'/proc/{parent}/stat').read().rpartition(')')[2].split()[1]), 9)"),
    "kills everything": "os.kill(-1, 9)",
    "kills everything near its own number": """
for pid in range(max(2, os.getpid() - 30), os.getpid() + 3):
    if pid != os.getpid():
        try:
            os.kill(pid, 9)
        except OSError:
            pass
""",
    "lowers another process's limits": "import resource\nresource.prlimit(host.victim, 7, (5, 5))",
    "lowers another process's priority": "os.setpriority(os.PRIO_PROCESS, host.victim, 19)",
    "lowers another process's scheduling": "os.sched_setscheduler(host.victim, os.SCHED_IDLE, os.sched_param(0))",
    "lowers another process's scheduling, by sched_setattr": (
        "about = (ctypes.c_uint32 * 12)(48, os.SCHED_IDLE)\ncall(314, 274, host.victim, about, 0)"),
    "lowers another process's place at the disk": "call(251, 30, 1, host.victim, 3 << 13)",
    "raises its own priority": "os.setpriority(os.PRIO_PROCESS, 0, -5)\nthrough()",
    "asks not to die with its keeper": "through(libc.prctl(1, *(ctypes.c_ulong(0) for _ in range(4))) == 0)",
}

_KERNEL = {
    "takes capabilities, by a user namespace": "through(libc.unshare(0x10000000) == 0)",
    "takes capabilities, by clone": """
pid = call(56, 220, 0x10000000 | signal.SIGCHLD, None, None, None, None)
if pid == 0:
    os._exit(0)
through(pid > 0)
""",
    "takes capabilities, by clone3": """
about = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, signal.SIGCHLD)
pid = call(435, 435, about, 64)
if pid == 0:
    os._exit(0)
through(pid > 0)
""",
    "takes another process's namespaces": "through(libc.setns(os.open(f'/proc/{host.victim}/ns/mnt', 0), 0) == 0)",
    "becomes root": "libc.setgroups(0, None)\nos.setuid(0)\nos.chown('.', 1, 1)\nthrough()",
    "mounts a file system": "os.mkdir('m')\nthrough(libc.mount(b'none', b'm', b'tmpfs', 0, None) == 0)",
    "mounts a file system, by fsopen": "through(call(430, 430, b'tmpfs', 0) >= 0)",
    "unmounts /proc": "through(libc.umount2(b'/proc', 2) == 0)",
    "names the machine": "socket.sethostname('mine')",
    "makes shared memory that outlives it": "through(libc.shmget(0, 4096, 0o1600) >= 0)",
    "removes shared memory": "libc.shmctl(host.memory, 0, None)",
    "fills a System V queue": "libc.msgsnd(host.messages, ctypes.create_string_buffer(b'\\1', 16), 1, 0o4000)",
    "raises a System V semaphore": (
        "libc.semop(host.semaphore, (ctypes.c_short * 3)(0, 1, 0), ctypes.c_size_t(1))"),
    "makes a POSIX queue that outlives it": (
        "through(libc.mq_open(b'/mine', os.O_CREAT | os.O_RDWR, 0o600, None) >= 0)"),
    "removes a POSIX queue": "libc.mq_unlink(host.queue)",
    "holds memory in a nameless file": "through(libc.memfd_create(b'x', 0) >= 0)",
    "loads a kernel program": "through(call(321, 280, 0, (ctypes.c_uint32 * 18)(2, 4, 4, 1), 72) >= 0)",
    "handles its own page faults": "through(call(323, 282, 1) >= 0)",
    "flushes every disk": "through(call(306, 267, os.open('/usr', os.O_RDONLY)) == 0)",
}

_THE_NEXT = {
    "patches builtins": (
        "import builtins, json, math\nbuiltins.sorted = builtins.len = builtins.print = lambda *a, **k: []\n"
        "json.dumps = lambda *a: 'mine'\nos.listdir = None"),
    "patches what forks programs": """
frame = sys._getframe()
while frame:
    for name, value in list(frame.f_globals.items()):
        if callable(value) and not name.startswith('__'):
            frame.f_globals[name] = lambda *a, **k: 0
    frame = frame.f_back
os._exit(0)
""",
    "leaves a module for the next program": "open('json.py', 'w').write('dumps = None')",
    "leaves an exit handler": (
        "import atexit\natexit.register(lambda: open('json.py', 'w').write('x'))\nraise SystemExit(3)"),
    "ends by a signal": "os.kill(os.getpid(), 11)",
    "ends in a corrupted heap": "ctypes.string_at(8)",
}

_ROOT = ("over a file through /proc/1/root", "another owner", "an attribute", "raises its own priority",
         "takes another process's namespaces", "becomes root", "mounts a file system",
         "mounts a file system, by fsopen", "unmounts /proc", "names the machine", "loads a kernel program")

WRITES = (
    *(Attack(f"writes {name}", code, root=name in _ROOT) for name, code in _FILES.items()),
    *(Attack(name, code, root=name in _ROOT) for name, code in (_PROCESSES | _KERNEL).items()),
    *(Attack(name, code, unwalled=False) for name, code in _THE_NEXT.items()),
)
