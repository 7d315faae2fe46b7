"""Layouts whose date and time stand apart, or the time first or alone; rows of the table.

So tables are exported: a date and a time in columns of their own, with or without
quotes. What is between the two is more than a space, so that hardly any other text
looks like it.
"""

from __future__ import annotations

from typing import Final

from trio_ship.decode.layouts import Layout

__all__ = ["APART"]

_BETWEEN: Final = (
    '{,|;|; |%||\t|","|";"|  |   | - | -- | / | %| | at | um | à |][|] [| Time: | time=|,time=}'
)
_BETWEEN_SHORT: Final = '{,|;|, |\t|","|";"|  |   | - | at |][|] [| %| }'
_BEHIND_TIME: Final = '{ |  |\t|, | - |,|;|","|";"| on | [}'

APART: Final = (
    Layout(
        name="time_halves",
        template="%-H:%M:%S%f%P",
        example="1:05:09 PM",
        example_ns=946_731_909_000_000_000,
        writers="Process Monitor, Vite, tables",
        weak=True,
    ),
    Layout(
        name="time_spaced",
        template="%k:%M:%S (",
        example=" 8:00:00 (",
        example_ns=946_713_600_000_000_000,
        writers="FlexNet",
    ),
    Layout(
        name="top",
        template="top - %H:%M:%S up",
        example="top - 08:00:00 up",
        example_ns=946_713_600_000_000_000,
        writers="top -b",
    ),
    Layout(
        name="time_dotted",
        template="%H.%M.%S {JOB|STC|TSU}",
        example="08.00.00 JOB",
        example_ns=946_713_600_000_000_000,
        writers="job logs of JES2",
    ),
    Layout(
        name="time",
        template="%H:%M:%S%f%p",
        example="08:00:00.123",
        example_ns=946_713_600_123_000_000,
        writers="logback, Serilog, Minecraft, tcpdump",
        weak=True,
    ),
    Layout(
        name="time_minutes",
        template="%-H:%M%p",
        example="8:00AM",
        example_ns=946_713_600_000_000_000,
        writers="zerolog, irssi",
        weak=True,
    ),
    Layout(
        name="iso8601_apart",
        template='%Y{-|/|.}%m{-|/|.}%d{,|;|; |%||, |","|";"|][|] [| - | -- | / | %| | at | Time: }'
        "%-H:%M:%S%f%p%z",
        example="2026-11-23,08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="tables with a column for the date, fern of Rust",
        anywhere=True,
    ),
    Layout(
        name="day_month_apart",
        template=f"%-d{{/|.|-}}%-m{{/|.|-}}%Y{_BETWEEN}%-H:%M:%S%f%p%z",
        example="23.11.2026;08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="tables, Suricata",
        anywhere=True,
        family="apart",
    ),
    Layout(
        name="month_day_apart",
        template=f"%-m{{/|.|-}}%-d{{/|.|-}}%Y{_BETWEEN}%-H:%M:%S%f%p%z",
        example="11/23/2026,8:00:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US, Network Policy Server",
        anywhere=True,
        family="apart",
    ),
    Layout(
        name="day_month_short_apart",
        template=f"%-d{{/|.|-}}%-m{{/|.|-}}%y{_BETWEEN_SHORT}%-H:%M:%S%f%p%z",
        example="23/11/26,08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="tables with two digits of the year",
        anywhere=True,
        family="short_apart",
    ),
    Layout(
        name="month_day_short_apart",
        template=f"%-m{{/|.|-}}%-d{{/|.|-}}%y{_BETWEEN_SHORT}%-H:%M:%S%f%p%z",
        example='11/23/26","08:00:00',
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US, IIS, ColdFusion, IBM i",
        anywhere=True,
        family="short_apart",
    ),
    Layout(
        name="time_first",
        template=f"%H:%M:%S%f%z{_BEHIND_TIME}%Y{{-|/|.}}%m{{-|/|.}}%d",
        example="08:00:00.123 2026-11-23",
        example_ns=1_795_420_800_123_000_000,
        writers="programs that put the time first",
    ),
    Layout(
        name="time_first_ctime",
        template="%H:%M:%S%f%z %a %b %e %Y",
        example="08:00:00.123 UTC Mon Nov 23 2026",
        example_ns=1_795_420_800_123_000_000,
        writers="the clock of Cisco",
    ),
    Layout(
        name="time_first_named",
        template="%H:%M:%S%f%z{ |, }%E{ |-|/}%b{ |-|/}%Y",
        example="08:00:00 23 Nov 2026",
        example_ns=1_795_420_800_000_000_000,
        writers="the same with the name of the month",
    ),
    Layout(
        name="time_first_day_month",
        template=f"%-H:%M:%S%f%p{_BEHIND_TIME}%-d{{/|.|-}}%-m{{/|.|-}}%Y",
        example="08:00:00 23.11.2026",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in numbers",
        family="time_first",
    ),
    Layout(
        name="time_first_month_day",
        template=f"%-H:%M:%S%f%p{_BEHIND_TIME}%-m{{/|.|-}}%-d{{/|.|-}}%Y",
        example="08:00:00 11/23/2026",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US",
        family="time_first",
    ),
    Layout(
        name="time_first_day_month_short",
        template=f"%-H:%M:%S%f%p{_BEHIND_TIME}%-d{{/|.|-}}%-m{{/|.|-}}%y",
        example="08:00:00 23.11.26",
        example_ns=1_795_420_800_000_000_000,
        writers="the same with two digits of the year",
        family="time_first_short",
    ),
    Layout(
        name="time_first_month_day_short",
        template=f"%-H:%M:%S%f%p{_BEHIND_TIME}%-m{{/|.|-}}%-d{{/|.|-}}%y",
        example="08:00:00 11/23/26",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US",
        family="time_first_short",
    ),
)
"""The likelier first."""
