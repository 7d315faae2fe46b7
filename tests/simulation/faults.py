"""Which calls may fail: the name of the call, a glob of its paths, and with which errors."""

from __future__ import annotations

import errno
from typing import Final

__all__ = ["READING", "SAVING", "WRITING"]

READING: Final = (
    ("open", "/logs/*", (errno.EMFILE, errno.EACCES, errno.EIO)),
    ("stat", "/logs/*", (errno.EACCES, errno.EIO)),
    ("scandir", "/logs*", (errno.EACCES, errno.EMFILE, errno.EIO)),
    ("preadv", "/logs/*", (errno.EIO,)),
    ("pread", "/logs/*", (errno.EIO,)),
    ("fstat", "/logs/*", (errno.EIO,)),
)
WRITING: Final = (
    ("pwrite", "/out/*", (errno.ENOSPC, errno.EIO, errno.EROFS)),
    ("fsync", "/out/*", (errno.EIO, errno.ENOSPC)),
    ("fsync_folder", "/out", (errno.EIO,)),
    ("open", "/out/*", (errno.EACCES, errno.EROFS, errno.EMFILE)),
    ("stat", "/out/*", (errno.EIO,)),
    ("fstat", "/out/*", (errno.EIO,)),
    ("pread", "/out/*", (errno.EIO,)),
    ("ftruncate", "/out/*", (errno.EIO,)),
)
SAVING: Final = (
    ("open", "/etc/ship/*", (errno.EMFILE, errno.EACCES, errno.ENOSPC, errno.EROFS)),
    ("pwrite", "/etc/ship/*", (errno.ENOSPC, errno.EIO)),
    ("fsync", "/etc/ship/*", (errno.EIO, errno.ENOSPC)),
    ("replace", "/etc/ship/*", (errno.EROFS, errno.ENOSPC)),
    ("link", "/etc/ship/*", (errno.EPERM, errno.EMLINK)),
    ("unlink", "/etc/ship/*", (errno.EROFS,)),
    ("fsync_folder", "/etc/ship", (errno.EIO,)),
)
