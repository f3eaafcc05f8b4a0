"""The order of the rooms: which may import which."""

import ast

import pytest
from rooms import LAYERS, ONLY, PACKAGE, PICTURE, draw


def modules():
    """Return the modules of the package by their names within it."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        if name:
            found[name] = path
    return found


def rooms(name):
    """Return the layer of a module, and the room that it is in."""
    places = [
        (len(room), i, room) for i, layer in enumerate(LAYERS) for room in layer if f"{name}.".startswith(f"{room}.")
    ]
    assert places, f"{name}: in no room"
    return max(places)[1:]


def imports(path):
    """Return the full names of all that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def arrows():
    """Return the modules of the package that each of its modules imports."""
    known = modules()
    for name, path in known.items():
        for full in imports(path):
            inner = full.removeprefix("ofa_bench.")
            if full.startswith("ofa_bench."):
                yield name, inner if inner in known else inner.rpartition(".")[0]


def test_no_room_imports_a_higher_one():
    upward = [(name, other) for name, other in arrows() if other and rooms(name)[0] > rooms(other)[0]]
    assert not upward


def test_no_room_imports_the_public_face():
    assert not [name for name, path in modules().items() if "ofa_bench" in set(imports(path))]


def test_no_modules_import_each_other_in_a_circle():
    known = modules()
    reached = {name: set() for name in known}
    for name, other in arrows():
        if other in known and other != name:
            reached[name].add(other)
    left = dict(reached)
    while left:
        free = [name for name, others in left.items() if not others & left.keys()]
        assert free, f"a circle among {sorted(left)}"
        for name in free:
            del left[name]


def test_only_commands_print():
    printing = {
        name
        for name, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert not {name for name in printing if name != "__main__" and not name.startswith("commands.")}


def test_few_modules_lie_loose():
    assert len(list(PACKAGE.glob("*.py"))) <= 8


@pytest.mark.parametrize("library", ONLY)
def test_a_library_has_one_room(library):
    strangers = {
        rooms(name)[1] if library != "matplotlib" else name
        for name, path in modules().items()
        for full in imports(path)
        if full.partition(".")[0] == library and not any(f"{name}.".startswith(f"{room}.") for room in ONLY[library])
    }
    assert not strangers


def test_the_picture_of_the_rooms_is_of_this_table():
    assert PICTURE.read_text() == draw(), "python tools/rooms.py draws it anew"
