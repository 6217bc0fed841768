"""A network namespace that holds nothing but the loopback, in which Ray dials no outer address.

`python -m tests.loopback PROGRAM ARGUMENT…` runs a program in it. It needs Linux, and root or user namespaces.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41  # SIOCSIFFLAGS; IFF_UP | IFF_RUNNING


def enter() -> None:
    """Move this process into a new namespace; raises OSError where the system does not allow that."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_NET) and libc.unshare(_NEW_USER | _NEW_NET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getuid() != user:  # in a user namespace of its own
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 -- no file of ours
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP_AND_RUNNING))


if __name__ == "__main__":
    enter()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 -- the program is the caller's
