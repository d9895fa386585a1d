# SPDX-License-Identifier: MIT
"""`Structure`: where the members of a C structure lie, so that its bytes can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from espbench.errors import NotInspectable

__all__ = ["Member", "Structure"]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure.

    Attributes:
        offset: bytes from the start of the structure.
        size: bytes; of an array, all of it. 0 if unknown.
        count: number of elements of an array, else 1.
        structure: the layout of a member, or of an array's element, that is a structure itself.
        shift, bits: position and width of a bit field in its storage unit; 0 bits for all others.
    """

    offset: int
    size: int
    count: int = 1
    structure: Structure | None = None
    shift: int = 0
    bits: int = 0

    def moved(self, offset: int) -> Member:
        """Return the same member, `offset` bytes further."""
        return replace(self, offset=self.offset + offset)


@dataclass(frozen=True, slots=True)
class Structure:
    """The layout of a C structure in a little-endian guest of 32 bits.

    Attributes:
        name: its tag or typedef.
        size: bytes.
        members: by name.
    """

    name: str
    size: int
    members: Mapping[str, Member] = field(default_factory=dict)

    def has(self, path: str) -> bool:
        """Return whether there is such a member."""
        try:
            self.member(path)
        except NotInspectable:
            return False
        return True

    def member(self, path: str) -> Member:
        """Return a member, such as "lock" or, within a member, "xStateListItem.pvOwner".

        Its offset is from the start of this structure.

        Raises:
            NotInspectable: there is none.
        """
        first, _, rest = path.partition(".")
        member = self.members.get(first)
        if member is None or (rest and member.structure is None):
            raise NotInspectable(
                f"The firmware's structure {self.name or 'without a name'} has no member {first}: "
                "its version is one that espbench cannot read from outside."
            )
        if not rest or member.structure is None:
            return member
        return member.structure.member(rest).moved(member.offset)

    def offset(self, path: str) -> int:
        """Return the offset of a member; see `member`."""
        return self.member(path).offset

    def integer(self, data: bytes, path: str) -> int:
        """Return an unsigned number or a pointer from the bytes of the structure."""
        member = self.member(path)
        value = int.from_bytes(data[member.offset : member.offset + member.size], "little")
        return value >> member.shift & (1 << member.bits) - 1 if member.bits else value

    def integers(self, data: bytes, path: str) -> list[int]:
        """Return the elements of an array of numbers from the bytes of the structure."""
        member = self.member(path)
        each = member.size // member.count
        starts = range(member.offset, member.offset + member.size, each)
        return [int.from_bytes(data[start : start + each], "little") for start in starts]

    def text(self, data: bytes, path: str) -> str:
        """Return the string in an array of char."""
        member = self.member(path)
        raw = data[member.offset : member.offset + member.size]
        return raw.split(b"\0", 1)[0].decode(errors="replace")
