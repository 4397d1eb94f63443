"""Programs that try to learn what they must not: the user's files, environment, processes, memory, network."""

from attacks.sandbox.attack import Attack

_FILES = {
    "the home folder": "print(open(host.folder + '/notes.txt').read())",
    "an SSH key": "print(open(host.folder + '/.ssh/id_ed25519').read())",
    "the tests' expected output": "print(open(host.folder + '/expected.txt').read())",
    "the names in a folder": "print(os.listdir(host.folder))",
    "a file by a relative path": "print(open('../' * 12 + host.folder[1:] + '/notes.txt').read())",
    "a file through a symlink": "os.symlink(host.folder, 'link')\nprint(open('link/notes.txt').read())",
    "a file through a hard link": "os.link(host.folder + '/notes.txt', 'mine')\nprint(open('mine').read())",
    "a file through a rename": "os.rename(host.folder + '/notes.txt', 'mine')\nprint(open('mine').read())",
    "a file by libc's open": (
        "fd = libc.open((host.folder + '/notes.txt').encode(), 0)\nprint(os.read(fd, 99))"),
    "a file by a raw system call": (  # openat2
        "how = (ctypes.c_uint64 * 3)()\n"
        "print(os.read(call(437, 437, -100, (host.folder + '/notes.txt').encode(), how, 24), 99))"),
    "a file by an O_PATH descriptor": (
        "fd = os.open(host.folder + '/notes.txt', os.O_PATH)\nprint(open(f'/proc/self/fd/{fd}').read())"),
    "a file by its handle": """
handle, mount = ctypes.create_string_buffer(136), ctypes.c_int()
ctypes.cast(handle, ctypes.POINTER(ctypes.c_uint))[0] = 128
libc.name_to_handle_at(-100, (host.folder + '/notes.txt').encode(), handle, ctypes.byref(mount), 0)
print(os.read(libc.open_by_handle_at(os.open('/tmp', os.O_RDONLY), handle, 0), 99))
""",
    "a file by a subprocess": (
        "print(subprocess.run(['cat', host.folder + '/notes.txt'], capture_output=True, text=True).stdout)"),
    "a file by a shell in its place": "os.execv('/bin/sh', ['sh', '-c', f'cat {host.folder}/notes.txt'])",
    "a file through /proc/1/root": "print(open('/proc/1/root' + host.folder + '/notes.txt').read())",
    "a file through a parent's folder": "print(open(f'/proc/{os.getppid()}/root{host.folder}/notes.txt').read())",
    "shared memory in /dev/shm": "print(open('/dev/shm/planted').read())",
    "a file after chroot": """
os.mkdir('cage')
os.chroot('cage')
for _ in range(12):
    os.chdir('..')
os.chroot('.')
print(open(host.folder + '/notes.txt').read())
""",
    "the disk below the files": """
import stat
for name in os.listdir('/dev'):
    if stat.S_ISBLK(os.stat('/dev/' + name).st_mode):
        try:
            through(len(os.read(os.open('/dev/' + name, os.O_RDONLY), 512)) == 512)
        except OSError:
            pass
os.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0))
through()
""",
    "names as they are opened, by inotify": """
fd = libc.inotify_init()
libc.inotify_add_watch(fd, host.folder.encode(), 0x20)
if select.select([fd], [], [], 1)[0]:
    print(os.read(fd, 4096))
""",
    "names as they are opened, by fanotify": "through(libc.fanotify_init(0x200, 0) >= 0)",
    "names as they change, by dnotify": (
        "fcntl.fcntl(os.open(host.readable, os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_CREATE)\nthrough()"),
    "the attributes of a file": "os.listxattr(host.folder + '/kept')\nthrough()",
}

