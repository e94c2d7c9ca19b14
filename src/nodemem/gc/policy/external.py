"""Memory outside the heap that objects hold: Buffers, ArrayBuffers, strings of the embedder.

It counts towards no heap limit, so V8 never ends a process for it: the kernel does. It only makes
collections begin earlier.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.gc.policy.releases import KIB, MIB, Release, rules

SOFT = 64 * MIB
"""Growth since the last major collection at which marking begins: kExternalAllocationSoftLimit,
source."""


@dataclass(frozen=True)
class ExternalRules:
    """`soft` and `hard` are growth since the last major collection in bytes: from `soft` on marking
    begins (or a major collection runs, where it cannot), from `hard` on one runs at once. `checked`
    is how often, in bytes allocated, None for at each allocation. `factor` bounds how far external
    memory may grow where it counts towards the global limit, None where it does not."""

    soft: int
    hard: int
    checked: int | None
    factor: float | None


def external_rules(node: str | int | Release, old: int) -> ExternalRules:
    """The rules for an old generation of at most `old` bytes
    (Isolate::AdjustAmountOfExternalAllocatedMemory, source; the check each 128 KiB came with 24).
    --external-memory-max-growing-factor, 1.3, is in the --v8-options of 25 on, and takes effect
    only with --external-memory-accounted-in-global-limit, which is off."""
    major = rules(node).major
    return ExternalRules(
        soft=SOFT,
        hard=old // 2,
        checked=128 * KIB if major >= 24 else None,
        factor=1.3 if major >= 25 else None,
    )
