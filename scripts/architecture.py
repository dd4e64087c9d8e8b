"""The plan of the house (docs/architecture.md) as rules: floors, sizes, names, and who may use what.

`python scripts/architecture.py` prints the floors and what breaks a rule. `tests/test_architecture.py` keeps
the rules, and tests each on small houses that break it. The source is read with `ast`, and never run.
"""

from __future__ import annotations

import ast
import builtins
import graphlib
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple, final

ROOT: Final = Path(__file__).resolve().parent.parent

HOUSE: Final = (
    ("core", "batching", "elsewhere"),
    ("ops",),
    ("tensors",),
    ("functions", "fft", "interpolate", "linalg", "special", "stats"),
    ("programs",),
    ("transforms", "integrate", "optimize"),
    # Peers, which do not import each other.
    ("nn", "optim", "data", "visualize", "testing", "explaining", "metrics", "parallel"),
    ("compiler", "interop"),  # the one draws its programs, with visualize; the other writes them, and makes modules
    ("profiling",),  # times what compiled programs do
    ("training", "estimators"),
    ("cli",),
    ("__init__", "__main__", "later"),
)
FLOORS: Final = {part: floor for floor, parts in enumerate(HOUSE) for part in parts}
PEERS: Final = 6
# The stages of the compiler, in order: the modules and folders of `compiler/`, none of which imports a later one.
STAGES: Final = (
    "instructions", "facts", "passes", "fusion", "contraction", "lowering", "emission", "machine", "pipeline",
    "compilation", "showing", "portable", "calls", "function",
)  # fmt: skip
# What one should be able to read in an evening: how a value, a primitive, a graph and a tensor work.
EVENING: Final = (
    "core", "tensors.tensor", "tensors.methods", "tensors.writing", "tensors.backward", "ops.elementwise",
    "ops.reductions",
)  # fmt: skip
EVENING_LINES: Final = 3_500  # of code: docstrings, comments and blanks are free
FILE_LINES: Final = 350
LIST_OF_NAMES: Final = "pullback/__init__.py"  # what is public, a line each, and nothing else: a test sees to that

VAGUE: Final = {"base", "common", "helper", "helpers", "misc", "shared", "stuff", "tools", "util", "utils"}
HEAVY: Final = {
    "IPython", "PIL", "cupy", "google", "jax", "llvmlite", "matplotlib", "mpi4py", "onnx", "onnxruntime",
    "pandas", "pooch", "requests", "rich", "safetensors", "scipy", "sklearn", "tensorboardX", "torch", "tqdm",
    "typer",
}  # fmt: skip
UNSAFE_MODULES: Final = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
UNSAFE_CALLS: Final = {"eval", "exec", "__import__"}

# Classes that stay open although nothing in them is abstract, each with its reason.
OPEN: Final[dict[str, str]] = {
    "Methods": "a part of Tensor; an ABC would make isinstance(x, Tensor), asked at every operation, ten times as slow",
    "Writing": "a part of Tensor, likewise",
    "Backward": "a part of Tensor, likewise",
    "Numbers": "a part of Tensor, likewise",
    "Noticed": "half of modules and optimizers; it leaves nothing to them",
    "Hooked": "half of modules, likewise",
    "Function": "an instruction of another target than LLVM is a method of a subclass; LLVM is what one begins with",
    "Module": "it makes the functions of its target, likewise",
    "CFunction": "CUDA's C++ differs in few words from C99",
    "CModule": "likewise",
    "Callback": "each of its methods does nothing, and a callback overrides those that it needs",
    "Tensor": "nn.Parameter is a tensor that modules register, and changes nothing else",
}


class Import(NamedTuple):
    """One imported thing: the module it comes from, and its name there (None for the module itself)."""

    line: int
    source: str
    name: str | None
    alias: str


