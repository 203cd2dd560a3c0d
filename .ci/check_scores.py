"""Fails if a score is below what the repository promises: check_scores.py METRICS.json NAME MINIMUM."""

import json
import sys
from pathlib import Path

path, name, minimum = sys.argv[1:]
score = json.loads(Path(path).read_text())[name]
print(f'{name} is {score:.2f}, at least {minimum} is expected.')
sys.exit(score < float(minimum))
