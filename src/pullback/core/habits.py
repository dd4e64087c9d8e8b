"""Names that are not here: whoever asks for one is told what to write, from the table in `elsewhere.py`.

What is looked up and found costs nothing: a module's `__getattr__` is asked for missing names alone, `Foreign` stands
in a class for each name that it has not, and the table is loaded when it is first read. A function that is called with
a keyword costs a tenth of a microsecond more, in which its complaint is caught.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable
from functools import update_wrapper
from types import FunctionType, ModuleType
from typing import Any, Final, NoReturn, final

from pullback.core.errors import DTypeError, KeywordError, message

# Gives for a function and its arguments, whose keywords are perhaps NumPy's, the call that they mean, or None; set by
# `tensors/protocols.py`.
BY_NUMPYS_NAMES: Final[list[Callable[..., Callable[[], Any] | None]]] = [lambda *_: None]

_UNEXPECTED: Final = re.compile(r"got an unexpected keyword argument '(\w+)'")
_AIDS: Final = ("TYPE_CHECKING", "namespace", "explain_keywords")  # what a package imports for itself
_ASKED: Final = ("__init__", "zero_grad", "step")  # methods whose keywords are asked after though they have none


def unknown_name(owner: str, said: str, name: str, known: Callable[[], Iterable[str]] = tuple) -> AttributeError:
    """The error about a name that `owner` has not: with Pullback's way, or with the nearest name."""
    what = f"{said} has no attribute {name!r}"
    if name.startswith("_"):
        return AttributeError(what, name=name)
    from pullback.elsewhere import rows_for  # what nobody asks for is not loaded

    if rows := rows_for(owner, name):
        return AttributeError(message(what, {"fix": "\n".join(row.way for row in rows)}), name=name)
    near = nearest(name, known())
    return AttributeError(f"{what}. Did you mean: {near!r}?" if near else what, name=name)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like another: the same but for capitals, or nearly the same."""
    import difflib  # what nobody asks for is not loaded

    names = list(known)
    for form in (str, str.lower):
        forms = {form(name): name for name in names}
        if found := difflib.get_close_matches(form(name), forms, n=1, cutoff=0.7):
            return forms[found[0]]
    return None


def public_names(package: str, parts: Iterable[str] = ()) -> list[str]:
    """What a package shows: the classes and functions that it imports, or makes if it is one file; and its `parts`."""
    module = sys.modules[package]
    one_file = "__path__" not in vars(module)
    names = {
        name
        for name, value in vars(module).items()
        if not (name.startswith("_") or isinstance(value, ModuleType) or name in _AIDS)
        and not (one_file and getattr(value, "__module__", None) != package)
    }
    return sorted(names | set(parts))


def namespace(package: str, *parts: str) -> tuple[Callable[[str], NoReturn], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package that has the public modules `parts`; and its classes know keywords."""
    said = f"module {package.replace('.functions.', '.')!r}"  # as users write it
    for name in public_names(package):
        if isinstance(kind := vars(sys.modules[package])[name], type):
            _explain_class(kind, package)

    def find(name: str) -> NoReturn:
        raise unknown_name(package, said, name, lambda: public_names(package, parts))

    return find, lambda: public_names(package, parts)


@final
class Foreign:
    """An attribute that a class has elsewhere, and not here: reading it raises an AttributeError that says so."""

    __slots__ = ("name", "table")

    def __init__(self, table: str, name: str) -> None:
        self.table = table
        self.name = name

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        said = f"type object {owner.__name__!r}" if instance is None else f"{owner.__name__!r} object"
        raise unknown_name(self.table, said, self.name)


def declare_foreign(kind: type, names: str) -> frozenset[str]:
    """Let a class explain names that it has elsewhere, and give them."""
    foreign = frozenset(names.split())
    for name in foreign:
        setattr(kind, name, Foreign(kind.__name__, name))
    return foreign


def explain_keywords(names: dict[str, Any], without: Collection[str] = ()) -> None:
    """Let the functions and classes that a module makes tell what a keyword is called here that they do not know.

    `without` names functions that operators and layers call, always by place.
    """
    made: dict[FunctionType, Any] = {}  # so that two names of one function stay so
    for name, value in list(names.items()):
        if name.startswith("_") or name in without or getattr(value, "__module__", None) != names["__name__"]:
            continue
        if isinstance(value, type):
            _explain_class(value, value.__module__)
        elif isinstance(value, FunctionType):
            names[name] = made.setdefault(value, made.get(value) or explained(value))


def _explain_class(kind: type, package: str) -> None:
    for part in kind.__mro__:
        for name, function in list(vars(part).items()) if part.__module__.startswith(package) else ():
            mine = isinstance(function, FunctionType) and not hasattr(function, "__wrapped__")
            if mine and (name in _ASKED or (_has_options(function) and not name.startswith("_"))):
                setattr(part, name, explained(function))


def _has_options(function: FunctionType) -> bool:
    return bool(function.__defaults__ or function.__kwdefaults__)


def explained(function: Any) -> Any:
    """A function that tells what a keyword is called here that it does not know, or what it means."""
    meant = _meant

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs) if kwargs else function(*args)  # the shorter call
        except TypeError as error:
            if (again := meant(function, args, kwargs, error)) is None:
                raise
        return again()

    # With the function's own globals, so that whoever looks for the examples of a module finds them there.
    made = FunctionType(call.__code__, function.__globals__, function.__name__, None, call.__closure__)
    return update_wrapper(made, function)


def _meant(
    function: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any], error: TypeError
) -> Callable[[], Any] | None:
    """The call that is meant by one that was refused, if its names are NumPy's; else what there is to say is raised."""
    if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
        return None  # from inside
    again = BY_NUMPYS_NAMES[0](function, args, kwargs) if kwargs or "positional argument" in str(error) else None
    if again is None and (better := _complaint(function, args, error)) is not None:
        raise better from None
    return again


def _complaint(function: FunctionType, args: tuple[Any, ...], error: TypeError) -> TypeError | None:
    code = function.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    name = type(args[0]).__name__ if function.__name__ == "__init__" else function.__name__
    if known[:1] == ("shape",) and len(args) > code.co_argcount:
        return DTypeError(f"{name}: a shape is one number or one tuple", fix=f"pb.{name}({args})")
    if function.__name__ == "__init__" and "positional" in str(error) and any(hasattr(x, "shape") for x in args[1:]):
        return KeywordError(f"{name}: it is made first, and then called", fix=f"{name}()(...)")
    return unknown_keyword(error, name, known)


def unknown_keyword(error: TypeError, name: str, known: Iterable[str]) -> KeywordError | None:
    """What to say of a keyword that a function does not know; None if that is not what Python complains of."""
    from pullback.elsewhere import rows_for

    if (found := _UNEXPECTED.search(str(error))) is None:
        return None
    keyword = found[1]
    known = [parameter for parameter in known if parameter != "self"]
    rows = rows_for("keyword", keyword)
    rows = [row for row in rows if row.keyword in known] or [row for row in rows if not row.keyword]
    if rows:
        fix = "\n".join(f"{row.keyword}= ({row.way})" if row.keyword else row.way for row in rows[:1])
    else:
        near = nearest(keyword, known)
        fix = f"{near}=" if near else f"it takes {', '.join(known)}" if known else "it takes no keywords"
    return KeywordError(f"{name}() got an unexpected keyword argument {keyword!r}", fix=fix)
