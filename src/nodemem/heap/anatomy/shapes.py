"""Hidden classes (V8's Maps): classes with many, dictionaries, room that is not used.

Objects whose properties were added in the same order share a hidden class. Code runs fast on few of
them; each takes 72 to 80 bytes and more for its list of properties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodemem.heap.arrays import Array, Arrays, Edges
from nodemem.heap.classes import assign_groups
from nodemem.heap.engine.columns import ARRAY, INTERNAL_EDGE, OBJECT
from nodemem.heap.naming.names import Names

_OBJECT_HEADER = 24
_WORD = 8
_DESCRIBED = 20_000
"""Hidden classes of which the properties are read, those with most objects first."""


@dataclass(frozen=True, slots=True)
class ClassShapes:
    """Objects of one class: how many hidden classes they have, how many are dictionaries, and the
    bytes of hidden classes, of dictionaries, and of slots in the objects that no property uses.
    `slack` is None where it is not known of any; `example` is an object of the most frequent hidden
    class, `dictionary` one that is a dictionary."""

    class_name: str
    objects: int
    shapes: int
    shape_bytes: int
    dictionaries: int
    dictionary_bytes: int
    slack: int | None
    example: int
    dictionary: int | None


def class_shapes(names: Names) -> list[ClassShapes]:
    """By class (name and constructor), most bytes that could be spared first."""
    snapshot = names.snapshot
    arrays = Arrays(snapshot)
    assigned = assign_groups(snapshot, [])
    groups = np.asarray(assigned.groups).astype(np.int64)
    maps = arrays.edges_named("map", INTERNAL_EDGE)
    maps = maps.where((arrays.types[maps.sources] == OBJECT) & _named(arrays, maps))
    located = np.array([place is not None for place in assigned.locations])
    plain = np.array([label == "Object" for label in assigned.labels])
    maps = maps.where((located | plain)[groups[maps.sources]])
    if not len(maps.sources):
        return []
    stores = arrays.edges_named("properties", INTERNAL_EDGE)
    stores = stores.where(arrays.types[stores.targets] == ARRAY)
    dictionary_size = np.zeros(len(arrays.types), np.int64)
    dictionary_size[stores.sources] = arrays.self_sizes[stores.targets].astype(np.int64)
    slack = _slack(names, arrays, maps, dictionary_size)
    own = groups[maps.sources]
    order = np.lexsort((maps.sources, maps.targets, own))
    found = []
    for some in np.split(order, np.flatnonzero(np.diff(own[order])) + 1):
        objects, shapes = maps.sources[some], maps.targets[some]
        unique, counts = np.unique(shapes, return_counts=True)
        in_dictionary = objects[dictionary_size[objects] > 0]
        known = slack[some] >= 0
        found.append(
            ClassShapes(
                assigned.labels[int(own[some[0]])],
                len(objects),
                len(unique),
                int(arrays.self_sizes[unique].sum(dtype=np.int64)),
                len(in_dictionary),
                int(dictionary_size[in_dictionary].sum()),
                int(slack[some][known].sum()) if known.any() else None,
                int(objects[np.argmax(shapes == unique[np.argmax(counts)])]),
                int(in_dictionary[0]) if len(in_dictionary) else None,
            )
        )
    found.sort(key=lambda one: (-_spare(one), one.class_name, one.example))
    return found


def _spare(one: ClassShapes) -> int:
    several = one.shape_bytes if one.shapes > 1 else 0
    return several + one.dictionary_bytes + (one.slack or 0)


def _named(arrays: Arrays, edges: Edges) -> Array:
    """Which of the objects are not scopes and other inner nodes that V8 calls objects."""
    internal = np.zeros(len(arrays.snapshot.strings), bool)
    bits = np.unpackbits(
        np.asarray(arrays.snapshot.strings.internal.cast("B")), bitorder="little"
    ).view(bool)
    size = min(len(bits), len(internal))
    internal[:size] = bits[:size]
    result: Array = ~internal[arrays.names[edges.sources]]
    return result


def _slack(names: Names, arrays: Arrays, maps: Edges, dictionary_size: Array) -> Array:
    """For each object the bytes of its slots that no property uses; -1 where that is not known.

    A constructor's first objects get room for what its code may add, and eight slots more; V8 takes
    that back after seven objects. Properties that do not fit are outside of the object.
    """
    slots = (arrays.self_sizes[maps.sources].astype(np.int64) - _OBJECT_HEADER) // _WORD
    unique, back, counts = np.unique(maps.targets, return_inverse=True, return_counts=True)
    used = np.full(len(unique), -1, np.int64)
    for at in np.argsort(-counts, kind="stable")[:_DESCRIBED].tolist():
        properties, whole = names.layout(int(unique[at]))
        if whole:
            used[at] = len(properties)
    used = used[back.ravel()]
    spare = np.maximum(slots - used, 0) * _WORD
    result: Array = np.where((used >= 0) & (dictionary_size[maps.sources] == 0), spare, -1)
    return result