@final
class Module:
    """A module of the package, read and not run."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.tree = ast.parse(text, path)
        parts = path.removesuffix(".py").split("/")
        self.part = parts[1] if len(parts) > 1 else parts[0]
        self.floor = FLOORS.get(self.part)
        self.name = ".".join(parts).removesuffix(".__init__")
        self.package = self.name if path.endswith("__init__.py") else self.name.rpartition(".")[0]

    def __repr__(self) -> str:
        return self.path

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree, which most rules look through."""
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> list[Import]:
        """What is imported at run time, inside functions too; not what only type checkers see."""
        return list(imports_in(self.tree.body))


def imports_in(body: Iterable[ast.AST]) -> Iterator[Import]:
    """Give the imports among some nodes and inside them, except those that are made for type checkers."""
    for node in body:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(node.lineno, name.name, None, name.asname or name.name)
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                source = "." * node.level + (node.module or "")
                yield Import(node.lineno, source, name.name, name.asname or name.name)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from imports_in(node.orelse)
        else:
            yield from imports_in(ast.iter_child_nodes(node))


@final
class House:
    """The package's modules by name, and the other files whose comments count."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        found = [Module(path, text) for path, text in files.items() if path.startswith("pullback/")]
        self.modules = {module.name: module for module in found}

    @classmethod
    def standing(cls) -> House:
        """Read the house of this checkout."""
        package = ROOT / "src" / "pullback"
        files = {path.relative_to(package.parent).as_posix(): path for path in package.rglob("*.py")}
        for folder in ("tests", "benchmarks", "scripts", "examples"):
            files |= {path.relative_to(ROOT).as_posix(): path for path in (ROOT / folder).rglob("*.py")}
        files["pyproject.toml"] = ROOT / "pyproject.toml"
        return cls({name: path.read_text(encoding="utf-8") for name, path in sorted(files.items())})

    def target(self, imported: Import) -> Module | None:
        """Find the module of this house that an import reaches."""
        return self.modules.get(f"{imported.source}.{imported.name}") or self.modules.get(imported.source)

    def uses(self) -> Iterator[tuple[Module, Import, Module]]:
        """Each import of one module of the house by another."""
        for module in self.modules.values():
            for imported in module.imports:
                target = self.target(imported)
                if target is not None:
                    yield module, imported, target


def misplaced_imports(house: House) -> Iterator[str]:
    """Import one's own and lower floors only, inside functions too, and no peer on floor 5."""
    for module in house.modules.values():
        if module.floor is None:
            yield f"{module}: no floor is known for {module.part}"
    for module, imported, target in house.uses():
        if module.floor is None or target.floor is None:
            continue
        place = f"{module}:{imported.line}: floor {module.floor} imports {target.name}"
        if target.floor > module.floor:
            yield f"{place} of floor {target.floor}"
        elif target.floor == module.floor == PEERS and target.part != module.part:
            yield f"{place}, a peer"


def stages_back(house: House) -> Iterator[str]:
    """Let a stage of the compiler import its own and earlier ones only, so that one can read them in order."""
    place = {f"pullback.compiler.{stage}": number for number, stage in enumerate(STAGES)}
    for module, imported, target in house.uses():
        here, there = (place.get(".".join(m.name.split(".")[:3])) for m in (module, target))
        if here is None and module.name.startswith("pullback.compiler."):
            yield f"{module}: no stage is known for it"
        elif here is not None and there is not None and there > here:
            yield f"{module}:{imported.line}: {STAGES[here]} imports {target.name} of a later stage"


def circles(house: House) -> Iterator[str]:
    """No modules import each other in a circle, not even with the help of an import inside a function."""
    graph: dict[str, set[str]] = {name: set() for name in house.modules}
    for module, _, target in house.uses():
        if target is not module:
            graph[module.name].add(target.name)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield "a circle of imports: " + " -> ".join(reversed(error.args[1]))


