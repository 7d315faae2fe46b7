"""Who may know whom: the pure core does no I/O, and modules say what they offer."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

import trio_ship

ROOT = Path(trio_ship.__file__).parent


def _room(name: str) -> str:
    """Return the package of the first level that a file is in, or its module."""
    return name.split("/", maxsplit=1)[0].removesuffix(".py")


MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
CORE = [
    name
    for name in MODULES
    if name
    in {
        "cut.py",
        "follow.py",
        "globs.py",
        "look.py",
        "merge.py",
        "nearest.py",
        "report.py",
        "sequencer.py",
        "sink.py",
        "stages.py",
        "state.py",
        "watermarks.py",
    }
    or name.startswith(("batch/", "decode/", "encode/", "fields/", "steps/"))
]
ROOMS = {_room(name) for name in MODULES} - {"__init__"}
BANNED = {"trio", "anyio", "os", "time", "logging", "socket", "threading"}


def _tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def _imports(name: str) -> set[str]:
    """Return every module that a file imports, wherever in it, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            module = node.module or ""
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_nothing_that_waits_or_touches_a_disk(name: str) -> None:
    """No module of the core imports trio, clocks, files, logs or threads."""
    assert {module.partition(".")[0] for module in _imports(name)}.isdisjoint(BANNED)


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_only_the_core(name: str) -> None:
    """What a module of the core knows of this package is in the core too."""
    own = {module for module in _imports(name) if module.startswith("trio_ship.")}
    known = {
        f"{path}/__init__.py" if f"{path}/__init__.py" in MODULES else f"{path}.py"
        for module in own
        if (path := module.removeprefix("trio_ship.").replace(".", "/"))
    }
    assert known & set(MODULES) <= set(CORE)


def test_rooms_know_only_downwards() -> None:
    """No module or package of the first level knows another that knows it, by whatever way."""
    known: dict[str, set[str]] = {room: set() for room in ROOMS}
    for name in MODULES:
        own = {module.split(".")[1] for module in _imports(name) if module.startswith("trio_ship.")}
        if _room(name) in known:
            known[_room(name)] |= own & ROOMS - {_room(name)}
    assert set(graphlib.TopologicalSorter(known).static_order()) == ROOMS


def test_the_core_is_not_empty() -> None:
    """The list above finds the modules that it is about."""
    assert len(CORE) > 15


def _defined(tree: ast.Module) -> set[str]:
    """Return what a module binds at its top level, imports left out."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def _imported(tree: ast.Module) -> set[str]:
    body = [
        inner for node in tree.body for inner in (node.body if isinstance(node, ast.If) else [node])
    ]
    return {
        alias.asname or alias.name
        for node in body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_name_of_the_library_is_found() -> None:
    """What `import trio_ship` offers is there, though it is imported when it is asked for."""
    assert [name for name in trio_ship.__all__ if not hasattr(trio_ship, name)] == []
    assert set(trio_ship.__all__) <= set(dir(trio_ship))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        trio_ship.nothing  # noqa: B018  (asking is the test)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_for_and_what_it_offers(name: str) -> None:
    """A docstring, and a sorted `__all__` of names that are there; packages hand on others'."""
    tree = _tree(name)
    assert ast.get_docstring(tree)
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and [target.id for target in node.targets if isinstance(target, ast.Name)] == ["__all__"]
    ]
    is_empty_package = name.endswith("__init__.py") and not _defined(tree) and not _imported(tree)
    assert len(lists) == 1 or is_empty_package
    for value in lists:
        offered = ast.literal_eval(value)
        # Constants first, then classes, then functions: the order of ruff's RUF022.
        assert len(set(offered)) == len(offered)
        assert list(offered) == sorted(offered, key=_rank)
        hands_on = name.endswith(("__init__.py", "__main__.py"))
        assert set(offered) <= _defined(tree) | (_imported(tree) if hands_on else set())
        assert {each for each in _defined(tree) if not each.startswith("_")} <= set(offered)


def _rank(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
