"""Settings of the documentation: `python -m sphinx -W docs FOLDER` builds it, without a network."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
sys.path.insert(0, str(HERE.parent))

project = "Competition workbench"
version = release = installed_version("competition-workbench")
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "command_line",
    "example_report",
    "public_names",
    "repository_pages",
]
html_theme = "furo"
html_title = project
html_show_copyright = False
exclude_patterns = ["_extensions", "_build"]
myst_heading_anchors = 3

# Docstrings are written with single backquotes, as in Markdown; a name that is documented
# becomes a link.
default_role = "py:obj"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_attr_annotations = False  # types of fields stand in the signature already
