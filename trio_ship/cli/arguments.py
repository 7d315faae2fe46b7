"""Arguments: what may be asked for, and how it is said when it is asked wrongly."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NoReturn, TypeAlias

from trio_ship.cli.streams import show
from trio_ship.config.values import printable
from trio_ship.nearest import nearest

__all__ = ["parsed"]

_Add: TypeAlias = Callable[..., argparse.ArgumentParser]
"""Adds a command to the others, with the options of all."""

_VERSION: Final = "0.1.0"
_TIMES: Final = {"--from", "--to"}
_AGO: Final = re.compile(r"-\d")
_LEVELS: Final = ("trace", "debug", "info", "notice", "warn", "error", "fatal")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what arguments ask for; end the process where they are none, or ask for help."""
    return _parser().parse_args(_joined(arguments))


def _joined(arguments: Sequence[str]) -> list[str]:
    """Return arguments with a time such as `-2h` bound to its option, for it looks like one."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in _TIMES and _AGO.match(argument):
            joined[-1] += "=" + argument
        else:
            joined.append(argument)
    return joined


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in characters that steer no terminal.

    Arguments come from patterns of the shell, and so from names that anybody may
    have given to files. Options may stand among files. They are not abbreviated:
    what is enough of a name today would not be with the next option.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  (those of argparse)
        super().__init__(allow_abbrev=False, **settings)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Take files behind options too, and show the usage of the command that is wrong."""
        known, unknown = super().parse_known_args(args, namespace)
        if hasattr(known, "files"):
            known.files += [one for one in unknown if one == "-" or not one.startswith("-")]
            unknown = [one for one in unknown if one not in known.files]
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, []

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        """Say which choice may have been meant, where one was misspelt."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            meant = nearest(value, action.choices or ())
            if meant is not None:
                error.message += f'; did you mean "{meant}"?'
            raise

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))

    def _print_message(self, message: str, file: object = None) -> None:
        """Answer as commands do, where help and the version are asked for; else try to say it."""
        if file is sys.stdout:
            show(message.removesuffix("\n"))
        else:
            with contextlib.suppress(OSError):
                sys.stderr.write(message)
                sys.stderr.flush()


def _parser() -> _Parser:
    parser = _Parser(
        prog="trio-ship",
        description="Merge log files into one stream in true time order, exact across restarts.",
        epilog="example: trio-ship merge *.log; trio-ship COMMAND --help says more",
    )
    parser.add_argument("-V", "--version", action="version", version=f"trio-ship {_VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add = partial(commands.add_parser, parents=[_common()])
    _add_run(add)
    _add_merge(add)
    _add_explain(add)
    _add_check(add)
    return parser


def _common() -> _Parser:
    """Return the options of every command."""
    common = _Parser(add_help=False)
    said = common.add_argument_group("what is said, on standard error")
    said.add_argument("-q", "--quiet", action="store_true", help="say only what is wrong")
    said.add_argument("-v", "--verbose", action="store_true", help="say more")
    said.add_argument(
        "--log-format",
        choices=["auto", "text", "json"],
        default="auto",
        help="lines for people, or objects for programs (default: lines)",
    )
    said.add_argument(
        "--color",
        choices=["auto", "always", "never"],
        default="auto",
        help="whether to colour, there and in answers (default: on terminals, unless NO_COLOR or "
        "TERM=dumb says otherwise)",
    )
    return common


def _add_run(add: _Add) -> None:
    run = add(
        "run",
        help="ship: follow what a configuration names, or merge FILEs once",
        description="Ship what a configuration names; or merge FILEs to standard output, once.",
        epilog="example: trio-ship run -c ship.toml",
    )
    run.add_argument("files", nargs="*", metavar="FILE", help="merge these (-: standard input)")
    run.add_argument("-c", "--config", metavar="FILE", help="the configuration, in TOML")
    run.add_argument("--once", action="store_true", help="read all there is, then stop")
    run.add_argument(
        "--ignore-checkpoint",
        action="store_true",
        help="start afresh; the checkpoint is kept under another name",
    )
    _add_raw(run)
    _add_times(run)
    run.add_argument(
        "--stats",
        action="store_true",
        help="say at the end what each stage took: time, processor, bytes",
    )


def _add_merge(add: _Add) -> None:
    merge = add(
        "merge",
        help="show the merged stream of FILEs, to be read",
        description="Show log files as one stream in the order of time: on a terminal with a label "
        "for each file and a colour for each severity, in a pipe as it was read.",
        epilog="example: trio-ship merge --color always app.log db.log | less -R",
    )
    merge.add_argument("files", nargs="*", metavar="FILE", help="show these (-: standard input)")
    merge.add_argument("-c", "--config", metavar="FILE", help="show what this reads instead")
    merge.add_argument("-f", "--follow", action="store_true", help="go on as the files grow")
    merge.add_argument(
        "-n", "--new", action="store_true", help="follow, and show only what comes from now on"
    )
    _add_times(merge)
    merge.add_argument("--json", action="store_true", help="one JSON object a line")
    merge.add_argument("-g", "--grep", metavar="RE", help="only records in which this RE2 matches")
    merge.add_argument(
        "-s",
        "--min-severity",
        type=_level,
        choices=_LEVELS,
        metavar="LEVEL",
        help="only records as serious as this: %(choices)s",
    )
    _add_raw(merge)


def _level(text: str) -> str:
    """Return the name of a severity by whatever word logs have for it."""
    if text in _LEVELS or not text.isascii():
        return text
    from trio_ship.fields.severity import named_severity  # noqa: PLC0415 - Arrow is slow to import

    level = named_severity(text)
    return level.label if level else text


def _add_explain(add: _Add) -> None:
    explain = add(
        "explain",
        help="say how FILEs are understood: their stamps, records and severities",
        description="Read files to their end and say what was found: how stamps are written and "
        "what is taken for granted of them, from when to when the records are, how serious they "
        "are, and what was not understood.",
        epilog="example: trio-ship explain /var/log/*.log",
    )
    explain.add_argument("files", nargs="*", metavar="FILE", help="these (-: standard input)")
    explain.add_argument("-c", "--config", metavar="FILE", help="what this reads instead")
    explain.add_argument("--json", action="store_true", help="one JSON object a file")
    explain.add_argument(
        "--layouts", action="store_true", help="list the stamps that are recognised, by name"
    )


def _add_check(add: _Add) -> None:
    check = add(
        "check",
        help="check a configuration; say what would be read and written",
        description="Say what a configuration would read and write, and do neither.",
        epilog="example: trio-ship check -c ship.toml",
    )
    check.add_argument("-c", "--config", metavar="FILE", help="the configuration, in TOML")


def _add_raw(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--raw",
        action="store_true",
        help="let control characters in records reach the terminal",
    )


def _add_times(command: argparse.ArgumentParser) -> None:
    for option, dest, what in (("--from", "begin", "begin at"), ("--to", "until", "end before")):
        command.add_argument(
            option,
            dest=dest,
            metavar="TIME",
            help=f"{what} this time: 2026-11-23T08:00:00Z, 2026-11-23, 08:00, or -2h",
        )
