"""The account of memory: every byte goes to the first who claimed it, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.types import Category, Kind, MemoryMap
from nodemem.records import MappedMemory

PAGE = 4096
END = 64  # pages of the little address space
KINDS = [
    Kind("code", "node_text"),
    Kind("data", "mapped_files"),
    Kind("heap", "v8_old", "main"),
    Kind("heap", "v8_old", "worker 1"),
    Kind("stack", "thread_stacks", "x"),
]
NOBODY = Kind("other", "unattributed")


@dataclass
class Case:
    mappings: list[MappedMemory]
    claims: list[tuple[int, int, Kind]]
    present: set[int]

    def resident(self, address: int, length: int) -> list[tuple[int, int]]:
        pages = (n for n in sorted(self.present) if address <= n * PAGE < address + length)
        return [(n * PAGE, PAGE) for n in pages]

    def settle(self) -> list[Category]:
        ledger = Ledger(self.mappings)
        for start, end, kind in self.claims:
            ledger.claim(start * PAGE, end * PAGE, kind)
        return ledger.settle(self.resident)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    bounds = sorted(draw(st.sets(st.integers(0, END), max_size=12)))
    present = draw(st.sets(st.integers(0, END - 1)))
    is_told_right = draw(st.booleans())
    mappings = []
    for start, end in zip(bounds[::2], bounds[1::2], strict=False):
        rss = sum(start <= n < end for n in present) * PAGE
        if not is_told_right:
            rss = draw(st.integers(0, end - start)) * PAGE
        uss = draw(st.integers(0, rss // 1024)) * 1024
        pss = draw(st.integers(uss // 1024, rss // 1024)) * 1024
        mappings.append(MappedMemory(start * PAGE, end * PAGE, "rw-p", rss=rss, pss=pss, uss=uss))
    page = st.integers(0, END)
    claims = draw(st.lists(st.tuples(page, page, st.sampled_from(KINDS)), max_size=12))
    return Case(mappings, claims, present)


@given(cases())
def test_the_parts_add_up(case: Case) -> None:
    found = case.settle()
    assert sum(one.rss for one in found) == sum(one.rss for one in case.mappings)
    assert sum(one.pss or 0 for one in found) == sum(one.pss or 0 for one in case.mappings)
    assert sum(one.uss or 0 for one in found) == sum(one.uss or 0 for one in case.mappings)
    assert all((one.uss or 0) >= 0 and one.rss >= 0 for one in found)
    assert len({one.kind for one in found}) == len(found)
    whole = MemoryMap(sum(one.rss for one in case.mappings), found)
    assert sum(whole.segments.values()) == whole.rss


@given(cases())
def test_each_page_goes_to_who_claimed_it_first(case: Case) -> None:
    told = sum(one.rss for one in case.mappings)
    here = {n for m in case.mappings for n in case.present if m.start <= n * PAGE < m.end}
    if any(
        one.rss != sum(one.start <= n * PAGE < one.end for n in here) * PAGE
        for one in case.mappings
    ):
        return  # then only the sum is sure
    expected: Counter[Kind] = Counter()
    for n in here:
        claimed = (kind for start, end, kind in case.claims if start <= n < end)
        expected[next(claimed, NOBODY)] += PAGE
    found = case.settle()
    assert {one.kind: one.rss for one in found if one.rss} == dict(expected)
    assert all(one.exactness == "exact" for one in found)
    assert sum(expected.values()) == told


@given(cases())
def test_what_nobody_claimed(case: Case) -> None:
    ledger = Ledger(case.mappings)
    for start, end, kind in case.claims:
        ledger.claim(start * PAGE, end * PAGE, kind)
    free = {n for one, start, end in ledger.unclaimed() for n in range(start // PAGE, end // PAGE)}
    assert free == {
        n
        for one in case.mappings
        for n in range(one.start // PAGE, one.end // PAGE)
        if not any(start <= n < end for start, end, _ in case.claims)
    }


def test_a_figure_that_moved_is_an_estimate() -> None:
    mapping = MappedMemory(0, 8 * PAGE, "rw-p", rss=4 * PAGE, pss=4 * PAGE, uss=0)
    case = Case([mapping], [(0, 4, KINDS[0])], present={0, 1, 6})
    found = {one.kind: one for one in case.settle()}
    assert {one.exactness for one in found.values()} == {"estimate"}
    assert found[KINDS[0]].rss == 10923
    assert found[NOBODY].rss == 4 * PAGE - 10923
    whole = Case([mapping], [(0, 8, KINDS[0])], present={0}).settle()
    assert [(one.kind, one.rss, one.exactness) for one in whole] == [
        (KINDS[0], 4 * PAGE, "exact"),
        (NOBODY, 0, "exact"),
    ]


def test_figures_that_were_not_read_stay_unknown() -> None:
    ledger = Ledger([MappedMemory(0, PAGE, "rw-p", rss=PAGE)])
    found = ledger.settle(None)
    assert [(one.kind, one.rss, one.pss, one.uss) for one in found] == [(NOBODY, PAGE, None, None)]


@given(cases(), st.integers(0, 12))
def test_what_is_unclaimed_is_what_no_claim_so_far_covers(case: Case, first: int) -> None:
    ledger = Ledger(case.mappings)
    covered: set[int] = set()
    for claims in (case.claims[:first], case.claims[first:]):
        for start, end, kind in claims:
            ledger.claim(start * PAGE, end * PAGE, kind)
            covered.update(range(start, end))
        told = [
            (one.start, n)
            for one, start, end in ledger.unclaimed()
            for n in range(start // PAGE, end // PAGE)
        ]
        assert told == [
            (one.start, n)
            for one in case.mappings
            for n in range(one.start // PAGE, one.end // PAGE)
            if n not in covered
        ]
    assert ledger.settle(case.resident) == case.settle()