_PROCESSES = {
    "another process's environment": "print(open(f'/proc/{host.victim}/environ').read())",
    "every process's environment": """
for name in os.listdir('/proc'):
    if name.isdigit():
        try:
            print(open(f'/proc/{name}/environ').read())
        except OSError:
            pass
""",
    "every process's command line": "through(any(b'sleep' in open(f'/proc/{n}/cmdline', 'rb').read()\n"
                                    "        for n in os.listdir('/proc') if n.isdigit()))",
    "another process's memory, by /proc": """
stack = next(line for line in open(f'/proc/{host.victim}/maps') if '[stack]' in line).split()[0]
start, end = (int(part, 16) for part in stack.split('-'))
memory = open(f'/proc/{host.victim}/mem', 'rb')
memory.seek(start)
print(memory.read(end - start))
""",
    "another process's memory, by process_vm_readv": """
here = (ctypes.c_uint64 * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
call(310, 270, host.victim, here, 1, (ctypes.c_uint64 * 2)(4096, 8), 1, 0)
through(ctypes.get_errno() in (0, 14) or libc.process_vm_readv(host.victim, here, 1, here, 1, 0) > 0)
""",
    "another process, by ptrace": "through(libc.ptrace(16, host.victim, 0, 0) == 0)",
    "another process's descriptors, by pidfd": (
        "fd = call(434, 434, host.victim, 0)\nthrough(call(438, 438, fd, 1, 0) >= 0)"),
    "System V memory, by its number": """
libc.shmat.restype = ctypes.c_void_p
at = libc.shmat(host.memory, None, 0o10000)
print(ctypes.string_at(at, 64) if at != ctypes.c_void_p(-1).value else 'none')
""",
    "System V messages, by their queue's number": (
        "text = ctypes.create_string_buffer(200)\nlibc.msgrcv(host.messages, text, 100, 0, 0o4000)\nprint(text.raw)"),
    "System V semaphores, by their number": "through(libc.semctl(host.semaphore, 0, 12) >= 0)",
    "POSIX messages": """
fd = libc.mq_open(host.queue, os.O_RDONLY | os.O_NONBLOCK)
text = ctypes.create_string_buffer(8192)
libc.mq_receive(fd, text, 8192, None)
print(text.value)
""",
    "the kernel's log": "through(libc.klogctl(10, None, 0) > 0)",
    "the kernel's keys": "through(call(248, 217, b'user', b'mine', b'x', 1, -1) >= 0)",
    "the kernel's counters": (
        "about = (ctypes.c_uint64 * 16)(1 | 128 << 32)\nthrough(call(298, 241, about, 0, -1, -1, 0) >= 0)"),
}

_ITS_OWN = {
    "the user's environment": "print(dict(os.environ))",
    "descriptors left open": """
for fd in range(3, 4096):
    try:
        print(os.read(fd, 4096))
    except OSError:
        pass
""",
    "what the program before it had in memory": """
import gc, math
print([repr(value) for value in gc.get_objects() if 'planted-' in repr(value)], vars(math).get('left'))
frame = sys._getframe()
while frame:
    print(frame.f_locals)
    frame = frame.f_back
""",
    "what the program before it left": (
        "print(os.listdir('.'), *(open(p).read() for p in ('left', '/tmp/left', '/scratch/left') "
        "if os.path.exists(p)))"),
}

_NETWORK = {
    "a TCP server on this machine": (
        "print(socket.create_connection(('127.0.0.1', host.port), timeout=2).recv(99))"),
    "a Unix socket": (
        "s = socket.socket(socket.AF_UNIX)\ns.connect(host.folder + '/socket')\nprint(s.recv(99))"),
    "an abstract Unix socket": (
        "s = socket.socket(socket.AF_UNIX)\ns.connect('\\0planted')\nprint(s.recv(99))"),
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', host.port))\nthrough()",
    "a server of its own": "socket.create_server(('127.0.0.1', 0))\nthrough()",
    "packets as they pass": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300)\nthrough()",
    "the interfaces, by netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\nthrough()",
    "a socket of any family": """
for family in range(1, 46):
    for kind in (1, 2, 3, 5):
        through(call(41, 198, family, kind, 0) >= 0)
""",
    "a file through io_uring": "through(call(425, 425, 4, ctypes.create_string_buffer(120)) >= 0)",
}

# The i386 call `open` (5) on a path below 4 GiB, by `int 0x80`: mov ebx, path; xor ecx, ecx; mov eax, 5; int 0x80; ret.
_I386 = """
import mmap
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, 4096, 7, 0x62, -1, 0)
path = (host.folder + '/notes.txt').encode() + b'\\0'
ctypes.memmove(page + 256, path, len(path))
code = b'\\x53\\xbb' + (page + 256).to_bytes(4, 'little') + b'\\x31\\xc9\\xb8\\x05\\0\\0\\0\\xcd\\x80\\x5b\\xc3'
ctypes.memmove(page, code, len(code))
print(os.read(ctypes.CFUNCTYPE(ctypes.c_int)(page)(), 99))
"""

# socket() has the number 41 with the bit of the x32 calls set.
_X32 = "fd = libc.syscall(ctypes.c_long(0x40000000 + 41), ctypes.c_long(2), ctypes.c_long(1), ctypes.c_long(0))\n"

_ROOT = ("a file by its handle", "a file through /proc/1/root", "a file after chroot", "the disk below the files",
         "the kernel's log", "the kernel's counters", "packets as they pass")

READS = (
    *(Attack(f"reads {name}", code, root=name in _ROOT) for name, code in (_FILES | _PROCESSES).items()),
    *(Attack(f"reads {name}", code, unwalled=False) for name, code in _ITS_OWN.items()),
    *(Attack(f"opens {name}", code, root=name in _ROOT) for name, code in _NETWORK.items()),
    Attack("reads a file by a 32-bit system call", _I386, machine="x86_64"),
    Attack("opens a socket by an x32 system call", _X32 + "through(fd >= 0)", machine="x86_64", unwalled=False),
)
