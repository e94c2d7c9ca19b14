"""How long V8's objects are, by instance type, and which coarse kind each is.

Most objects have the size that their map says. The others hold a count, of characters, slots or
bytes, and are as long as it says; the few ways in which they do so are below, by the type's name.
Types that V8 does not publish are told by their place among those it does: its numbers follow the
order of its class definitions.
"""

from __future__ import annotations

from typing import NamedTuple

from nodemem.memory.metadata import Metadata

KINDS = (
    "object",
    "closure",
    "array",
    "double_array",
    "one_byte_string",
    "two_byte_string",
    "cons_string",
    "sliced_string",
    "external_string",
    "number",
    "context",
    "shape",
    "code",
    "other",
    "free",
)
"""The kinds of what lies in a heap.

object            objects of JavaScript, arrays and Maps among them, without their contents
closure           functions
array             contents: elements and properties of objects, hash tables, all of references
double_array      contents of arrays of numbers that are no small integers
one_byte_string   characters of Latin 1
two_byte_string   other characters
cons_string       two strings put together and not yet copied
sliced_string     parts of strings, and strings that stand for an equal one
external_string   strings with their characters outside of the heap
number            heap numbers, among them the numbers in fields of objects, and BigInts
context           variables that closures share
shape             maps, descriptors and transitions
code              bytecode, machine code, and what describes functions and scripts
other             everything else
free              no objects: gaps that V8 filled
"""

KIND = {name: index for index, name in enumerate(KINDS)}


class Rule(NamedTuple):
    """How to measure an object, as the kernel `objects` takes it."""

    field: int
    shift: int
    mask: int
    base: int
    stride: int
    first: int
    last: int
    step: int = 0


_TO_THE_END = 1 << 40
_SMI = 0x7FFFFFFF
_INT = 0xFFFFFFFF
_NATIVE_CONTEXT = 7  # its place among the types of contexts, which are in the order of their names
_KINDS_OF_FUNCTIONS = 16  # instance types of them, where the last is not published
_LENGTH = 0x3FFFFFFF  # of strings and BigInts


def fixed(size: int, first: int = 1, last: int = _TO_THE_END) -> Rule:
    """An object of `size` bytes."""
    return Rule(0, 0, 0, size, 0, first, last)


def _slots(base: int = 16, stride: int = 8, first: int = 2) -> Rule:
    """A small integer after the map counts what follows `base`."""
    return Rule(1, 32, _SMI, base, stride, first, _TO_THE_END)


def _raw(base: int = 16, stride: int = 1) -> Rule:
    return Rule(1, 32, _SMI, base, stride, 1, 1)


