"""A recording at a glance, against all of its values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nodemem.memory.timeline import timeline
from nodemem.records import ProcessSample, Resident


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=2000))
def test_courses_of_any_length(values: list[int]) -> None:
    samples = [ProcessSample(time=t, resident=Resident(rss=v)) for t, v in enumerate(values)]
    seen = timeline(samples)
    course = seen.courses["rss"]
    assert (course.first, course.last) == (values[0], values[-1])
    assert (course.least, course.greatest) == (min(values), max(values))
    assert 1 <= len(course.points) < 128
    run = -(-len(values) // len(course.points))
    run = 1 << (run - 1).bit_length()
    assert course.points == [max(values[i : i + run]) for i in range(0, len(values), run)]
    assert seen.readings == len(values)
