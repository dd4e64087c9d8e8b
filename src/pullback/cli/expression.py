"""Formulas of the command line, read by a whitelist of Python's syntax; nothing is ever run as code.

`ast.parse` turns the text into a tree of syntax, each node of which must be one that `vocabulary` lists; it
becomes a function from the values of the variables to a tensor. Numbers are float64.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import operator
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, final

from pullback.cli.vocabulary import (
    BINARY,
    COMPARISONS,
    CONSTANTS,
    ELSEWHERE,
    FUNCTIONS,
    INSTEAD,
    UNARY,
    as_written_here,
)
from pullback.core.errors import ExpressionError, PullbackError
from pullback.functions.creation import asarray, tensor
from pullback.ops import elementwise as ew
from pullback.tensors import Tensor

Formula = Callable[[Mapping[str, Any]], Any]

_MOST: Final = 10_000  # characters of a formula
_SHOWN: Final = 90  # of which an error shows so many
_ALLOWED: Final = "numbers, names, [lists], x[0], + - * / // % ** @, comparisons, and calls of functions"


@final
class Expression:
    """A formula and the names of its variables, in the order in which they first appear.

    Raises
    ------
    ExpressionError
        If the text is no formula; it shows the place.

    >>> f = Expression("x**2 * sin(y) + pi")
    >>> f.names
    ('x', 'y')
    >>> f({"x": 2.0, "y": 0.0})
    Tensor(3.14159265)
    >>> Expression("x + foo(x)")
    Traceback (most recent call last):
        ...
    pullback.core.errors.ExpressionError: expression: no function is called 'foo'
      formula  x + foo(x)
                   ^^^
      fix      near names: floor
    """

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self._names: dict[str, ast.Name] = {}
        try:
            self._formula = self._read(_parsed(self.text))
        except RecursionError:
            raise _too_deep(self.text) from None

    @property
    def names(self) -> tuple[str, ...]:
        """The variables."""
        return tuple(self._names)

    def __call__(self, values: Mapping[str, Any]) -> Tensor:
        """Compute the formula; record it where a value requires a gradient."""
        for name, node in self._names.items():
            if name not in values:
                near = difflib.get_close_matches(name, values, n=1)
                given = f"; or is it {near[0]}, which has one?" if near else ""
                plain = as_written_here(self.text)  # π and xⁿ are names to Python
                given += f"; or write {plain}" if plain else ""
                raise self._error(f"{name!r} has no value", node, fix=f"give one: {name}=1.5{given}")
        try:
            return asarray(self._formula(values))
        except RecursionError:
            raise _too_deep(self.text) from None

    def _read(self, node: ast.expr) -> Formula:
        """Turn a node that a formula may have into its function."""
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._number(node, number)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.UnaryOp(op=op) if type(op) in UNARY:
                return self._applied(node, UNARY[type(op)], [node.operand])
            case ast.BinOp(op=op) if type(op) in BINARY:
                return self._applied(node, BINARY[type(op)], [node.left, node.right])
            case ast.Compare(ops=ops) if all(type(op) in COMPARISONS for op in ops):
                return self._compared(node)
            case ast.Call(func=ast.Name(id=name) as called, args=arguments, keywords=[]):
                return self._called(node, called, name, arguments)
            case ast.List(elts=[_, *_]) | ast.Tuple(elts=[_, *_]):
                return self._applied(node, lambda *parts: tensor(parts), node.elts)
            case ast.Subscript(slice=index):
                place = self._place(index)
                return self._applied(node, lambda vector: _entry(vector, place), [node.value])
        product = as_written_here(self.text) if isinstance(node, ast.Call) else None  # 2(x + 1)
        instead = INSTEAD.get(type(node)) or INSTEAD.get(type(getattr(node, "op", None)))
        instead = f"write {product}" if product else instead or _ALLOWED
        raise self._error("this cannot stand in a formula", node, fix=instead)

    def _number(self, node: ast.expr, number: float) -> Formula:
        try:
            value = float(number)
        except OverflowError:
            raise self._error("this number is too large", node, fix="write it as inf") from None
        return lambda _: value

    def _name(self, node: ast.Name, name: str) -> Formula:
        if name in FUNCTIONS:
            raise self._error(f"{name} is a function", node, fix=f"call it: {name}(x)")
        constant = CONSTANTS.get(name)
        if constant is None:
            self._names.setdefault(name, node)
            return operator.itemgetter(name)
        return lambda _: constant

    def _called(self, node: ast.expr, called: ast.Name, name: str, arguments: list[ast.expr]) -> Formula:
        if name not in FUNCTIONS:
            own = ELSEWHERE.get(name.lower(), name.lower())
            near = [own] if own in FUNCTIONS else difflib.get_close_matches(name, FUNCTIONS, n=4, cutoff=0.5)
            known = f"near names: {', '.join(near)}" if near else f"its functions: {', '.join(sorted(FUNCTIONS))}"
            raise self._error(f"no function is called {name!r}", called, fix=known)
        wanted = FUNCTIONS[name].arguments
        if len(arguments) != wanted:
            form = ", ".join("abc"[:wanted])
            of_two = {"max": "; of two: maximum(a, b)", "min": "; of two: minimum(a, b)"}.get(name, "")
            raise self._error(
                f"{name} takes {wanted} argument{'s'[: wanted > 1]}, not {len(arguments)}", node,
                fix=f"{name}({form}){of_two}",
            )  # fmt: skip
        return self._applied(node, FUNCTIONS[name].call, arguments)

    def _compared(self, node: ast.Compare) -> Formula:
        """Compare neighbours, and join the answers: a < b < c is (a < b) and (b < c)."""
        sides = [self._read(side) for side in (node.left, *node.comparators)]
        pairs = [COMPARISONS[type(op)] for op in node.ops]

        def formula(values: Mapping[str, Any]) -> Any:
            seen = [side(values) for side in sides]
            answer = pairs[0](seen[0], seen[1])
            for place, compare in enumerate(pairs[1:], start=1):
                answer = ew.logical_and(answer, compare(seen[place], seen[place + 1]))
            return answer

        return formula

    def _place(self, node: ast.expr) -> Any:
        """Read an index: whole numbers, slices of them, and tuples of those."""
        match node:
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return number
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
                return -number
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(part and self._place(part) for part in (lower, upper, step)))
            case ast.Tuple(elts=parts):
                return tuple(self._place(part) for part in parts)
        raise self._error("an index is a whole number or a slice", node, fix="x[0], x[-1] or x[1:3]")

    def _applied(self, node: ast.expr, function: Callable[..., Any], operands: Sequence[ast.expr]) -> Formula:
        """Give the formula of a function of operands, whose complaints show this node's place."""
        formulas = [self._read(operand) for operand in operands]

        def formula(values: Mapping[str, Any]) -> Any:
            arguments = [operand(values) for operand in formulas]
            try:
                return function(*arguments)
            except PullbackError as error:
                raise self._error(error.what, node, **error.facts) from error

        return formula

    def _error(self, what: str, node: ast.expr, **facts: object) -> ExpressionError:
        # The parser counts in bytes of UTF-8.
        line = self.text.encode()
        start = len(line[: node.col_offset].decode())
        length = len(line[node.col_offset : node.end_col_offset].decode())
        return _pointing(what, self.text, start, length, **facts)


