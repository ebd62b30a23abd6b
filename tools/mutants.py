"""Mutants of a module: the same code with one thing changed, which some test should notice."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True)
class Mutant:
    """A changed module: the line of the change, what was changed, and the whole source."""

    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield each mutant of a module, in the order of its lines as the tree has them."""
    tree = ast.parse(source)
    skipped = _annotations(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for at, (mutate, change) in enumerate(_changes(node)):
            changed = copy.deepcopy(tree)
            target = next(each for place, each in enumerate(ast.walk(changed)) if place == number)
            mutate(target)
            yield Mutant(getattr(node, "lineno", 0), f"{change} ({at})" if at else change, ast.unparse(changed))


def _annotations(tree: ast.Module) -> set[int]:
    """Return the nodes that say types or are docstrings: what runs does not depend on them."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            roots.append(node.annotation)
        if isinstance(node, ast.FunctionDef) and node.returns:
            roots.append(node.returns)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            roots.append(node)
        if isinstance(node, ast.TypeAlias | ast.ImportFrom | ast.Import | ast.JoinedStr):
            roots.append(node)
    return {id(each) for root in roots for each in ast.walk(root)}


type _Change = tuple[Callable[[ast.AST], None], str]


def _changes(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Compare():
            yield from (_compared(at, kind) for at, kind in enumerate(map(type, node.ops)) if kind in _COMPARED)
        case ast.BinOp() if type(node.op) in _CALCULATED:
            yield _set("op", _CALCULATED[type(node.op)]()), f"{type(node.op).__name__} to its opposite"
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield _set("op", other), f"{type(node.op).__name__} to {type(other).__name__}"
        case ast.UnaryOp(op=ast.Not()):
            yield _set("op", ast.UAdd()), "not dropped"
        case ast.Constant(value=bool(value)):
            yield _set("value", not value), f"{value} to {not value}"
        case ast.Constant(value=int(value)):
            yield _set("value", value + 1), f"{value} to {value + 1}"
        case ast.If() | ast.While():
            yield _set("test", ast.Constant(value=False)), f"{type(node).__name__.lower()} never"
        case ast.IfExp():
            yield _set("test", ast.Constant(value=True)), "always the first"
        case ast.Return(value=ast.expr()) if not _is_none(node.value):
            yield _set("value", ast.Constant(value=None)), "returns None"
        case ast.Expr(value=ast.Call()):
            yield _set("value", ast.Constant(value=None)), f"drops {ast.unparse(node)[:50]}"
        case ast.comprehension(ifs=[_, *_]):
            yield _set("ifs", []), "drops the condition"


def _compared(at: int, kind: type[ast.cmpop]) -> _Change:
    def mutate(node: ast.AST) -> None:
        assert isinstance(node, ast.Compare)
        node.ops[at] = _COMPARED[kind]()

    return mutate, f"{kind.__name__} to {_COMPARED[kind].__name__}"


def _set(field: str, value: object) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, field, value)


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
