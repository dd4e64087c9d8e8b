"""The gallery: each script of `examples/gallery` runs, draws its picture, and becomes a page with it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SCRIPTS: Final = ROOT / "examples" / "gallery"


def examples() -> list[Path]:
    """The scripts, in the order of their names."""
    return sorted(SCRIPTS.glob("*.py"))


def told(script: Path) -> tuple[str, str]:
    """The title of an example, and what its docstring says below."""
    text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    title, _, rest = text.partition("\n")
    return title.rstrip("."), rest.strip()


def drawn(script: Path, folder: Path) -> Path:
    """Run an example unless its picture is newer than it, and give the picture."""
    picture = folder / f"{script.stem}.svg"
    if not picture.exists() or picture.stat().st_mtime < script.stat().st_mtime:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run([sys.executable, script, picture], check=True, env=environment, stdout=subprocess.DEVNULL)
    return picture


def write(folder: Path) -> None:
    """Draw all pictures, and write the pages."""
    folder.mkdir(exist_ok=True)
    scripts = examples()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        pictures = list(pool.map(lambda script: drawn(script, folder), scripts))
    cards = []
    for script, picture in zip(scripts, pictures, strict=True):
        title, text = told(script)
        page = folder / f"{script.stem}.md"
        code = f"```{{literalinclude}} ../../examples/gallery/{script.name}\n:language: python\n```"
        run = f"`python examples/gallery/{script.name} picture.svg` draws it."
        page.write_text(f"# {title}\n\n{text}\n\n![{title}]({picture.name})\n\n{run}\n\n{code}\n", encoding="utf-8")
        cards.append(
            f":::{{grid-item-card}} {title}\n:img-top: {picture.name}\n:link: {script.stem}\n:link-type: doc\n:::"
        )
    grid = "::::{grid} 2 3 3 3\n:gutter: 3\n\n" + "\n".join(cards) + "\n::::"
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(script.stem for script in scripts) + "\n```"
    intro = "Short scripts, each with a picture that it draws in less than a minute."
    (folder / "index.md").write_text(f"# Gallery\n\n{intro}\n\n{grid}\n\n{tree}\n", encoding="utf-8")
