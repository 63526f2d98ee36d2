"""How Sphinx builds the site: `sphinx-build -W docs site`."""

from __future__ import annotations

import os
import sys

import digitcnn
from digitcnn import datasets
from digitcnn.errors import UnavailableError

project = "digitcnn"
author = "The digitcnn developers"
release = version = digitcnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "html_image"]
myst_heading_anchors = 3

# The notebook is run at each build, on as many images as this leaves it.
os.environ.setdefault("DIGITCNN_NOTEBOOK_IMAGES", "2000")
nb_execution_mode = "force"
try:
    datasets.load_mnist()
except UnavailableError as error:
    if os.environ.get("CI"):
        raise
    # No warning of Sphinx, for -W would end the build.
    sys.stderr.write(f"The notebook stays without its results, which need MNIST. {error}\n")
    nb_execution_mode = "off"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
# TensorFlow tells of the processor that it found.
nb_output_stderr = "remove"

# `x` in a docstring is code.
default_role = "code"
autodoc_member_order = "bysource"
# Types stand, with shapes and ranges, in the docstrings.
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "furo"
# A line of code as long as the formatter allows fits into the page, or nearly.
_code = {"code-font-size": "78%"}
html_theme_options = {"light_css_variables": _code, "dark_css_variables": _code}
html_title = f"digitcnn {version}"
html_show_copyright = False
html_show_sourcelink = html_copy_source = False
copybutton_exclude = ".linenos, .gp, .go"
