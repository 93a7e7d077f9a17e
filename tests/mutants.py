"""One-operator mutants of an answer: what a slip of the pen would make of it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SWAPS = [
    ("min", "max"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("minimum", "maximum"),
    ("sum", "mean"),
    ("floor", "ceil"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("log10", "log2"),
    ("sin", "cos"),
    ("square", "abs"),
    ("any", "all"),
]
NAMES = {a: b for pair in SWAPS for a, b in (pair, pair[::-1])}


def mutants(code: str) -> Iterator[tuple[str, str]]:
    """Pairs of a description and the code with exactly one thing changed."""
    tree = _without_docstrings(ast.parse(code))
    seen = {ast.unparse(tree)}
    for index, node in enumerate(list(ast.walk(tree))):
        for number in range(len(list(_changes(node)))):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[index]
            new = list(_changes(target))[number]()
            if new is not None:
                changed = _Replace(target, new).visit(changed)
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text not in seen:
                seen.add(text)
                yield _description(ast.unparse(tree), text), text


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):  # a changed annotation changes nothing
            node.returns = None
            for argument in [*node.args.args, *node.args.kwonlyargs]:
                argument.annotation = None
    return tree


def _changes(node: ast.AST) -> Iterator:
    """Functions that change a node in place (and return None) or return its replacement."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in OPERATORS:
        yield lambda: setattr(node, "op", OPERATORS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
        yield lambda: node.operand
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield lambda: node.ops.__setitem__(0, COMPARISONS[type(node.ops[0])]())
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield lambda: setattr(node, "op", other())
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.IfExp):
        yield lambda: node.body
        yield lambda: node.orelse
    elif isinstance(node, ast.Slice):
        yield from (_dropped(node, part) for part in ("lower", "upper") if getattr(node, part))
    elif isinstance(node, ast.Call):
        yield from _calls(node)


def _dropped(node: ast.AST, part: str):
    return lambda: setattr(node, part, None)


def _constants(node: ast.Constant) -> Iterator:
    if isinstance(node.value, bool):
        yield lambda: ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield lambda: ast.Constant(node.value + 1)
        yield lambda: ast.Constant(node.value - 1)
    elif isinstance(node.value, float):
        yield lambda: ast.Constant(node.value + 1)
        yield lambda: ast.Constant(node.value / 2)


def _calls(node: ast.Call) -> Iterator:
    function = node.func
    if isinstance(function, ast.Attribute) and not _is_module(function.value):
        yield lambda: function.value  # x.mean() -> x
    elif node.args and not isinstance(node.args[0], ast.Starred):
        yield lambda: node.args[0]  # f(x) -> x
    if isinstance(function, ast.Attribute) and function.attr in NAMES:
        yield lambda: setattr(function, "attr", NAMES[function.attr])
    if isinstance(function, ast.Name) and function.id in NAMES:
        yield lambda: setattr(function, "id", NAMES[function.id])
    if len(node.args) >= 2:
        yield lambda: node.args.__setitem__(slice(0, 2), node.args[1::-1])
    for place in range(len(node.keywords)):
        yield lambda place=place: node.keywords.pop(place) and None


def _is_module(node: ast.expr) -> bool:
    name = node
    while isinstance(name, ast.Attribute):
        name = name.value
    modules = {"torch", "F", "nn", "np", "math", "mtsr", "mtsr_lib", "metrics", "losses", "degrade"}
    return isinstance(name, ast.Name) and name.id in modules


def _description(before: str, after: str) -> str:
    lines = zip(before.splitlines(), after.splitlines(), strict=False)
    return next((f"{a.strip()}   became   {b.strip()}" for a, b in lines if a != b), "a line went")
