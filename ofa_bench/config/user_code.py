"""Hashes the code of a user's classes, with only those parts of their modules that they use."""

import ast
import importlib.util
import sys
import tokenize
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

__all__ = ["code_sha256", "is_third_party"]

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of installed packages."""


def code_sha256(makers: Iterable[object]) -> str | None:
    """Return the hash of the source of a user's classes and functions, with all that they use of the user's modules.

    For a class, these are its bases and the functions, constants and imports that it names, and what these name in
    turn, in any module. The rest of these modules does not count; a module that is imported as a whole counts fully.

    Returns:
        SHA-256 in hexadecimal; None if all is ours or of an installed package.
    """
    found = [(str(getattr(maker, "__module__", "")), str(getattr(maker, "__qualname__", ""))) for maker in makers]
    code = _Code({module.partition(".")[0] for module, _ in found})
    for module, name in found:
        code.add(module, name.partition(".")[0] or None)
    text = "\n".join(sorted(code.pieces))
    return sha256(text.encode(errors="surrogateescape")).hexdigest() if text else None


def is_third_party(path: Path) -> bool:
    """Return whether a file is of an installed package."""
    return bool(INSTALLED & set(path.parts))


class _Code:
    """Collects pieces of source, and what each piece uses.

    Args:
        roots: packages that are the user's even if they are installed.
    """

    def __init__(self, roots: set[str]) -> None:
        self.pieces = set[str]()
        self._roots, self._users = roots, dict[str, bool]()
        self._modules, self._seen = dict[str, _Module | None](), set[tuple[str, str | None]]()

    def add(self, module: str, name: str | None) -> None:
        """Add the definition of a name in a module, or with None the whole module, and all that it uses."""
        waiting = [(module, name)]
        while waiting:
            one = waiting.pop()
            if one not in self._seen:
                self._seen.add(one)
                waiting += self._add(*one)

    def _add(self, module: str, name: str | None) -> Iterator[tuple[str, str | None]]:
        source = self._module(module)
        if source is None:
            return
        if name is not None and name not in source.defined:
            if self._module(f"{module}.{name}"):
                yield f"{module}.{name}", None
                return
            name = None  # defined in another way: the whole module counts
        for statement in source.body:
            names = _defined(statement)
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for alias, origin, of in source.imported(statement):
                    if alias == "*" or name in (None, alias):
                        self.pieces.add(f"{module}: {alias} is {of} of {origin}")
                        yield origin, of
            elif name is None or not names or name in names:
                self.pieces.add(f"{module}: {source.text(statement)}")
                for node in ast.walk(statement):
                    if isinstance(node, ast.Import | ast.ImportFrom):
                        yield from ((origin, of) for _, origin, of in source.imported(node))
                    elif isinstance(node, ast.Name) and node.id in source.defined:
                        yield module, node.id

    def _module(self, name: str) -> "_Module | None":
        """Return a module's source; None if it is not the user's."""
        if name not in self._modules:
            path = self._path(name)
            self._modules[name] = _Module(name, path) if path and path.is_file() else None
        return self._modules[name]

    def _path(self, name: str) -> Path | None:
        """Return a module's file; None for this package's, the standard library's and those of installed packages.

        This package's code is identified by its version instead.
        """
        root = name.partition(".")[0]
        if root not in self._users:
            ours = root == "ofa_bench" or root in sys.stdlib_module_names
            files = [] if ours else list(_files(root))
            self._users[root] = bool(files) and (root in self._roots or not any(map(is_third_party, files)))
        return next(_files(name), None) if self._users[root] else None


def _files(name: str) -> Iterator[Path]:
    """Return the file of a module, or the folders of a package without one; the root package is not imported."""
    there = sys.modules.get(name)
    try:
        spec = getattr(there, "__spec__", None) or importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        spec = None
    file = getattr(there, "__file__", None) or (spec.origin if spec and spec.has_location else None)
    if file:
        yield Path(file)
    elif "." not in name:
        yield from map(Path, (spec.submodule_search_locations if spec else None) or ())


class _Module:
    """A module's statements, and the names that they define; another kind of module counts as one statement."""

    def __init__(self, name: str, path: Path) -> None:
        self._package = name if path.stem == "__init__" else name.rpartition(".")[0]
        try:
            with tokenize.open(path) as file:
                text = file.read()
            body = ast.parse(text).body
        except (SyntaxError, UnicodeDecodeError, ValueError):
            text = sha256(path.read_bytes()).hexdigest()
            body = [ast.Expr(ast.Name("_", ast.Load()), lineno=1, end_lineno=1)]
        self._lines = text.splitlines()
        self.body = [statement for statement in body if not _is_idle(statement)]
        self.defined = {name for statement in self.body for name in _defined(statement)}

    def text(self, statement: ast.stmt) -> str:
        """Return the lines of a statement, with its decorators."""
        first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])
        return "\n".join(self._lines[first - 1 : statement.end_lineno])

    def imported(self, statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str, str | None]]:
        """Return each imported name, its module, and its name there (None for the module itself)."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0], alias.name, None
            return
        above = self._package.split(".")[: len(self._package.split(".")) - max(0, statement.level - 1)]
        parts = [*(above if statement.level else []), *([statement.module] if statement.module else [])]
        for alias in statement.names:
            yield alias.asname or alias.name, ".".join(parts), None if alias.name == "*" else alias.name


def _is_idle(statement: ast.stmt) -> bool:
    """Return whether a statement does nothing on import: a docstring, or the part for scripts."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    test = statement.test if isinstance(statement, ast.If) else None
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _defined(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines or changes."""
    found = set[str]()
    alone = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    for node in [statement] if alone else ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            base: ast.expr = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            found |= {base.id} if isinstance(base, ast.Name) else set()
    return found
