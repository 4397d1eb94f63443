"""Programs that take too much: processes, memory, disk, time, output. Each is bounded should nothing stop it."""

from attacks.sandbox.attack import Attack
from training.domains.sandbox import Limits

_FORKS = """
made = 0
for _ in range(40):
    try:
        pid = {how}
    except OSError:
        break
    if pid == 0:
        time.sleep(3)
        os._exit(0)
    if pid < 0:
        break
    made += 1
through(made > 6)
"""

_PROCESSES = {
    "forks": _FORKS.format(how="os.fork()"),
    "forks by a raw system call": _FORKS.format(how="call(56, 220, signal.SIGCHLD, None, None, None, None)"),
    "forks that fork": """
read, write = os.pipe()
for _ in range(5):
    try:
        os.fork()
    except OSError:
        pass
os.write(write, b'x')
time.sleep(0.5)
if os.getpid() == 1 or os.getpgid(0) == os.getpid():
    through(len(os.read(read, 99)) > 6)
""",
    "starts subprocesses": """
started = []
for _ in range(30):
    try:
        started.append(subprocess.Popen(['sleep', '2']))
    except OSError:
        break
through(len(started) > 6)
""",
    "starts threads": """
threading.stack_size(1 << 16)
for _ in range(60):
    threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
time.sleep(0.5)
through(threading.active_count() > 60)
""",
    "forks twice to outlive its run": """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        time.sleep(12)
    os._exit(0)
time.sleep(0.1)
""",
    "outlives its run as a subprocess": "subprocess.Popen(['sleep', '12'], start_new_session=True)",
}

_MEMORY = {
    "in one piece": "x = bytearray(200 << 20)\nthrough()",
    "piece by piece": "x = []\nfor _ in range(200): x.append(bytearray(1 << 20))\nthrough()",
    "by a mapping": "import mmap\nm = mmap.mmap(-1, 200 << 20)\nm.write(bytes(1 << 20) * 199)\nthrough()",
    "in calls": ("sys.setrecursionlimit(10**5)\n"
                 "def f(*a): return f(*a, *range(1000)) if len(a) < 400000 else through()\nf()"),
}

_CHILDREN = """
read, write = os.pipe()
for _ in range(5):
    if os.fork() == 0:
        {take}
        os.write(write, b'x')
        time.sleep(2)
        os._exit(0)
held = b''
while len(held) < 5:
    held += os.read(read, 5)
time.sleep(0.5)
through()
"""

_DEEP = """
for _ in range(3000):
    os.mkdir('d')
    os.chdir('d')
"""

_DISK = {
    "in many files": "for n in range(12): open(f'f{n}', 'wb').write(bytes(4 << 20))\ntime.sleep(0.3)\nthrough()",
    "in folders": """
for n in range(12):
    os.makedirs(f'd{n}/e')
    open(f'd{n}/e/f', 'wb').write(bytes(4 << 20))
time.sleep(0.3)
through()
""",
    "in files without a name": """
files = []
for n in range(12):
    files.append(open('f', 'wb', buffering=0))
    os.unlink('f')
    files[-1].write(bytes(4 << 20))
time.sleep(0.3)
through()
""",
    "in files that are never written": """
for n in range(12):
    os.posix_fallocate(os.open(f'f{n}', os.O_CREAT | os.O_RDWR), 0, 4 << 20)
time.sleep(0.3)
through()
""",
    "in names alone": (
        "for n in range(20000): os.close(os.open(f'f{n}', os.O_CREAT))\ntime.sleep(0.3)\nthrough()"),
}

_BUSY = "end = time.time() + 8\nwhile time.time() < end: pass\nthrough()"
_TIME = {
    "loops": _BUSY,
    "sleeps": "time.sleep(8)\nthrough()",
    "loops in one instruction": "x = pow(3, 10**7)\nfor _ in range(8): x * x\nthrough()",
    "loops deaf to signals": (
        "for s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except OSError: pass\n" + _BUSY),
    "loops without streams": "os.closerange(0, 2)\n" + _BUSY,
    "loops in a thread": f"def work():\n    global end\n    exec({_BUSY!r})\nthreading.Thread(target=work).start()",
    "loops in an exit handler": f"import atexit\natexit.register(lambda: exec({_BUSY!r}, globals()))",
    "loops in a finalizer":
        f"class A:\n    def __del__(self): exec('import time\\n' + {_BUSY!r}, globals())\na = A()\na.a = a",
    "loops for every exception": (
        "end = time.time() + 8\nwhile time.time() < end:\n    try:\n        while time.time() < end: pass\n"
        "    except BaseException: pass\nthrough()"),
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(8)\nthrough()",
}

_OUTPUT = {
    "output": "for _ in range(64): os.write(1, b'x' * (1 << 20))\nthrough()",
    "errors": "for _ in range(64): os.write(2, b'x' * (1 << 20))\nthrough()",
    "output from a child": """
if os.fork() == 0:
    for _ in range(64):
        os.write(1, b'x' * (1 << 20))
    through()
else:
    os.wait()
""",
}

BOMBS = (
    *(Attack(f"{name} without end", code, Limits(seconds=4.0, processes=6), quick=False)
      for name, code in _PROCESSES.items()),
    *(Attack(f"takes memory {name}", code, Limits(seconds=4.0, memory_bytes=150 << 20), unwalled=False)
      for name, code in _MEMORY.items()),
    Attack("takes memory in its children", _CHILDREN.format(take="x = bytearray(b'x') * (70 << 20)"),
           Limits(seconds=4.0, memory_bytes=150 << 20), quick=False),
    Attack("takes memory that its children share",
           _CHILDREN.format(take="import mmap\n        m = mmap.mmap(-1, 70 << 20)\n"
                                 "        for _ in range(10): m.write(bytes(7 << 20))"),
           Limits(seconds=4.0, memory_bytes=150 << 20), quick=False),
    *(Attack(f"takes disk {name}", code, Limits(seconds=4.0, file_bytes=8 << 20), quick=False)
      for name, code in _DISK.items()),
    Attack("leaves folders too deep to remove", _DEEP, unwalled=False),
    Attack("takes disk in one file",
           "open('f', 'wb', buffering=0).write(bytes(48 << 20))\nthrough(os.path.getsize('f') > 8 << 20)",
           Limits(seconds=4.0, file_bytes=8 << 20), unwalled=False),
    *(Attack(f"{name} without end", code, Limits(seconds=0.5), unwalled=False) for name, code in _TIME.items()),
    Attack("loops in a child without end", f"if os.fork() == 0:\n    os.setsid()\n{_BUSY}",
           Limits(seconds=0.5)),
    *(Attack(f"writes {name} without end", code, unwalled=False) for name, code in _OUTPUT.items()),
)
