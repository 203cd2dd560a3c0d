"""Where this project's own files lie: configs, metafiles, shipped weights and data."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
CONFIGS = REPOSITORY / 'configs'
PROTOCOLS = CONFIGS / '_base_' / 'protocols'
