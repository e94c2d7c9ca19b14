"""V8's names of the spaces of a heap, by the numbers that it gives them."""

from __future__ import annotations

from nodemem.memory.metadata import Metadata

_UP_TO_10 = (
    "read_only", "old", "code", "map", "large_object", "code_large_object",
    "new_large_object", "new",
)  # fmt: skip
_11 = (
    "read_only", "new", "old", "code", "shared", "new_large_object", "large_object",
    "code_large_object", "shared_large_object",
)  # fmt: skip
_12 = (
    "read_only", "new", "old", "code", "shared", "trusted", "new_large_object", "large_object",
    "code_large_object", "shared_large_object", "trusted_large_object",
)  # fmt: skip
_13 = (
    "read_only", "new", "old", "code", "shared", "trusted", "shared_trusted",
    "new_large_object", "large_object", "code_large_object", "shared_large_object",
    "shared_trusted_large_object", "trusted_large_object",
)  # fmt: skip


def names(metadata: Metadata) -> list[str]:
    """The names of `v8.getHeapSpaceStatistics()`, indexed by a space's number.

    Which list holds for a build follows from the instance types it has: those below came with the
    release that changed the list.
    """
    if metadata.type("INSTRUCTION_STREAM_TYPE") is None:
        chosen: tuple[str, ...] = _UP_TO_10
    elif metadata.type("TRUSTED_FIXED_ARRAY_TYPE") is None:
        chosen = _11
    elif metadata.type("TRUSTED_FOREIGN_TYPE") is None:
        chosen = _12
    else:
        chosen = _13
    return [f"{name}_space" for name in chosen]
