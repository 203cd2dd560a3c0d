"""Each room imports only the rooms above it."""

import ast
from pathlib import Path

import pytest

import mmflamingo

ROOT = Path(mmflamingo.__file__).parent
BASE = {'registry', 'version', 'paths', 'files', 'prompts', 'structures'}
ALLOWED = {
    'registry': set(),
    'version': set(),
    'paths': set(),
    'files': set(),
    'prompts': {'registry'},
    'structures': {'registry', 'prompts'},
    'datasets': BASE,
    'models': BASE,
    'evaluation': BASE,
    'engine': BASE | {'datasets', 'models', 'evaluation'},
    'visualization': BASE | {'datasets', 'models', 'evaluation'},
    'apis': BASE | {'datasets', 'models', 'evaluation', 'engine', 'visualization'},
}


def imported_rooms(path: Path) -> set[str]:
    package = ['mmflamingo', *path.relative_to(ROOT).parent.parts]
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = ['.'.join([*base, *filter(None, [node.module])])]
            names += [f'{names[0]}.{alias.name}' for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split('.')[1] for name in names if name.startswith('mmflamingo.')}
    return rooms & ALLOWED.keys()


@pytest.mark.parametrize('room', ALLOWED)
def test_a_room_imports_only_rooms_above_it(room):
    single = ROOT / f'{room}.py'
    paths = [single] if single.exists() else sorted((ROOT / room).rglob('*.py'))
    assert paths
    for path in paths:
        below = imported_rooms(path) - ALLOWED[room] - {room}
        assert not below, f'{path.relative_to(ROOT)} imports {sorted(below)}'
