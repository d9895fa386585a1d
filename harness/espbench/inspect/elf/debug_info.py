# SPDX-License-Identifier: MIT
"""`DebugInfo`: the layout of structures according to an ELF file's DWARF.

Only the compilation unit of one source file is read: all of them would take seconds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.elf.elffile import ELFFile

from espbench.inspect.elf.structure import Member, Structure

__all__ = ["DebugInfo"]

_TRANSPARENT = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type")
_STRUCTURES = ("DW_TAG_structure_type", "DW_TAG_union_type", "DW_TAG_class_type")
_DEPTH = 8
"""Structures within structures that are followed: a bound for damaged DWARF."""
_HEAD = 64
"""Bytes of a compilation unit that have its name: the header and the first attributes."""


class DebugInfo:
    """The DWARF of one ELF file, which must stay open."""

    def __init__(self, elf: ELFFile) -> None:
        """Prepare; nothing is parsed yet."""
        self._dwarf: DWARFInfo | None = elf.get_dwarf_info() if elf.has_dwarf_info() else None
        self._units: dict[str, list[Any]] = {}

    @property
    def present(self) -> bool:
        """Whether the file has DWARF."""
        return self._dwarf is not None

    def structure(self, source: str, name: str) -> Structure | None:
        """Return the layout of a structure that a source file defines or includes.

        Args:
            source: the end of the source file's path, such as "heap/multi_heap.c".
            name: the structure's tag, or its typedef.

        Returns:
            The layout; None if the firmware does not have the file or the structure.
        """
        for unit in self._compiled_from(source):
            for die in unit.get_top_DIE().iter_children():
                if _name(die) == name and (found := self._layout(die, name)) is not None:
                    return found
        return None

    def enumerators(self, source: str, name: str) -> dict[int, str]:
        """Return the names of an enumeration's constants by value; empty if there is none."""
        for unit in self._compiled_from(source):
            for die in unit.get_top_DIE().iter_children():
                if _name(die) == name and die.tag in (*_TRANSPARENT, "DW_TAG_enumeration_type"):
                    found = _resolved(die)
                    return {
                        int(child.attributes["DW_AT_const_value"].value): _name(child)
                        for child in (found.iter_children() if found is not None else ())
                        if child.tag == "DW_TAG_enumerator"
                    }
        return {}

    def _compiled_from(self, source: str) -> list[Any]:
        if source not in self._units:
            self._units[source] = list(self._find(source))
        return self._units[source]

    def _find(self, source: str) -> Iterator[Any]:
        """Yield the compilation units of a source file, without parsing any other."""
        dwarf = self._dwarf
        if dwarf is None or dwarf.debug_info_sec is None:
            return
        file = "/" + PurePosixPath(source).name
        info = _content(dwarf.debug_info_sec)
        marks = [struct.pack("<I", at) for at in self._strings(file.encode() + b"\0")]
        for start in _unit_starts(info):
            head = info[start : start + _HEAD]
            inline = source.encode() in head
            if inline or any(mark in head for mark in marks):
                unit = dwarf.get_CU_at(start)
                if ("/" + _name(unit.get_top_DIE())).endswith("/" + source):
                    yield unit

    def _strings(self, end: bytes) -> Iterator[int]:
        """Yield the offsets of all strings that end like this, in both string sections."""
        assert self._dwarf is not None
        for section in (self._dwarf.debug_str_sec, self._dwarf.debug_line_str_sec):
            data = _content(section)
            at = data.find(end)
            while at >= 0:
                yield data.rfind(b"\0", 0, at) + 1
                at = data.find(end, at + 1)

    def _layout(self, die: Any, name: str, depth: int = 0) -> Structure | None:
        found = _resolved(die)
        if (
            found is None
            or found.tag not in _STRUCTURES
            or "DW_AT_byte_size" not in found.attributes
        ):
            return None  # a declaration without its members
        members: dict[str, Member] = {}
        for child in found.iter_children():
            if child.tag == "DW_TAG_member":
                member = self._member(child, depth)
                if name_of := _name(child):
                    members[name_of] = member
                elif member.structure is not None:  # anonymous: its members are in this scope
                    for inner, value in member.structure.members.items():
                        members[inner] = value.moved(member.offset)
        return Structure(name, found.attributes["DW_AT_byte_size"].value, members)

    def _member(self, die: Any, depth: int) -> Member:
        offset = die.attributes.get("DW_AT_data_member_location")
        kind = _resolved(die.get_DIE_from_attribute("DW_AT_type"))
        count = 1
        while kind is not None and kind.tag == "DW_TAG_array_type":
            count *= _elements(kind)
            kind = _resolved(kind.get_DIE_from_attribute("DW_AT_type"))
        size = _size(kind)
        inner = self._layout(kind, "", depth + 1) if kind is not None and depth < _DEPTH else None
        at, shift, bits = _bit_field(die, 0 if offset is None else int(offset.value), size)
        return Member(at, size * count, count, inner, shift, bits)


def _content(section: Any) -> bytes:
    """Return the bytes of a DWARF section; empty if the file lacks it."""
    if section is None:
        return b""
    section.stream.seek(0)
    return bytes(section.stream.read())


def _unit_starts(info: bytes) -> Iterator[int]:
    """Yield the offset of each unit in .debug_info (DWARF 5, section 7.5.1, 32-bit format)."""
    at = 0
    while at + 4 <= len(info):
        yield at
        at += 4 + int.from_bytes(info[at : at + 4], "little")


def _resolved(die: Any) -> Any:
    """Return the type behind typedefs and qualifiers; None for void."""
    while die is not None and die.tag in _TRANSPARENT:
        if "DW_AT_type" not in die.attributes:
            return None
        die = die.get_DIE_from_attribute("DW_AT_type")
    return die


def _size(kind: Any) -> int:
    if kind is None:
        return 0
    if kind.tag == "DW_TAG_pointer_type":
        return 4
    size = kind.attributes.get("DW_AT_byte_size")
    return 0 if size is None else int(size.value)


def _bit_field(die: Any, offset: int, size: int) -> tuple[int, int, int]:
    """Return a member's offset in bytes, and shift and width if it is a bit field (else 0).

    DWARF 5 (section 5.7.6) counts from the start of the structure, DWARF 4 (5.5.6) from the most
    significant bit of the storage unit.
    """
    attributes = die.attributes
    if "DW_AT_bit_size" not in attributes or not size:
        return offset, 0, 0
    bits = int(attributes["DW_AT_bit_size"].value)
    if "DW_AT_data_bit_offset" in attributes:
        unit, shift = divmod(int(attributes["DW_AT_data_bit_offset"].value), 8 * size)
        return unit * size, shift, bits
    from_top = int(attributes["DW_AT_bit_offset"].value) if "DW_AT_bit_offset" in attributes else 0
    return offset, 8 * size - from_top - bits, bits


def _elements(array: Any) -> int:
    count = 1
    for child in array.iter_children():
        if child.tag == "DW_TAG_subrange_type":
            bound = child.attributes.get("DW_AT_upper_bound")
            number = child.attributes.get("DW_AT_count")
            if number is not None:
                count *= int(number.value)
            else:
                count *= 0 if bound is None else int(bound.value) + 1
    return count


def _name(die: Any) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return "" if attribute is None else str(attribute.value.decode(errors="replace"))