def relative_imports(house: House) -> Iterator[str]:
    """Write imports absolute and by name, so that a reader sees where a thing comes from."""
    for module in house.modules.values():
        for imported in module.imports:
            if imported.source.startswith("."):
                yield f"{module}:{imported.line}: a relative import"
            if imported.name == "*":
                yield f"{module}:{imported.line}: an import of everything"


def private_imports(house: House) -> Iterator[str]:
    """Leave a name that begins with _ to its module, and a module so named to its package."""
    for module, imported, target in house.uses():
        place = f"{module}:{imported.line}"
        of_module = imported.name is None or target.name == f"{imported.source}.{imported.name}"
        package, _, last = target.name.rpartition(".")
        if _private(last) and package != module.package:
            yield f"{place}: {target.name} is private to its package"
        elif not of_module and _private(imported.name or ""):
            yield f"{place}: {imported.name} is private to {target.name}"
        elif of_module:
            attributes = [node for node in module.nodes if isinstance(node, ast.Attribute)]
            for node in attributes:
                if _private(node.attr) and ast.unparse(node.value) == imported.alias:
                    yield f"{module}:{node.lineno}: {node.attr} is private to {target.name}"


def _private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def long_files(house: House) -> Iterator[str]:
    """One idea a file: no file of the package is longer than one can keep in mind; a list of names may be."""
    for module in house.modules.values():
        if str(module) != LIST_OF_NAMES and (lines := len(module.text.splitlines())) > FILE_LINES:
            yield f"{module}: {lines} lines, of at most {FILE_LINES}"


def code_lines(module: Module) -> int:
    """Count the lines that hold code: no blanks, comments or docstrings."""
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if (
            token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)
            and token.string.strip()
        ):
            held.update(range(token.start[0], token.end[0] + 1))
    for node in module.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            held.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(held)


def floor_lines(house: House) -> dict[int, int]:
    """Count the lines of code on each floor."""
    lines = dict.fromkeys(range(len(HOUSE)), 0)
    for module in house.modules.values():
        if module.floor is not None:
            lines[module.floor] += code_lines(module)
    return lines


def evening_lines(house: House) -> int:
    """Count the lines of code of what is read in an evening."""
    modules = (module for module in house.modules.values() if module.name.removeprefix("pullback.").startswith(EVENING))
    return sum(map(code_lines, modules))


def long_evening(house: House) -> Iterator[str]:
    """Keep the core, the tensor and the two first families of operations readable in an evening."""
    if (total := evening_lines(house)) > EVENING_LINES:
        yield f"{', '.join(EVENING)} have {total} lines, of at most {EVENING_LINES}"


def vague_names(house: House) -> Iterator[str]:
    """Name a module for what it is about."""
    for module in house.modules.values():
        for word in re.split(r"[._]", module.name):
            if word in VAGUE:
                yield f"{module}: {word} says nothing"


def unsafe_code(house: House) -> Iterator[str]:
    """Nothing is unpickled, and no text is run as code."""
    for module in house.modules.values():
        for imported in module.imports:
            if imported.source.split(".")[0] in UNSAFE_MODULES:
                yield f"{module}:{imported.line}: imports {imported.source}"
        for node in module.nodes:
            if isinstance(node, ast.Call):
                if ast.unparse(node.func).removeprefix("builtins.") in UNSAFE_CALLS:
                    yield f"{module}:{node.lineno}: calls {ast.unparse(node.func)}"
                if any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in node.keywords):
                    yield f"{module}:{node.lineno}: allows pickles"


