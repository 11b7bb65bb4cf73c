"""How the documentation becomes a site: ``make docs``."""

from tnc import __version__

project = "tnc"
author = "the authors of tnc"
project_copyright = "the authors of tnc, Apache-2.0"
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # wrong programs of the error pages have wrong tokens

html_theme = "furo"
html_title = "tnc"
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["site"]
html_css_files = ["site.css"]
pygments_style = "friendly"
pygments_dark_style = "monokai"
