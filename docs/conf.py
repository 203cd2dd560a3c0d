"""Sphinx reads these pages: pip install -e ".[docs]" && sphinx-build docs docs/_build"""

from runpy import run_path

project = 'mmflamingo'
copyright = 'The mmflamingo contributors'
version = release = run_path('../mmflamingo/version.py')['__version__']
extensions = ['myst_parser']
myst_heading_anchors = 3
exclude_patterns = ['_build']
suppress_warnings = ['myst.xref_missing']  # links to files of the repository, which are read there
