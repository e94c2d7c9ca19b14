"""Quantities over time, as lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from nodemem.render.html.scale import axis_label, clock, ticks, time_ticks
from nodemem.render.html.svg import chart, element, fit
from nodemem.render.texts import Texts
from nodemem.render.told import series_span, series_title
from nodemem.render.values import say
from nodemem.results import Series

WIDTH, HEIGHT = 920, 340
_LEFT, _TOP, _BOTTOM = 64, 46, 30
_LEAST_RIGHT, _MOST_RIGHT = 180, 320
_LETTER = 7.0
_LABEL_GAP = 17
_COLORS = 6
_MAX_HOVER = 240


def lines(
    series: Sequence[Series],
    texts: Texts,
    *,
    title: str,
    markers: Sequence[tuple[float, str]] = (),
    levels: Sequence[tuple[float, str]] = (),
) -> str:
    """`series` of one unit over seconds. `markers` are moments, `levels` fixed values, with labels.

    A gap stays where a value could not be observed. Values that are not finite count as unknown.
    """
    moments, heights = [time for time, _ in markers], [value for value, _ in levels]
    plot = _Plot(series, moments, heights, _room(series, texts))
    parts = [*_grid(plot), *_markers(markers, plot), *_levels(levels, plot)]
    for index, one in enumerate(series):
        parts += _line(one, index % _COLORS, plot)
    parts += _labels(series, plot, texts)
    parts += _hover(series, plot, texts)
    spans = "; ".join(f"{series_title(one, texts)} {series_span(one, texts)}" for one in series)
    return chart(WIDTH, HEIGHT, title, spans, parts)


def _room(series: Sequence[Series], texts: Texts) -> float:
    """How wide the names and values beside the ends of the lines are."""
    longest = max((len(series_title(one, texts)) for one in series), default=0)
    return min(max(_LEAST_RIGHT, 24 + (longest + len(" 000.0 MB")) * _LETTER), _MOST_RIGHT)


class _Plot:
    """Where values come to stand on the drawing; `right` is where lines end, `room` the width
    beside that."""

    def __init__(
        self,
        series: Sequence[Series],
        moments: Sequence[float],
        levels: Sequence[float],
        room: float,
    ) -> None:
        self.right = WIDTH - room
        times = [time for one in series for time in one.times] + list(moments)
        times = [time for time in times if math.isfinite(time)]
        self.begin, self.end = (min(times), max(times)) if times else (0.0, 1.0)
        self.unit = series[0].unit if series else "count"
        seen = [v for one in series for v in one.values if _known(v)]
        self.steps = ticks(max([*(v for v in seen if v is not None), *levels], default=0.0))

    def x(self, time: float) -> float:
        span = self.end - self.begin
        share = (time - self.begin) / span if span > 0 else 0.0
        return _LEFT + share * (self.right - _LEFT)

    def y(self, value: float) -> float:
        share = min(max(value / self.steps[-1], 0.0), 1.0)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _grid(plot: _Plot) -> Iterator[str]:
    right, bottom = plot.right, HEIGHT - _BOTTOM
    for step in plot.steps:
        y = plot.y(step)
        yield element("line", class_="grid", x1=_LEFT, x2=right, y1=y, y2=y)
        label = axis_label(step, plot.steps[-1], plot.unit)
        yield element("text", class_="axis", x=_LEFT - 10, y=y + 4, text_anchor="end", text=label)
    for moment in time_ticks(plot.begin, plot.end):
        x = plot.x(moment)
        yield element(
            "text", class_="axis", x=x, y=bottom + 20, text_anchor="middle", text=clock(moment)
        )


def _markers(markers: Sequence[tuple[float, str]], plot: _Plot) -> Iterator[str]:
    ends = [-math.inf, -math.inf]  # where the labels of the two rows reach so far
    for time, label in sorted(markers):
        x = plot.x(time)
        yield element("line", class_="marker", x1=x, x2=x, y1=_TOP - 8, y2=HEIGHT - _BOTTOM)
        shown = fit(label, 220, 6.6)
        width = len(shown) * 6.6
        at_end = x + width > WIDTH - 8
        begin = x - width if at_end else x
        row = 0 if begin > ends[0] else 1
        ends[row] = begin + width + 12
        yield element(
            "text",
            class_="marker-label",
            x=x,
            y=_TOP - 14 - 16 * row,
            text_anchor="end" if at_end else "start",
            text=shown,
        )


def _levels(levels: Sequence[tuple[float, str]], plot: _Plot) -> Iterator[str]:
    for value, label in levels:
        y = plot.y(value)
        yield element("line", class_="level", x1=_LEFT, x2=plot.right, y1=y, y2=y)
        yield element("text", class_="marker-label", x=_LEFT + 6, y=y - 5, text=label)


def _line(series: Series, color: int, plot: _Plot) -> Iterator[str]:
    runs: list[list[str]] = [[]]
    for time, value in zip(series.times, series.values, strict=True):
        if value is None or not math.isfinite(value):
            runs.append([])
        else:
            runs[-1].append(f"{plot.x(time):.1f},{plot.y(value):.1f}")
    for run in runs:
        if len(run) == 1:
            x, y = map(float, run[0].split(","))
            yield element("circle", class_=f"dot s{color}", cx=x, cy=y, r=2.5)
        elif run:
            yield element("polyline", class_=f"line s{color}", points=" ".join(run))


def _labels(series: Sequence[Series], plot: _Plot, texts: Texts) -> Iterator[str]:
    """Names beside the ends of the lines, pushed apart where lines end close together."""
    ends = []
    for index, one in enumerate(series):
        known = [
            (time, value)
            for time, value in zip(one.times, one.values, strict=True)
            if value is not None and math.isfinite(value)
        ]
        if known:
            time, value = known[-1]
            ends.append((plot.y(value), index, plot.x(time), value))
    ends.sort()
    places = [y for y, *_ in ends]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + _LABEL_GAP)
    floor = HEIGHT - _BOTTOM + 2.0
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], floor)
        floor = places[i] - _LABEL_GAP
    right = plot.right
    for (y, index, x, value), place in zip(ends, places, strict=True):
        color = index % _COLORS
        points = f"{x:.1f},{y:.1f} {right:.1f},{y:.1f} {right + 12},{place:.1f}"
        yield element("polyline", class_=f"leader s{color}", points=points)
        name = element("tspan", text=f"{series_title(series[index], texts)} ")
        size = element("tspan", class_="strong", text=say(value, plot.unit, texts))
        yield element(
            "text", class_=f"end f{color}", x=right + 16, y=place + 4, children=(name, size)
        )


def _hover(series: Sequence[Series], plot: _Plot, texts: Texts) -> Iterator[str]:
    """An unseen strip around each moment, which carries the values of that moment."""
    at: dict[float, list[str]] = {}
    for one in series:
        for time, value in zip(one.times, one.values, strict=True):
            if _known(value):
                name = series_title(one, texts)
                at.setdefault(time, []).append(f"{name}  {say(value, one.unit, texts)}")
    times = sorted(at)
    times = times[:: max(1, math.ceil(len(times) / _MAX_HOVER))]
    xs = [plot.x(time) for time in times]
    for i, time in enumerate(times):
        left = _LEFT if i == 0 else (xs[i - 1] + xs[i]) / 2
        right = plot.right if i == len(xs) - 1 else (xs[i] + xs[i + 1]) / 2
        moment = clock(round(time, 1))
        yield element(
            "rect",
            class_="hover",
            x=left,
            y=_TOP,
            width=max(right - left, 0.0),
            height=HEIGHT - _TOP - _BOTTOM,
            data_tip="\n".join([moment, *at[time]]).replace("\n", " · "),
        )
