"""The house is as CONTRIBUTING.md draws it: every room is there, and knows those above it alone."""

import ast
import re
from pathlib import Path

import limbeck

HOUSE = Path(limbeck.__file__).parent
MAP = Path(__file__).parents[1] / "CONTRIBUTING.md"
LINE = re.compile(r"^ {6}(\w+)(\.py|/) +\S", re.MULTILINE)


def drawn():
    """The rooms of the map, from the ground up."""
    return [f"{name}{kind}" for name, kind in LINE.findall(MAP.read_text(encoding="utf-8"))]


def built():
    """Each room, and its files."""
    files = [path for path in HOUSE.rglob("*.py") if path.parent != HOUSE or path.name != "__init__.py"]
    rooms = {}
    for path in files:
        first = path.relative_to(HOUSE).parts[0]
        rooms.setdefault(first if first.endswith(".py") else f"{first}/", []).append(path)
    return rooms


def modules(tree):
    """The modules that a file imports anywhere, for its types alone too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0  # no import is relative
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def known(files):
    """The rooms that some files import from."""
    names = {name for path in files for name in modules(ast.parse(path.read_text(encoding="utf-8")))}
    parts = {name.split(".")[1] for name in names if name.startswith("limbeck.")}
    return {room for room in built() if room.removesuffix(".py").removesuffix("/") in parts}


def test_every_room_has_a_line():
    assert sorted(drawn()) == sorted(built())


def test_a_room_knows_those_above_it_alone():
    order = drawn()
    wrong = [
        f"{room} knows {other}"
        for room, files in built().items()
        for other in known(files) - {room}
        if order.index(other) > order.index(room)
    ]
    assert wrong == []


def test_the_ground_knows_next_to_nobody():
    rooms = built()
    assert known(rooms["errors.py"]) == set()
    assert known(rooms["objective.py"]) == {"errors.py", "divergence.py"}
    assert [room for room, files in rooms.items() if "recipes/" in known(files) - {room}] == ["cli/"]
    for room in ("data/", "teachers/", "models/", "targets/"):
        assert "training/" not in known(rooms[room])
