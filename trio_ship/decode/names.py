"""Layouts in which months have names; rows of the table, as `table` explains."""

from __future__ import annotations

from typing import Final

from trio_ship.decode.layouts import Layout

__all__ = ["NAMED"]

NAMED: Final = (
    Layout(
        name="clf",
        template="%d/%b/%Y:%H:%M:%S %o",
        example="10/Oct/2000:13:55:36 -0700",
        example_ns=971_211_336_000_000_000,
        writers="access logs of Apache, nginx and others",
        anywhere=True,
        marker="[",
    ),
    Layout(
        name="ctime_offset",
        template="%a %b %e %H:%M:%S %Y %o",
        example="Mon Nov 23 08:00:00 2026 +0100",
        example_ns=1_795_417_200_000_000_000,
        writers="git",
        anywhere=True,
    ),
    Layout(
        name="ctime",
        template="%a %b %e %H:%M:%S%f%p%z %Y",
        example="Sun Dec 04 04:47:44 2005",
        example_ns=1_133_671_664_000_000_000,
        writers="error log of Apache, uWSGI, `date`",
        anywhere=True,
    ),
    Layout(
        name="javascript",
        template="%a %b %d %Y %H:%M:%S GMT%o",
        example="Mon Nov 23 2026 08:00:00 GMT+0100",
        example_ns=1_795_417_200_000_000_000,
        writers="JavaScript",
        anywhere=True,
    ),
    Layout(
        name="weekday",
        template="%a %b %e %H:%M:%S%f",
        example="Wed Nov  4 08:00:00.123",
        example_ns=973_324_800_123_000_000,
        writers="macOS, old MongoDB",
        anywhere=True,
    ),
    Layout(
        name="syslog_year",
        template="%b %E %Y %H:%M:%S%f%z",
        example="Nov 23 2026 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="Cisco ASA",
        anywhere=True,
    ),
    Layout(
        name="java",
        template="%b %E, %Y{ |, }%-H:%M:%S%f%p%z",
        example="Nov 23, 2026 8:00:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="java.util.logging, WebLogic",
        anywhere=True,
    ),
    Layout(
        name="month_name_day",
        template="%b{-|/}%d{-|/}%Y{ |:|-}%H:%M:%S%f%p%z",
        example="nov/23/2026 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="MikroTik",
        anywhere=True,
    ),
    Layout(
        name="syslog",
        template="%b %E %H:%M:%S%f%z",
        example="Jun  4 15:16:01",
        example_ns=960_131_761_000_000_000,
        writers="syslog (RFC 3164), HAProxy",
        anywhere=True,
    ),
    Layout(
        name="year_month_name",
        template="%Y{-|/| }%b{-|/| }%E{ |T|:}%H:%M:%S%f%z",
        example="2026-Nov-23 08:00:00.123",
        example_ns=1_795_420_800_123_000_000,
        writers="Boost, NX-OS",
        anywhere=True,
    ),
    Layout(
        name="day_month_name",
        template="%E{ |-|/}%b{ |-|/}%Y{ |:|::}%H:%M:%S%f%p%z",
        example="23 Nov 2026 08:00:00.123",
        example_ns=1_795_420_800_123_000_000,
        writers="Redis, Tomcat, PHP, BIND, Erlang, HAProxy, mail",
        anywhere=True,
    ),
    Layout(
        name="day_month_name_short",
        template="%E{-|/}%b{-|/}%y{ |:}%H:%M:%S%f%p%z",
        example="23-Nov-26 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="RFC 850, Oracle",
        anywhere=True,
    ),
    Layout(
        name="day_month_name_yearless",
        template="%E %b %H:%M:%S%f",
        example="23 Nov 08:00:00.123",
        example_ns=974_966_400_123_000_000,
        writers="old Redis",
        anywhere=True,
    ),
    Layout(
        name="day_month_name_joined",
        template="%d%b%Y{ |:}%H:%M:%S%f",
        example="23Nov2026 08:00:00.123",
        example_ns=1_795_420_800_123_000_000,
        writers="Minecraft Forge, SAS",
        anywhere=True,
    ),
)
"""The likelier first."""
