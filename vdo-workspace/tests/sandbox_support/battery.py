"""Escape attempts, one function each. Prints `ESCAPED <name>` or `held <name>: why`.

Run as `battery.py FACTS NAME...`; FACTS is a JSON object that the test on the host wrote.
An attempt returns a true value if it got out. Attempts whose effect can be seen on the host
(a file, a byte on a listener, a dead process) are judged there as well.
"""

import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

FACTS = json.loads(sys.argv[1])
LIBC = ctypes.CDLL(None, use_errno=True)
ATTEMPTS = {}
GIB = 1 << 30


def attempt(function):
    ATTEMPTS[function.__name__] = function
    return function


def call(number, *arguments):
    """A system call; raises OSError if it is refused."""
    arguments = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def in_child(function):
    """Whether `function` returns true in a forked child, so that its effects end with it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if function() else 1
        except BaseException:
            pass
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# Reading what belongs to the host.

@attempt
def read_shadow():
    return open("/etc/shadow").read()

@attempt
def read_secret_file():
    return FACTS["secret"] in open(FACTS["dir"] + "/secret").read()

@attempt
def read_root_home():
    return os.listdir(FACTS["home"])

@attempt
def read_host_environ():
    return b"VDO_BATTERY_SECRET" in open(f"/proc/{FACTS['victim']}/environ", "rb").read()

@attempt
def read_through_proc_root():
    return FACTS["secret"] in open(f"/proc/{FACTS['victim']}/root{FACTS['dir']}/secret").read()

@attempt
def read_through_proc_1_root():
    return FACTS["secret"] in open(f"/proc/1/root{FACTS['dir']}/secret").read()

@attempt
def read_through_proc_1_cwd_climb():
    return FACTS["secret"] in open(f"/proc/1/cwd/../../../../..{FACTS['dir']}/secret").read()

@attempt
def see_host_process():
    return os.path.isdir(f"/proc/{FACTS['victim']}")

@attempt
def read_kcore():
    return open("/proc/kcore", "rb").read(1)

@attempt
def read_kernel_log():
    buffer = ctypes.create_string_buffer(64)
    return call(103, 2 + 8, buffer, 64) >= 0

@attempt
def use_inherited_fd():
    return FACTS["secret"].encode() in os.pread(FACTS["fd"], 200, 0)

@attempt
def use_any_leaked_fd():
    for fd in os.listdir("/proc/self/fd"):
        target = os.readlink(f"/proc/self/fd/{fd}") if os.path.islink(f"/proc/self/fd/{fd}") else ""
        if int(fd) > 2 and FACTS["dir"] in target:
            return True

@attempt
def use_fds_of_pid_1():
    for fd in os.listdir("/proc/1/fd"):
        if os.readlink(f"/proc/1/fd/{fd}").startswith("/"):
            os.open(f"/proc/1/fd/{fd}", os.O_RDONLY)
            return True

@attempt
def read_by_handle():
    buffer = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    call(303, -100, b"/usr", buffer, ctypes.byref(mount), 0)
    call(304, os.open("/usr", os.O_RDONLY), buffer, os.O_RDONLY)
    return True


# Writing to the host.

@attempt
def write_host_tmp():
    open(FACTS["dir"] + "/written", "w").write("x")
    return True

@attempt
def write_etc():
    open("/etc/vdo-battery", "w").write("x")
    os.unlink("/etc/vdo-battery")
    return True

@attempt
def write_usr():
    open("/usr/vdo-battery", "w").write("x")
    os.unlink("/usr/vdo-battery")
    return True

@attempt
def write_source_folder():
    open(FACTS["work"] + "/written", "w").write("x")
    return True

@attempt
def write_source_git_hook():
    open(FACTS["work"] + "/.git/hooks/pre-commit", "w").write("x")
    return True

@attempt
def write_core_pattern():
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return True

@attempt
def write_sysctl():
    os.close(os.open("/proc/sys/vm/overcommit_memory", os.O_WRONLY))
    return True

@attempt
def write_sysrq():
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))
    return True

@attempt
def write_sysfs():
    os.close(os.open("/sys/power/pm_freeze_timeout", os.O_WRONLY))
    return True

@attempt
def write_cgroup():
    path = FACTS["cgroup"]
    os.mkdir(path)
    os.rmdir(path)
    return True

@attempt
def leave_in_dev_shm():
    open("/dev/shm/" + FACTS["token"], "w").write("x")
    return FACTS["bare"]  # seen from the host otherwise

@attempt
def write_in_dev():
    open("/dev/" + FACTS["token"], "w").write("x")
    os.unlink("/dev/" + FACTS["token"])
    return True

@attempt
def write_in_root():
    open("/" + FACTS["token"], "w").write("x")
    os.unlink("/" + FACTS["token"])
    return True


# Reaching the host.

def send(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)
        s.sendall(b"x")
    return True

@attempt
def host_loopback_tcp():
    return send(socket.AF_INET, ("127.0.0.1", FACTS["tcp"]))

@attempt
def host_path_socket():
    return send(socket.AF_UNIX, FACTS["dir"] + "/socket")

@attempt
def host_abstract_socket():
    return send(socket.AF_UNIX, "\0" + FACTS["token"])

@attempt
def host_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.connect(("127.0.0.1", FACTS["udp"]))
        s.send(b"x")
        return s.recv(1) == b"y"

@attempt
def raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    return True

@attempt
def packet_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    return True

@attempt
def vsock():
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    return True

@attempt
def audit_netlink():
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
    return True

@attempt
def kernel_crypto_socket():
    socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
    return True

@attempt
def sysv_shared_memory():
    identifier = call(29, FACTS["ipc_key"], 4096, 0)
    return identifier >= 0


# Processes of the host.

@attempt
def kill_host_process():
    os.kill(FACTS["victim"], signal.SIGTERM)
    return True

@attempt
def signal_parent():
    os.kill(FACTS["host"], 0)
    return True

@attempt
def signal_by_pidfd():
    signal.pidfd_send_signal(os.pidfd_open(FACTS["victim"]), 0)
    return True

@attempt
def ptrace_child():
    child = subprocess.Popen(["/bin/sleep", "5"])
    try:
        return call(101, 16, child.pid, 0, 0) == 0
    finally:
        child.kill()
        child.wait()

@attempt
def peek_host_memory():
    local, remote = ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)
    iov = struct.pack("QQ", ctypes.addressof(local), 8)
    call(310, os.getpid(), iov, 1, struct.pack("QQ", ctypes.addressof(remote), 8), 1, 0)
    return True

@attempt
def raise_priority():
    os.nice(-5)
    return True

@attempt
def realtime_scheduling():
    return in_child(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) is None)

@attempt
def reprioritise_host():
    os.setpriority(os.PRIO_PROCESS, FACTS["victim"], 5)
    return True

@attempt
def raise_limits():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return in_child(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1)) is None)

@attempt
def push_terminal_input():
    _, fd = os.openpty()
    return LIBC.ioctl(fd, 0x5412, b"x") == 0

@attempt
def daemon_outlives_job():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            null = os.open("/dev/null", os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            os.execv("/bin/sh", ["sh", "-c", "sleep 20; : " + FACTS["token"] + "-daemon"])
        os._exit(0)
    os.waitpid(pid, 0)
    return FACTS["bare"]  # seen from the host otherwise


# Kernel surface and privileges.

@attempt
def new_user_namespace():
    return in_child(lambda: call(272, 0x10000000) == 0)

@attempt
def new_namespace_by_clone():
    pid = LIBC.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid > 0

@attempt
def new_namespace_by_clone3():
    arguments = struct.pack("11Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
    pid = LIBC.syscall(435, arguments, len(arguments))
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid > 0

@attempt
def enter_host_namespace():
    return in_child(lambda: call(308, os.open(f"/proc/{FACTS['victim']}/ns/mnt", 0), 0x20000) == 0)

@attempt
def mount_tmpfs():
    os.makedirs("m", exist_ok=True)
    return in_child(lambda: (call(272, 0x20000), LIBC.mount(b"t", b"m", b"tmpfs", 0, None))[1] == 0)

@attempt
def new_mount_api():
    os.close(call(430, b"tmpfs", 0))
    return True

@attempt
def remount_usr_writable():
    def remount():
        call(272, 0x20000)
        LIBC.mount(None, b"/", None, 0x40000 | 0x4000, None)
        return LIBC.mount(b"/usr", b"/usr", None, 0x1000, None) == 0
    return in_child(remount)

@attempt
def change_root():
    return in_child(lambda: os.chroot("/") is None)

@attempt
def make_device():
    os.mknod("disk", 0o600 | 0o060000, os.makedev(*FACTS["disk"]))
    return True

@attempt
def setuid_binary_gains():
    # Whatever ran it, a copy with the bit set must not make the uid 0 of the host.
    import shutil
    shutil.copy("/usr/bin/id", "id")
    os.chown("id", 0, 0)
    os.chmod("id", 0o4755)
    return subprocess.run(["./id", "-u"], capture_output=True).stdout == b"0\n"

@attempt
def become_root():
    return in_child(lambda: os.setuid(0) is None and os.getuid() == 0)

@attempt
def kernel_keyring():
    return call(248, b"user", FACTS["token"].encode(), b"x", 1, -3) > 0

@attempt
def io_uring():
    os.close(call(425, 1, ctypes.create_string_buffer(120)))
    return True

@attempt
def bpf_map():
    os.close(call(321, 0, struct.pack("IIIII", 2, 4, 4, 1, 0) + bytes(100), 120))
    return True

@attempt
def perf_event():
    attributes = struct.pack("IIQ", 1, 112, 0) + bytes(96)
    os.close(call(298, attributes, 0, -1, -1, 0))
    return True

@attempt
def userfault():
    os.close(call(323, 0))
    return True

@attempt
def secret_memory():
    os.close(call(447, 0))
    return True

@attempt
def x32_call():
    # On a kernel without x32 this does not succeed bare either.
    return LIBC.syscall(0x40000000 + 39) > 0

@attempt
def rename_host():
    name = socket.gethostname()
    return LIBC.sethostname(name.encode(), len(name)) == 0

@attempt
def set_clock():
    now = time.clock_gettime(time.CLOCK_REALTIME)
    time.clock_settime(time.CLOCK_REALTIME, now)
    return True

@attempt
def load_module():
    # Refused for the caller is EPERM; anything else means that the kernel looked at the module.
    try:
        call(175, b"x" * 64, 64, b"")
    except OSError as error:
        return error.errno not in (1, 38)

@attempt
def load_kernel():
    try:
        call(246, 0, 0, None, 0)
        return True
    except OSError as error:
        return error.errno not in (1, 38)

@attempt
def swap_off():
    try:
        call(168, b"/nowhere")
    except OSError as error:
        return error.errno not in (1, 38)

@attempt
def port_access():
    return call(172, 3) == 0

@attempt
def stop_accounting():
    return in_child(lambda: call(163, None) == 0)


# Using up the host.

@attempt
def fork_bomb():
    pids = []
    try:
        for _ in range(FACTS["processes"] + 64):
            pid = os.fork()
            if pid == 0:
                time.sleep(30)
                os._exit(0)
            pids.append(pid)
        return True
    finally:
        for pid in pids:
            os.kill(pid, 9)
        for pid in pids:
            os.waitpid(pid, 0)

@attempt
def private_memory_bomb():
    memory = mmap.mmap(-1, FACTS["memory"] + GIB // 4, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[0] = memory[len(memory) - 1] = 1
    return True

@attempt
def big_file():
    with open("big", "wb") as file:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            os.posix_fallocate(file.fileno(), 0, FACTS["file"] + 4096)
            return True
        finally:
            os.unlink("big")

@attempt
def big_sparse_file():
    with open("sparse", "wb") as file:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            file.truncate(1 << 40)
            return True
        finally:
            os.unlink("sparse")

def fill(folder):
    names, left = [], FACTS["disk_cap"] + GIB // 4
    try:
        while left > 0:
            size = min(left, FACTS["file"])
            names.append(f"{folder}/fill{len(names)}")
            with open(names[-1], "wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
            left -= size
        return True
    finally:
        for name in names:
            os.unlink(name)

@attempt
def fill_work_folder():
    return fill(".")

@attempt
def fill_tmp():
    return fill(os.environ.get("TMPDIR", "/tmp"))

@attempt
def fill_shared_memory():
    return fill("/dev/shm")

@attempt
def dump_core():
    return resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


# The prepare network; a plain `no proxy` elsewhere.

def through_proxy(target):
    proxy = os.environ["HTTP_PROXY"].rsplit("/", 1)[-1].split(":")
    with socket.create_connection((proxy[0], int(proxy[1])), 5) as s:
        s.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        return b" 200 " in s.recv(200)

@attempt
def proxy_to_host_loopback():
    return through_proxy(f"127.0.0.1:{FACTS['tcp']}")

@attempt
def proxy_to_localhost_name():
    return through_proxy(f"localhost:{FACTS['tcp']}")

@attempt
def proxy_to_mapped_address():
    return through_proxy(f"[::ffff:127.0.0.1]:{FACTS['tcp']}")

@attempt
def proxy_to_unlisted_host():
    return through_proxy("example.com:443")

@attempt
def proxy_plain_request_elsewhere():
    proxy = os.environ["HTTP_PROXY"].rsplit("/", 1)[-1].split(":")
    with socket.create_connection((proxy[0], int(proxy[1])), 5) as s:
        s.sendall(f"GET http://127.0.0.1:{FACTS['tcp']}/ HTTP/1.1\r\nHost: allowed.example\r\n\r\n".encode())
        return not s.recv(200).startswith(b"HTTP/1.1 4")


for name in sys.argv[2:]:
    try:
        verdict = "ESCAPED" if ATTEMPTS[name]() else "held"
        print(verdict, name, flush=True)
    except BaseException as error:
        print("held", name + ":", repr(error).replace("\n", " "), flush=True)
if len(sys.argv) == 2:
    print("\n".join(ATTEMPTS))
