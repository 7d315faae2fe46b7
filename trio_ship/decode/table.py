"""The table of layouts: one row for each way in which programs write stamps.

Each row holds an example and the moment that it is, so it says what it is good
for and tests itself. `layouts` explains the templates.
"""

from __future__ import annotations

from typing import Final

from trio_ship.decode.layouts import Layout

__all__ = ["LAYOUTS", "layout_named"]

LAYOUTS: Final = (
    Layout(
        name="postgresql",
        template="%Y-%m-%d %H:%M:%S%f %h [",
        example="2026-11-23 08:00:00.123 -03 [",
        example_ns=1_795_431_600_123_000_000,
        writers="PostgreSQL in a zone without a name",
        anywhere=True,
    ),
    Layout(
        name="iso8601",
        template="%Y-%m-%d{T| |t|\t}%H:%M:%S%f%z",
        example="2015-10-18T18:01:47.978Z",
        example_ns=1_445_191_307_978_000_000,
        writers="RFC 3339, log4j, logback, Python, Rails, MySQL, PostgreSQL, Kubernetes, IIS",
        anywhere=True,
    ),
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
        name="syslog",
        template="%b %E %H:%M:%S%f",
        example="Jun  4 15:16:01",
        example_ns=960_131_761_000_000_000,
        writers="syslog (RFC 3164), HAProxy",
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
        name="tai64n",
        template="@%x%n",
        example="@4000000052f7d9c51e2a3b4c",
        example_ns=1_391_974_843_506_084_172,
        writers="multilog, svlogd, s6-log",
    ),
    Layout(
        name="epoch",
        template="%s%f",
        example="1286536309.450",
        example_ns=1_286_536_309_450_000_000,
        writers="Squid, Caddy, zap, zerolog",
        weak=True,
    ),
    Layout(
        name="epoch_ms",
        template="%s%3%f",
        example="1286536309450",
        example_ns=1_286_536_309_450_000_000,
        writers="pino, log4j in JSON",
        weak=True,
    ),
    Layout(
        name="epoch_us",
        template="%s%6%f",
        example="1286536309450123",
        example_ns=1_286_536_309_450_123_000,
        writers="journald in JSON",
        weak=True,
    ),
    Layout(
        name="epoch_ns",
        template="%s%9",
        example="1286536309450123456",
        example_ns=1_286_536_309_450_123_456,
        writers="Loki, OpenTelemetry",
        weak=True,
    ),
    Layout(
        name="audit",
        template="audit(%s.%3:",
        example="audit(1364481363.243:",
        example_ns=1_364_481_363_243_000_000,
        writers="auditd",
        anywhere=True,
    ),
    Layout(
        name="compact",
        template="%y%m%d %H%M%S",
        example="081109 203615",
        example_ns=1_226_262_975_000_000_000,
        writers="HDFS",
    ),
    Layout(
        name="mysql",
        template="%y%m%d %k:%M:%S",
        example="091123  8:00:00",
        example_ns=1_258_963_200_000_000_000,
        writers="MySQL before 5.7",
    ),
    Layout(
        name="slashed",
        template="%y/%m/%d %H:%M:%S%f",
        example="17/06/09 20:10:40",
        example_ns=1_497_039_040_000_000_000,
        writers="Spark",
        family="short",
    ),
    Layout(
        name="dotted",
        template="[%m.%d %H:%M:%S]",
        example="[10.30 16:49:06]",
        example_ns=972_924_546_000_000_000,
        writers="Proxifier",
    ),
    Layout(
        name="ymd",
        template="%Y{/|.}%m{/|.}%d{ |-|T|:}%H:%M:%S%f%z",
        example="2026/11/23 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="Go, error log of nginx",
        anywhere=True,
    ),
    Layout(
        name="db2",
        template="%Y-%m-%d-%H.%M.%S%f",
        example="2005-06-03-15.42.50.675872",
        example_ns=1_117_813_370_675_872_000,
        writers="DB2, Blue Gene",
        anywhere=True,
    ),
    Layout(
        name="compact_loose",
        template="%Y%m%d-%-H:%-M:%-S:%-3",
        example="20171223-22:15:29:606",
        example_ns=1_514_067_329_606_000_000,
        writers="HealthApp",
    ),
    Layout(
        name="compact_date",
        template="%Y%m%d{ |-|T|_}%H:%M:%S%f%z",
        example="20171223 22:15:29.606",
        example_ns=1_514_067_329_606_000_000,
        writers="glog with a year",
        after="IWEF",
    ),
    Layout(
        name="iso8601_basic",
        template="%Y%m%d{T|-|_| |}%H%M%S%f%z",
        example="20151018T180147Z",
        example_ns=1_445_191_307_000_000_000,
        writers="ISO 8601 without separators",
    ),
    Layout(
        name="svlogd",
        template="%Y-%m-%d_%H:%M:%S%f",
        example="2026-11-23_08:00:00.12345",
        example_ns=1_795_420_800_123_450_000,
        writers="svlogd",
    ),
    Layout(
        name="iso8601_minutes",
        template="%Y-%m-%d{T| }%H:%M%z",
        example="2026-11-23 08:00",
        example_ns=1_795_420_800_000_000_000,
        writers="pacman",
    ),
    Layout(
        name="iso8601_loose",
        template="%Y{-|/}%-m{-|/}%-d{ |T}%-H:%M:%S%f%p%z",
        example="2026-11-3 8:00:00",
        example_ns=1_793_692_800_000_000_000,
        writers="numbers without leading zeros",
    ),
    Layout(
        name="logcat",
        template="%m-%d %H:%M:%S%f",
        example="03-17 16:13:38.811",
        example_ns=953_309_618_811_000_000,
        writers="Android",
    ),
    Layout(
        name="glog",
        template="%m%d %H:%M:%S%f",
        example="1123 08:00:00.123456",
        example_ns=974_966_400_123_456_000,
        writers="glog, klog",
        after="IWEFD",
    ),
    Layout(
        name="chromium",
        template="%m%d/%H%M%S%f",
        example="1123/080000.123456",
        example_ns=974_966_400_123_456_000,
        writers="Chromium",
    ),
    Layout(
        name="snort",
        template="%m/%d-%H:%M:%S%f",
        example="11/23-08:00:00.123456",
        example_ns=974_966_400_123_456_000,
        writers="Snort",
    ),
    Layout(
        name="day_month",
        template="%-d{/|.|-}%-m{/|.|-}%Y{ |, |-|T}%-H:%M:%S%f%p%z",
        example="23/11/2026 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="numbers as most of the world writes them",
        anywhere=True,
        family="long",
    ),
    Layout(
        name="month_day",
        template="%-m{/|.|-}%-d{/|.|-}%Y{ |, |-|T}%-H:%M:%S%f%p%z",
        example="11/23/2026 8:00:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US, Suricata",
        anywhere=True,
        family="long",
    ),
    Layout(
        name="day_month_short",
        template="%-d{/|.|-}%-m{/|.|-}%y{ |, |-|T}%-H:%M:%S%f%p%z",
        example="23.11.26 08:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="with two digits of the year",
        family="short",
    ),
    Layout(
        name="month_day_short",
        template="%-m{/|.|-}%-d{/|.|-}%y{ |, |-|T}%-H:%M:%S%f%p%z",
        example="11/23/26 8:00:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="the same in the US, WebSphere",
        family="short",
    ),
)
"""Every layout, the likelier first: the order decides where two fit as well."""


def layout_named(name: str) -> Layout:
    """Return the layout of a name.

    Raises:
        ValueError: There is none.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    names = ", ".join(layout.name for layout in LAYOUTS)
    raise ValueError(f"no layout is called {name!r}; there are {names}")
