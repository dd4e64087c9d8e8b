"""How Sphinx builds the site: `make docs`. The pages that are made from the code are written before it reads them."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from scripts.site import gallery, links, reference, rules  # noqa: E402

from pullback.core.version import __version__  # noqa: E402 - the path stands above

# Kernels speak to this process alone, and need not say that others could listen; nor is each beginning news.
PROFILE = HERE.parent / "build" / "ipython" / "profile_default"
PROFILE.mkdir(parents=True, exist_ok=True)
(PROFILE / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n", encoding="utf-8")
os.environ["IPYTHONDIR"] = str(PROFILE.parent)
logging.getLogger("traitlets").setLevel(logging.WARNING)

project = "Pullback"
author = "the authors of Pullback"
copyright = "the authors of Pullback, Apache-2.0"
release = version = __version__

extensions = ["myst_nb", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["conf.py"]
source_suffix = {".md": "myst-nb", ".py": "myst-nb"}
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}

# Every lesson runs whenever it changed; one that fails ends the build.
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 240
nb_ipywidgets_js: dict[str, Any] = {}  # which would come from the network
nb_merge_streams = True

myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["misc.highlighting_failure"]  # what an error prints is no Python

html_theme = "furo"
html_title = "Pullback"
html_static_path = ["pictures"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # it would be fetched, which a browser refuses a page that is a file
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#175ca5", "color-brand-content": "#175ca5"},
    "dark_css_variables": {"color-brand-primary": "#8ab9f1", "color-brand-content": "#8ab9f1"},
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app: Any) -> None:
    """Write the pages that are made from the code, and let links to files of the checkout be what they can be."""
    app.connect("builder-inited", lambda _app: write())
    app.connect("source-read", lambda _app, name, text: text.__setitem__(0, links.inside(HERE, name, text[0])))


def write() -> None:
    """Write the reference, the table of derivatives, the gallery with its pictures, and what is said of the project."""
    links.write(HERE)
    reference.write(HERE / "reference")
    rules.write(HERE / "reference")
    gallery.write(HERE / "gallery")
