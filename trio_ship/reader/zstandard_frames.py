"""Whether a Zstandard file is whole: by the headers of its frames and blocks, RFC 8878.

The decompressor ends a file that was cut short as quietly as a whole one. The
headers say how long every block is, so to walk over them costs a few bytes each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["is_whole"]

_FRAME: Final = 0xFD2FB528
_SKIPPABLE: Final = 0x184D2A50
_MASK: Final = 0xFFFFFFF0
_RLE: Final = 1


def is_whole(pread: Callable[[int, int], bytes]) -> bool:
    """Tell whether a file consists of whole frames.

    Args:
        pread: Returns so many bytes from an offset, fewer at the end of the file.
    """
    offset = 0
    while head := pread(8, offset):
        if len(head) < 8:  # noqa: PLR2004  (a skippable frame has no shorter header, a frame no less)
            return False
        magic = int.from_bytes(head[:4], "little")
        if magic & _MASK == _SKIPPABLE:
            offset += 8 + int.from_bytes(head[4:8], "little")
            last = offset - 1
        elif magic == _FRAME:
            found = _end_of_frame(pread, offset + 4)
            if found is None:
                return False
            offset = found
            last = offset - 1
        else:
            return True  # what follows is no frame, and not ours to judge
        if not pread(1, last):
            return False
    return offset > 0


def _end_of_frame(pread: Callable[[int, int], bytes], offset: int) -> int | None:
    """Return where a frame ends whose descriptor is at `offset`; None if it is cut short."""
    descriptor = pread(1, offset)
    if not descriptor:
        return None
    flags = descriptor[0]
    is_single, has_checksum = flags >> 5 & 1, flags >> 2 & 1
    size_bytes = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    offset += 1 + (1 - is_single) + (0, 1, 2, 4)[flags & 3] + size_bytes
    while True:
        head = pread(3, offset)
        if len(head) < 3:  # noqa: PLR2004  (the length of a block's header)
            return None
        block = int.from_bytes(head, "little")
        offset += 3 + (1 if block >> 1 & 3 == _RLE else block >> 3)
        if block & 1:
            return offset + 4 * has_checksum
