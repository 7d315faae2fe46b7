"""Lines with stamps of unusual form; read as `stamp_samples`."""

from __future__ import annotations

__all__ = ["FORMS"]

FORMS: tuple[tuple[str, bytes, str], ...] = (
    ("month written out", b"November 23 2026 08:00:00 x", "2026-11-23T08:00:00"),
    ("month written out, US", b"September 3, 2026 8:00:00 PM x", "2026-09-03T20:00:00"),
    ("month written out, at", b"May 23, 2026 at 8:00:00 AM CEST: x", "2026-05-23T06:00:00"),
    ("day before it", b"23 November 2026 08:00:00.25 x", "2026-11-23T08:00:00.25"),
    (
        "behind a prefix",
        b"backup.sh: 1 March 2028 08:00:00 rsync started",
        "2028-03-01T08:00:00",
    ),
    ("weekday written out", b"Monday, November 23, 2026 8:00:00 AM x", "2026-11-23T08:00:00"),
    ("month written out, no year", b"November 23 08:00:00 host app: x", "-11-23T08:00:00"),
    ("date in a zone without a name", b"Mon Nov 23 11:00:00 +03 2026", "2026-11-23T08:00:00"),
    ("date, west of Greenwich", b"Mon Nov 23 05:00:00.5 AM -03 2026 x", "2026-11-23T08:00:00.5"),
    ("date in India", b"Mon Nov 23 13:30:00 IST 2026 x", "2026-11-23T08:00:00"),
    ("date in UTC", b"Thu Nov 26 10:00:00 UTC 2026", "2026-11-26T10:00:00"),
    ("date, day first", b"Thu 26 Nov 2026 10:00:00 AM UTC", "2026-11-26T10:00:00"),
    ("audit trail of oracle", b"Mon Nov 23 09:00:00 2026 +01:00", "2026-11-23T08:00:00"),
    ("php", b"[23-Nov-2026 09:00:00 Europe/Berlin] PHP Warning:  x", "2026-11-23T08:00:00"),
    ("php in summer", b"[23-Jul-2026 10:00:00 Europe/Berlin] x", "2026-07-23T08:00:00"),
    (
        "php in the US",
        b"[05-Jul-2026 04:00:00 America/Argentina/Buenos_Aires] x",
        "2026-07-05T07:00:00",
    ),
    ("behind seconds", b"2026-07-05 04:00:00.5 America/New_York x", "2026-07-05T08:00:00.5"),
    ("no such zone", b"2026-07-05 04:00:00 Europe/Atlantis x", "2026-07-05T04:00:00"),
    ("zone first", b"CET 2026-11-23 09:00:00 x", "2026-11-23T08:00:00"),
    ("zone first, in brackets", b"[AEST 2026/11/23 18:00:00.5] x", "2026-11-23T08:00:00.5"),
    # 2026 has 304 days before November, 2028 has 60 before March.
    ("day of the year", b"2026-327T08:00:00.125Z TM received", "2026-11-23T08:00:00.125"),
    ("day of the year, dots", b"2026.327.08.00.00 x", "2026-11-23T08:00:00"),
    ("day of the year, colons", b"TM 2028:061:08:00:00.5 x", "2028-03-01T08:00:00.5"),
    ("mailman", b"Nov 23 08:00:00 2026 (1234) ACCEPT: <x@y>", "2026-11-23T08:00:00"),
    ("comware", b"%Nov  3 08:00:00:123 2026 HPE SHELL/5/x: y", "2026-11-03T08:00:00.123"),
    ("fern of rust", b"[2026-11-23][08:00:00][app][INFO] x", "2026-11-23T08:00:00"),
    ("columns for date and time", b'a,"2026-11-23","8:00:00","x"', "2026-11-23T08:00:00"),
    ("the same in German", b"23.11.2026;08:00:00;12", "2026-11-23T08:00:00"),
    ("the same with tabs", b"23.11.2026\t08:00:00\tx", "2026-11-23T08:00:00"),
    ("iis", b"10.0.0.1, -, 11/23/26, 8:00:00, W3SVC2, SRV, x", "2026-11-23T08:00:00"),
    ("coldfusion", b'"Error","web-1","11/23/26","08:00:00",,"x"', "2026-11-23T08:00:00"),
    ("network policy server", b'"NPS","IAS",11/23/2026,08:00:00,4,x', "2026-11-23T08:00:00"),
    ("suricata", b"23/11/2026 -- 08:00:00 - <Notice> - x", "2026-11-23T08:00:00"),
    ("installer", b"=== started: 11/23/2026  8:00:00  Build", "2026-11-23T08:00:00"),
    ("a table of minutes", b"12,11/23/2026 8:00,a", "2026-11-23T08:00:00"),
    ("clock of cisco", b"*08:00:00.123 UTC Mon Nov 23 2026", "2026-11-23T08:00:00.123"),
    ("time first", b"08:00:00 2026-11-23 x", "2026-11-23T08:00:00"),
    ("time first, in numbers", b"08:00:00 23/11/2026 x", "2026-11-23T08:00:00"),
    ("time first, with a name", b"[08:00:00 23-Nov-2026] x", "2026-11-23T08:00:00"),
    ("last day of a leap year", b"2028/366 23:59:60 x", "2029-01-01T00:00:00"),
)
"""What is unusual, a line, and the moment of its stamp."""
