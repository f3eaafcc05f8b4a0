"""The order of the package's rooms, and their picture in the docs, which ``python tools/rooms.py`` draws."""

import ast
from html import escape
from itertools import pairwise
from pathlib import Path

__all__ = ["LAYERS", "ONLY", "PACKAGE", "PICTURE", "draw"]

PACKAGE = Path(__file__).resolve().parents[1] / "ofa_bench"
PICTURE = PACKAGE.parent / "docs" / "architecture" / "rooms.svg"

LAYERS = [
    ["__main__"],
    ["commands"],
    ["commands.cli"],
    ["api"],
    ["exporting"],
    ["report"],
    ["experiment"],
    ["tracking"],
    ["training"],
    ["analysis"],
    ["records"],
    ["engine", "testing"],
    ["strategies"],
    ["search"],
    ["profiling"],
    ["supernets"],
    ["predictors"],
    ["devices"],
    ["spaces"],
    ["config"],
    ["files"],
    ["data"],
    ["formatting", "errors", "version"],
]
"""The rooms from the top down: a room imports only from rooms below it."""

ONLY = {"mlflow": {"tracking"}, "matplotlib": {"analysis.figures"}, "rich": {"commands.cli"}}
"""Libraries that only one room imports."""

WALK = (["commands", "experiment", "engine", "strategies", "search"], ["records", "tracking", "report"])
"""The rooms that one cell goes through: down to its search, and up with its findings."""

BANDS = {
    "__main__": ("interfaces", "#e3e8f4"),
    "exporting": ("outputs", "#f6e9d9"),
    "experiment": ("runs and records", "#e2f0e6"),
    "engine": ("search", "#f5e1e4"),
    "profiling": ("problem", "#ece4f3"),
    "config": ("foundation", "#eceff1"),
}
"""The bands of the picture, by their first room, with title and colour."""

WIDTH, ROW, TOP, DOWN, UP, LEFT, RIGHT = 1000, 30, 16, 24, 58, 84, 952


def summary(room: str) -> str:
    """Return the first line of a room's docstring; empty if it has none."""
    path = PACKAGE.joinpath(*room.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text())) if path.is_file() else ""
    return (text or "").partition("\n")[0].replace("``", "").rstrip(".")


def draw() -> str:
    """Return the picture of ``LAYERS`` and ``WALK`` as SVG."""
    rooms = [room for layer in LAYERS for room in layer]
    middle = {room: TOP + ROW * i + ROW // 2 for i, room in enumerate(rooms)}
    height = TOP * 2 + ROW * len(rooms)
    begins = [*map(rooms.index, BANDS), len(rooms)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        "<title>The rooms of ofa_bench, from the top down, and the path of one cell through them</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 10 5 0 10z" fill="#90a4ae"/></marker>',
    ]
    for (begin, end), (title, colour) in zip(pairwise(begins), BANDS.values(), strict=True):
        y = TOP + ROW * begin + 2
        box = f'x="{LEFT}" y="{y}" width="{RIGHT - LEFT}" height="{ROW * (end - begin) - 4}"'
        parts.append(f'<rect {box} rx="6" fill="{colour}"/>')
        parts.append(
            f'<text x="{RIGHT - 8}" y="{y + 17}" font-size="12" fill="#78909c" text-anchor="end">{title}</text>'
        )
    for room, y in middle.items():
        alone = [library for library, only in ONLY.items() if room in {_room(one) for one in only}]
        text = summary(room) + (f" [{alone[0]}]" if alone and alone[0] not in summary(room) else "")
        parts.append(f'<text x="{LEFT + 12}" y="{y + 5}" font-size="14" font-weight="bold">{room}</text>')
        parts.append(f'<text x="{LEFT + 130}" y="{y + 5}" font-size="12">{escape(text)}</text>')
    parts += _walk(middle)
    arrow = f'x1="{RIGHT + 16}" y1="{TOP + 4}" x2="{RIGHT + 16}" y2="{height - TOP - 4}"'
    parts.append(f'<line {arrow} stroke="#90a4ae" stroke-width="2" marker-end="url(#tip)"/>')
    middle_y = height // 2
    parts.append(
        f'<text transform="translate({RIGHT + 30} {middle_y}) rotate(90)" font-size="12" fill="#78909c" '
        'text-anchor="middle">a room imports only from rooms below it</text>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _room(module: str) -> str:
    """Return the innermost room that a module is in."""
    return max((room for layer in LAYERS for room in layer if f"{module}.".startswith(f"{room}.")), key=len)


def _walk(middle: dict[str, int]) -> list[str]:
    """Return the path of one cell through the rooms, with a number at each."""
    stops = [(x, middle[room]) for x, rooms in zip((DOWN, UP), WALK, strict=True) for room in rooms]
    turn, back = stops[len(WALK[0]) - 1], stops[len(WALK[0])]
    path = " ".join(f"L{x} {y}" for x, y in stops[: len(WALK[0])]).replace("L", "M", 1)
    path += f" C{DOWN} {turn[1] + 50} {UP} {turn[1] + 50} {back[0]} {back[1]} "
    path += " ".join(f"L{x} {y}" for x, y in stops[len(WALK[0]) + 1 :])
    parts = [f'<path d="{path}" fill="none" stroke="#3f51b5" stroke-width="2"/>']
    for number, (x, y) in enumerate(stops, 1):
        parts.append(f'<circle cx="{x}" cy="{y}" r="11" fill="#3f51b5"/>')
        parts.append(f'<text x="{x}" y="{y + 4}" font-size="12" fill="white" text-anchor="middle">{number}</text>')
    return parts


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw())