def assignment(text: str) -> tuple[str, Tensor]:
    """Read `x=1.5`, `x=[1, 2]` or `x=pi/2`: a name and a formula without variables.

    >>> assignment("x=[1, 2]")
    ('x', Tensor([1., 2.]))
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (equals and value and name.isidentifier() and not keyword.iskeyword(name)):
        raise ExpressionError(
            "expression: this gives no variable a value", got=text, fix="name=number, without spaces: x=1.5"
        )
    if name in FUNCTIONS or name in CONSTANTS:
        raise ExpressionError(f"expression: {name!r} has its own meaning", got=text, fix="use another name")
    formula = Expression(value)
    if formula.names:
        raise ExpressionError(
            f"expression: the value of {name!r} is not a number", got=text, unknown=", ".join(formula.names),
            fix=f"{name}=1.5, {name}=pi/2 or {name}=[1, 2, 3]",
        )  # fmt: skip
    return name, formula({})


def assignments(expression: Expression, texts: Sequence[str]) -> dict[str, Tensor]:
    """Give each variable of a formula its value, in the formula's order."""
    given: dict[str, Tensor] = {}
    for text in texts:
        name, value = assignment(text)
        if name in given:
            raise ExpressionError(f"expression: {name!r} has two values", got=" ".join(texts))
        if name not in expression.names:
            plain = as_written_here(expression.text)
            instead = f"; or write {plain}" if plain else ""
            raise ExpressionError(
                f"expression: it has no variable {name!r}", formula=expression.text, got=text,
                fix=f"its variables: {', '.join(expression.names) or 'none'}{instead}",
            )  # fmt: skip
        given[name] = value
    return {name: given[name] for name in expression.names if name in given}


def _parsed(text: str) -> ast.expr:
    if not text:
        raise ExpressionError("expression: it is empty", fix='write a formula: "x**2 * sin(y)"')
    if len(text) > _MOST:
        raise ExpressionError("expression: it is too long", characters=len(text), fix=f"at most {_MOST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of its own syntax is no matter of ours
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        start = (error.offset or len(text) + 1) - 1
        length = (error.end_offset or 0) - (error.offset or 0)
        product = "a product is written 3 * x" if error.msg == "invalid decimal literal" else None
        plain = as_written_here(text)
        raise _pointing(error.msg, text, start, length, fix=f"write {plain}" if plain else product) from None
    except (RecursionError, MemoryError):
        raise _too_deep(text) from None


def _pointing(what: str, text: str, start: int, length: int, **facts: object) -> ExpressionError:
    """Make the error that shows a place of the text; of a long text, the part around the place."""
    left = max(0, min(start - _SHOWN // 2, len(text) - _SHOWN))
    shown, start = text[left : left + _SHOWN], start - left
    mark = " " * start + "^" * max(1, min(length, len(shown) - start))
    what = what.removeprefix("expression: ")
    return ExpressionError(f"expression: {what}", formula=f"{shown}\n{mark}", **facts)


def _too_deep(text: str) -> ExpressionError:
    return ExpressionError("expression: it is nested too deeply", formula=textwrap.shorten(text, _SHOWN))


def _entry(vector: Any, place: Any) -> Any:
    return asarray(vector)[place]
