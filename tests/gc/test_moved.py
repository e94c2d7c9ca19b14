"""What was promoted, worked out from spaces that are told after each collection."""

from __future__ import annotations

from nodemem.gc.moved import moved
from nodemem.records import GcSpace

CAPACITY = 1000


def spaces(new: int, old: int, large: int = 0) -> list[GcSpace]:
    names = {"new_space": new, "old_space": old, "large_object_space": large}
    return [GcSpace(name, used_after=used) for name, used in names.items()]


def test_what_left_new_space_was_promoted() -> None:
    # 100 were left, 900 came: new space is full. 200 of that stay, 300 move.
    found = moved(5000 + 1000, spaces(100, 5000), CAPACITY, spaces(200, 5300))
    assert found == {"promoted": 300, "survived": 200, "survival": 0.5}


def test_large_objects_that_were_young_count() -> None:
    found = moved(5000 + 1000 + 700, spaces(100, 5000), CAPACITY, spaces(200, 5300, 700))
    assert found["promoted"] == 1000


def test_of_what_was_made_in_old_space_at_once_it_is_not_known() -> None:
    found = moved(5000 + 1000 + 4000, spaces(100, 5000), CAPACITY, spaces(200, 9300))
    assert found == {"survived": 200}
