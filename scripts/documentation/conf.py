"""Sphinx' settings. `scripts/docs` builds with warnings as errors."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from docutils import nodes
from sphinx.util import inspect

import zoo
from scripts.documentation import docstrings

project = "handson-zoo"
author = "the handson-zoo authors"
project_copyright = "the handson-zoo authors, MIT"
release = version = zoo.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "myst_nb",
]
exclude_patterns = ["**/.ipynb_checkpoints", "files"]  # of `files`, pages only link
root_doc = "index"

# Pages.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
nb_execution_mode = "force" if os.environ.get("ZOO_DOCS_EXECUTE") else "off"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True  # what a cell prints is one block
nb_output_stderr = "remove"  # what TensorFlow says of the machine

# Docstrings.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 80
napoleon_google_docstring = True
napoleon_numpy_docstring = False
add_module_names = False
pygments_style, pygments_dark_style = "default", "github-dark"

# Names of other projects, whose inventories would have to be downloaded.
nitpick_ignore_regex = [
    (r"py:.*", r"(keras|tensorflow|tf|numpy|np|pandas|pd|jax|torch|matplotlib|sklearn|PIL)\b.*"),
    (r"py:.*", r"(collections|typing|pathlib|os|argparse|contextlib|dataclasses|datetime)\b.*"),
    (r"py:.*", r"(keras_tuner|tensorboardX|types|scipy|plt|abc)\b.*"),
]

html_theme = "furo"
html_title = "handson-zoo"
html_static_path = ["static"]
html_css_files = ["zoo.css"]
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#1b5e83", "color-brand-content": "#1b5e83"},
    "dark_css_variables": {"color-brand-primary": "#7cc4ec", "color-brand-content": "#7cc4ec"},
}


def _known_or_code(app, env, node, contents):
    """A name in backticks that nothing documents is code; one in a signature is its last part."""
    if node.get("refdomain") == "py" and node.get("reftype") in ("obj", "class", "exc", "func"):
        return contents
    return None


def _readable(app, what, name, obj, options, lines):
    """Makes the Markdown of docstrings reStructuredText, before napoleon reads it."""
    text = docstrings.restructured("\n".join(lines))
    lines[:] = docstrings.grouped(docstrings.untyped_returns(text)).splitlines()


def _with_colons(app, what, name, obj, options, lines):
    """Puts back what napoleon was not to see."""
    lines[:] = [line.replace(docstrings.COLON, ":") for line in lines]


def _of_init(app, what, name, obj, options, signature, returned):
    """The signature of a class whose `__new__` (Keras' layers have one) takes anything."""
    if what == "class" and signature == "(*args, **kwargs)":
        found = inspect.signature(obj.__init__, bound_method=True)
        signature = inspect.stringify_signature(
            found, show_return_annotation=False, unqualified_typehints=True
        )
    return signature, returned


def _with_commas(app, doctree):
    """Puts commas between arguments that are documented together."""
    for text in list(doctree.findall(nodes.Text)):
        if docstrings.COMMA in text:
            text.parent.replace(text, nodes.Text(text.replace(docstrings.COMMA, ", ")))


def setup(app):
    """Adds what names without a page become."""
    app.connect("missing-reference", _known_or_code)
    app.connect("autodoc-process-docstring", _readable, priority=400)
    app.connect("autodoc-process-docstring", _with_colons, priority=600)
    app.connect("autodoc-process-signature", _of_init)
    app.connect("doctree-read", _with_commas)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