def _counted(base: int, stride: int = 8, mask: int = _INT, shift: int = 0) -> Rule:
    """A plain integer after the map counts what follows `base`."""
    return Rule(1, shift, mask, base, stride, base // 8, _TO_THE_END)


_NO_REFERENCES = {"HEAP_NUMBER_TYPE", "FOREIGN_TYPE", "TRUSTED_FOREIGN_TYPE"}
_CLOSURES = {"JS_BOUND_FUNCTION_TYPE", "JS_WRAPPED_FUNCTION_TYPE"}
_SHAPES = {
    "MAP_TYPE", "DESCRIPTOR_ARRAY_TYPE", "STRONG_DESCRIPTOR_ARRAY_TYPE", "TRANSITION_ARRAY_TYPE",
    "ENUM_CACHE_TYPE", "PROTOTYPE_INFO_TYPE",
}  # fmt: skip
_CODE_PARTS = (
    "BYTECODE", "CODE", "INSTRUCTION_STREAM", "FEEDBACK", "SCOPE_INFO", "SHARED_FUNCTION_INFO",
    "SCRIPT", "PREPARSE_DATA", "UNCOMPILED_DATA", "ALLOCATION_SITE", "BOILERPLATE_DESCRIPTION",
    "COVERAGE_INFO", "DEBUG_INFO", "INTERPRETER_DATA", "REG_EXP_DATA", "TRUSTED", "PROTECTED",
)  # fmt: skip


class Layouts:
    """The rules of one build of V8, by its `Metadata`."""

    def __init__(self, metadata: Metadata) -> None:
        self._values = metadata.values
        self._names = {**metadata.types, **_unpublished(metadata)}
        self._rules = _variable(metadata)
        self.map_type = metadata.type("MAP_TYPE")
        self._first_js = min(
            (value for value, name in metadata.types.items() if name.startswith("JS_")),
            default=1 << 16,
        )
        first = metadata.values.get("FirstJSFunctionType", metadata.type("JS_FUNCTION_TYPE") or 0)
        last = metadata.values.get("LastJSFunctionType", first + _KINDS_OF_FUNCTIONS - 1)
        self._functions = range(first, last + 1)

    def name(self, type: int) -> str:
        """V8's name of an instance type, without `_TYPE`; a number where there is none."""
        return self._names.get(type, f"TYPE_{type}").removesuffix("_TYPE")

    def is_function(self, type: int) -> bool:
        """Whether objects of an instance type are functions with a text of their own."""
        return type in self._functions

    def is_flat(self, type: int) -> bool:
        """Whether strings of an instance type hold their characters themselves."""
        return _string_kind(self._values, type) in ("one_byte_string", "two_byte_string")

    def is_one_byte(self, type: int) -> bool:
        """Whether the characters of strings of an instance type take a byte each."""
        return bool(type & self._values.get("StringEncodingMask", 8))

    def kind(self, type: int) -> int:
        """Which of KINDS an instance type is, as an index."""
        return KIND[self._kind(type)]

    def rule(self, type: int, instance_size: int) -> Rule | None:
        """How to measure objects of an instance type whose map says `instance_size` bytes, 0 for
        objects of varying size; None if that is not known."""
        if type < 0x80:
            return _string(self._values, type, instance_size)
        name = self._names.get(type, "")
        if instance_size == 0:
            return self._rules.get(name)
        if name in _NO_REFERENCES:
            return fixed(instance_size, 1, 1)
        return fixed(instance_size, 3 if name == "MAP_TYPE" else 1)

    def _kind(self, type: int) -> str:
        if type < 0x80:
            return _string_kind(self._values, type)
        name = self._names.get(type, "")
        if type in self._functions or name in _CLOSURES:
            return "closure"
        if type >= self._first_js:
            return "object"
        if name in ("FREE_SPACE_TYPE", "FILLER_TYPE"):
            return "free"
        if name in ("HEAP_NUMBER_TYPE", "BIGINT_TYPE"):
            return "number"
        if name == "FIXED_DOUBLE_ARRAY_TYPE":
            return "double_array"
        if name in ("CONTEXT_TYPE", "NATIVE_CONTEXT_TYPE"):
            return "context"
        if name in _SHAPES:
            return "shape"
        if any(part in name for part in _CODE_PARTS):
            return "code"
        if name in _ARRAYS or name in ("PROPERTY_ARRAY_TYPE", "WEAK_ARRAY_LIST_TYPE"):
            return "array"
        return "other"


def _string(values: dict[str, int], type: int, instance_size: int) -> Rule | None:
    representation = type & values.get("StringRepresentationMask", 7)
    one_byte = type & values.get("StringEncodingMask", 8)
    if representation == values.get("SeqStringTag", 0):
        return Rule(1, 32, _LENGTH, 16, 1 if one_byte else 2, 2, 2)
    external = representation == values.get("ExternalStringTag", 2)
    return Rule(1, 32, _LENGTH, instance_size or 32, 0, 2, 2 if external else _TO_THE_END)


def _string_kind(values: dict[str, int], type: int) -> str:
    representation = type & values.get("StringRepresentationMask", 7)
    if representation == values.get("SeqStringTag", 0):
        one_byte = type & values.get("StringEncodingMask", 8)
        return "one_byte_string" if one_byte else "two_byte_string"
    if representation == values.get("ConsStringTag", 1):
        return "cons_string"
    if representation == values.get("ExternalStringTag", 2):
        return "external_string"
    return "sliced_string"


def _unpublished(metadata: Metadata) -> dict[int, str]:
    """Names of types that V8 does not publish, by their neighbours."""
    found = {129: "BIGINT_TYPE"}
    published = metadata.types

    def gap(after: str, before: str, name: str) -> None:
        first, last = metadata.type(after), metadata.type(before)
        if first is not None and last is not None:
            found.update((t, name) for t in range(first + 1, last) if t not in published)

    gap("FIXED_ARRAY_TYPE", "BYTE_ARRAY_TYPE", "FIXED_ARRAY_TYPE")  # hash tables
    first, last = (metadata.values.get(f"{which}ContextType") for which in ("First", "Last"))
    if first is not None and last is not None:
        found.update((t, "CONTEXT_TYPE") for t in range(first, last + 1))
        found[first + _NATIVE_CONTEXT] = "NATIVE_CONTEXT_TYPE"
    after = metadata.type("FEEDBACK_VECTOR_TYPE")
    if after is not None:
        found[after - 1] = "FEEDBACK_METADATA_TYPE"
        found[after + 1] = "FILLER_TYPE"
        found[after + 2] = "FREE_SPACE_TYPE"
        found[after + 3] = "HOLE_TYPE"
    weak = metadata.type("WEAK_FIXED_ARRAY_TYPE")
    if weak is not None:
        found[weak + 1] = "TRANSITION_ARRAY_TYPE"
    return {number: name for number, name in found.items() if number not in published}


_ARRAYS = {
    "FIXED_ARRAY_TYPE", "WEAK_FIXED_ARRAY_TYPE", "SLOPPY_ARGUMENTS_ELEMENTS_TYPE",
    "CLOSURE_FEEDBACK_CELL_ARRAY_TYPE", "EMBEDDER_DATA_ARRAY_TYPE",
    "CLASS_BOILERPLATE_TYPE", "REG_EXP_MATCH_INFO_TYPE",
    "TRUSTED_FIXED_ARRAY_TYPE", "PROTECTED_FIXED_ARRAY_TYPE", "TRUSTED_WEAK_FIXED_ARRAY_TYPE",
    "PROTECTED_WEAK_FIXED_ARRAY_TYPE", "TRANSITION_ARRAY_TYPE", "ARRAY_LIST_TYPE",
}  # fmt: skip


_OPEN = {
    "SCOPE_INFO_TYPE": (32, 1),
    "FEEDBACK_METADATA_TYPE": (16, 1),
    "FEEDBACK_VECTOR_TYPE": (40, 1),
    "PREPARSE_DATA_TYPE": (16, 1),
    "COVERAGE_INFO_TYPE": (16, 1),
    "INSTRUCTION_STREAM_TYPE": (32, 8),
    "CODE_TYPE": (64, 8),
}
"""Types that have no rule: their objects end where the next begins. The bytes they take at least,
and the words of which they take a multiple: machine code is aligned."""


def _variable(metadata: Metadata) -> dict[str, Rule]:
    """The rules of the types whose objects vary in size, by name."""
    rules = dict.fromkeys(_ARRAYS, _slots())
    rules["OBJECT_BOILERPLATE_DESCRIPTION_TYPE"] = _slots(32)
    rules["SCRIPT_CONTEXT_TABLE_TYPE"] = _slots(32)
    rules["DOUBLE_STRING_CACHE_TYPE"] = _counted(16, 16)
    rules["NATIVE_CONTEXT_TYPE"] = _slots(24)  # and the address of its queue of microtasks
    rules["CONTEXT_TYPE"] = _slots()
    for name in ("ARRAY_LIST_TYPE", "WEAK_ARRAY_LIST_TYPE", "DEPENDENT_CODE_TYPE"):
        rules[name] = _slots(24, first=3)
    rules["FIXED_DOUBLE_ARRAY_TYPE"] = _raw(stride=8)
    rules["EXTERNAL_POINTER_ARRAY_TYPE"] = _raw(stride=8)
    rules["BYTE_ARRAY_TYPE"] = rules["TRUSTED_BYTE_ARRAY_TYPE"] = _raw()
    rules["PROPERTY_ARRAY_TYPE"] = Rule(1, 32, 0x3FF, 16, 8, 2, _TO_THE_END)
    rules["BIGINT_TYPE"] = Rule(1, 1, _LENGTH, 16, 8, 1, 1)
    header = metadata.offset("DescriptorArray__header_size", 24)
    rules["DESCRIPTOR_ARRAY_TYPE"] = _counted(header, 24, 0xFFFF)
    rules["STRONG_DESCRIPTOR_ARRAY_TYPE"] = rules["DESCRIPTOR_ARRAY_TYPE"]
    rules["BYTECODE_ARRAY_TYPE"] = Rule(
        1, 32, _SMI, metadata.offset("BytecodeArray__data", 56), 1, 2, 6
    )
    # Where the type is no longer published, its size is in words.
    in_words = metadata.type("FREE_SPACE_TYPE") is None
    rules["FREE_SPACE_TYPE"] = Rule(1, 32, _SMI, 0, 8 if in_words else 1, 1, 1)
    # How long these are follows from many flags and differs in each release.
    for name, (base, step) in _OPEN.items():
        rules[name] = Rule(0, 0, 0, base, 0, 1, _TO_THE_END, step)
    return rules