def half_open_classes(house: House) -> Iterator[str]:
    """Make a class abstract or final: subclass ABCs, protocols, errors and warnings only."""
    nodes = [(module, node) for module in house.modules.values() for node in module.nodes]
    classes = {node.name: (module, node) for module, node in nodes if isinstance(node, ast.ClassDef)}

    def bases(name: str) -> list[str]:
        _, node = classes[name]
        listed = (*node.bases, *(k.value for k in node.keywords if k.arg == "metaclass"))
        return [base for base in map(last_name, listed) if base != name]  # it may be named as another library's

    def raised(name: str) -> bool:
        if name in classes:
            return any(map(raised, bases(name)))
        kind = getattr(builtins, name, None)
        return isinstance(kind, type) and issubclass(kind, BaseException)

    def missing(name: str) -> set[str]:
        """Name the methods that the class leaves to its subclasses."""
        if name not in classes:
            return set()
        methods = [m for m in classes[name][1].body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef))]
        own = {m.name for m in methods if "abstractmethod" in map(last_name, m.decorator_list)}
        return own | set().union(*map(missing, bases(name))) - {m.name for m in methods}

    def abstract(name: str) -> bool:
        return bool({"ABC", "ABCMeta", "Protocol"} & set(bases(name)) or missing(name))

    for name, (module, node) in classes.items():
        for base in bases(name):
            if base in classes and not (abstract(base) or raised(base) or base in OPEN):
                yield f"{module}:{node.lineno}: {name} is a subclass of {base}, which is not abstract"


def last_name(node: ast.expr) -> str:
    """`Name` of `Name`, `module.Name` and `module.Name[T]`."""
    return ast.unparse(node.value if isinstance(node, ast.Subscript) else node).rpartition(".")[2]


def heedless_exceptions(house: House) -> Iterator[str]:
    """Each check that is switched off says which one and why."""
    switch = re.compile(r"#\s*(?:ruff:\s*)?(?:noqa|type:\s*ignore)(?P<rest>.*)")
    codes = re.compile(r"^(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*|\[[\w\-, ]+\])(?P<reason>.*)")
    for path, text in house.files.items():
        suspected = path.endswith(".py") and switch.search(text)
        for token in tokenize.generate_tokens(io.StringIO(text).readline) if suspected else ():
            found = switch.search(token.string) if token.type == tokenize.COMMENT else None
            which = codes.match(found["rest"]) if found else None
            if found and not which:
                yield f"{path}:{token.start[0]}: switches every check off: {token.string}"
            elif which and not re.search(r"\w{2,}\W+\w+", which["reason"]):
                yield f"{path}:{token.start[0]}: gives no reason: {token.string}"
    yield from unexplained_settings(house.files.get("pyproject.toml", ""))


def unexplained_settings(text: str) -> Iterator[str]:
    """Give the lines of pyproject.toml that switch a check of ruff off without a reason."""
    section, ignoring = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        section = line if line.startswith("[") else section
        ignoring = line.startswith("ignore = ") or (ignoring and not line.startswith("]"))
        listed = section.endswith("per-file-ignores]") or (section == "[tool.ruff.lint]" and ignoring)
        if listed and re.search(r'"[A-Z]+\d*"', line) and not re.search(r"#.*\w{2,}", line):
            yield f"pyproject.toml:{number}: gives no reason: {line.strip()}"


RULES: Final[tuple[Callable[[House], Iterator[str]], ...]] = (
    *(
        misplaced_imports,
        stages_back,
        circles,
        relative_imports,
        private_imports,
        long_files,
        long_evening,
        vague_names,
    ),
    *(unsafe_code, half_open_classes, heedless_exceptions),
)


def main() -> None:
    """Print the lines on each floor and every complaint; leave with status 1 if there is one."""
    house = House.standing()
    lines = floor_lines(house)
    for floor, parts in enumerate(HOUSE):
        print(f"floor {floor}  {lines[floor]:6,} lines  {', '.join(parts)}")
    print(f"an evening's reading has {evening_lines(house):,} lines of code, of at most {EVENING_LINES:,}", flush=True)
    complaints = [f"{rule.__name__}: {complaint}" for rule in RULES for complaint in rule(house)]
    sys.exit("\n".join(complaints) or 0)


if __name__ == "__main__":
    main()
