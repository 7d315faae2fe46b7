"""Layouts of numbers of which day, month and year stand in different orders; rows of the table.

The rows of a family read the same digits: `ambiguous` has what decides between them.
"""

from __future__ import annotations

from typing import Final

from trio_ship.decode.layouts import Layout

__all__ = ["ORDERED"]

ORDERED: Final = (
    Layout(
        name="day_month",
        template="%-d{/|.|-}%-m{/|.|-}%Y{ |, |-|T|:|_|  }%-H:%M:%S%f%p%z",
        example="23/11/2026 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="numbers as most of the world writes them",
        anywhere=True,
        family="long",
    ),
    Layout(
        name="month_day",
        template="%-m{/|.|-}%-d{/|.|-}%Y{ |, |-|T|:|_|  }%-H:%M:%S%f%p%z",
        example="11/23/2026 8:00:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US, Suricata",
        anywhere=True,
        family="long",
    ),
    Layout(
        name="day_month_spaced",
        template="%-d. %-m. %Y{ |, }%-H:%M:%S%f%p%z",
        example="23. 11. 2026 8:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="Czechia, Slovakia",
        anywhere=True,
    ),
    Layout(
        name="day_month_dotted",
        template="%-d{/|.|-}%-m{/|.|-}%Y{ |, }%-H.%M.%S%f",
        example="23.11.2026 08.00.00",
        example_ns=1_795_420_800_000_000_000,
        writers="Finland, Denmark, Italy",
    ),
    Layout(
        name="month_day_fields",
        template=",%m/%d/%y,%H:%M:%S,",
        example=",11/23/26,08:00:00,",
        example_ns=1_795_420_800_000_000_000,
        writers="DHCP server of Windows",
        anywhere=True,
    ),
    Layout(
        name="day_month_short",
        template="%-d{/|.|-}%-m{/|.|-}%y{ |, |-|T|  }%-H:%M:%S%f%p%z",
        example="23.11.26 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="with two digits of the year",
        family="short",
    ),
    Layout(
        name="month_day_short",
        template="%-m{/|.|-}%-d{/|.|-}%y{ |, |-|T|  }%-H:%M:%S%f%p%z",
        example="11/23/26 8:00:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US, WebSphere",
        family="short",
    ),
    Layout(
        name="day_month_minutes",
        template="%-d{/|.|-}%-m{/|.|-}%Y{ |, |  }%-H:%M%p",
        example="23/11/2026, 08:00",
        example_ns=1_795_420_800_000_000_000,
        writers="WhatsApp, exports",
        anywhere=True,
        family="long_minutes",
    ),
    Layout(
        name="month_day_minutes",
        template="%-m{/|.|-}%-d{/|.|-}%Y{ |, |  }%-H:%M%p",
        example="11/23/2026 8:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US",
        anywhere=True,
        family="long_minutes",
    ),
    Layout(
        name="day_month_short_minutes",
        template="%-d{/|.|-}%-m{/|.|-}%y{ |, |  }%-H:%M%p",
        example="23.11.26, 08:00",
        example_ns=1_795_420_800_000_000_000,
        writers="WhatsApp, exports",
        family="short_minutes",
    ),
    Layout(
        name="month_day_short_minutes",
        template="%-m{/|.|-}%-d{/|.|-}%y{ |, |  }%-H:%M%p",
        example="11/23/26, 8:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US",
        family="short_minutes",
    ),
    Layout(
        name="month_day_yearless",
        template="%m/%d %H:%M:%S%f",
        example="11/23 08:00:00",
        example_ns=974_966_400_000_000_000,
        writers="HTCondor, Netlogon",
        anywhere=True,
        family="yearless",
    ),
    Layout(
        name="day_month_yearless",
        template="%d/%m %H:%M:%S%f",
        example="23/11 08:00:00",
        example_ns=974_966_400_000_000_000,
        writers="the same elsewhere",
        anywhere=True,
        family="yearless",
    ),
    Layout(
        name="month_day_yearless_loose",
        template="%-m/%-d %H:%M:%S%f",
        example="8/23 08:00:00.123",
        example_ns=967_017_600_123_000_000,
        writers="World of Warcraft",
        family="yearless_loose",
    ),
    Layout(
        name="day_month_yearless_loose",
        template="%-d/%-m %H:%M:%S%f",
        example="23/8 08:00:00.123",
        example_ns=967_017_600_123_000_000,
        writers="the same elsewhere",
        family="yearless_loose",
    ),
    Layout(
        name="day_month_yearless_dotted",
        template="%d.%m{ |. }%H:%M:%S%f",
        example="23.11. 08:00:00",
        example_ns=974_966_400_000_000_000,
        writers="the same in Central Europe",
    ),
    Layout(
        name="month_day_yearless_minutes",
        template="%m/%d %H:%M (",
        example="11/23 08:00 (",
        example_ns=974_966_400_000_000_000,
        writers="licence manager of Reprise",
    ),
    Layout(
        name="day_month_prefixed",
        template="%d/%m/%y %H:%M:%S%f",
        example="23/11/26 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="two digits of each behind a prefix",
        anywhere=True,
        family="short_prefixed",
    ),
    Layout(
        name="month_day_prefixed",
        template="%m/%d/%y %H:%M:%S%f",
        example="11/23/26 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US, ProCurve",
        anywhere=True,
        family="short_prefixed",
    ),
    Layout(
        name="slashed_prefixed",
        template="%y/%m/%d %H:%M:%S%f",
        example="99/11/23 08:00:00",
        example_ns=943_344_000_000_000_000,
        writers="the same with the year first",
        anywhere=True,
        family="short_prefixed",
    ),
)
"""The likelier first."""
