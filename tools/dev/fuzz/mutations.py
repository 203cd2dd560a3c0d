"""Changes of bytes and of JSON, by a random generator."""

import copy
import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

STRANGE = [
    *(None, True, False, 0, -1, 1, 1.5, 2**63, 10**30, math.nan, math.inf, -math.inf, '', ' ', 'x', '1', 'null'),
    *(
        [],
        [[]],
        {},
        {'a': 1},
        ['x', 'y'],
        [1, 2],
        '\x00',
        '\ud83d',
        'é' * 300,
        '../../etc/passwd',
        '<image>',
        '{0.__class__}',
    ),
]


def change_bytes(content: bytes, rng: Random) -> tuple[str, bytes]:
    """Broken bytes, and in words what broke them."""
    name = rng.choice(['flip', 'flip', 'cut', 'cut', 'zero', 'insert', 'drop', 'repeat', 'empty', 'swap', 'text'])
    at = rng.randrange(max(1, len(content)))
    size = rng.choice([1, 1, 4, 64, 1024])
    end = min(len(content), at + size)
    if name == 'flip':
        changed = bytearray(content)
        for _ in range(rng.choice([1, 1, 8])):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        return 'bits flipped', bytes(changed)
    changes = {
        'cut': content[:at],
        'zero': content[:at] + bytes(end - at) + content[end:],
        'insert': content[:at] + rng.randbytes(size) + content[at:],
        'drop': content[:at] + content[end:],
        'repeat': content[:at] + content[at:end] * 2 + content[end:],
        'empty': b'',
        'swap': content[at:] + content[:at],
        'text': b'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n',
    }
    return f'bytes: {name}', changes[name]


def places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all values within a JSON value."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def change_json(content: Any, rng: Random) -> tuple[str, Any]:
    """A value with one place changed, and the change in words."""
    changed = copy.deepcopy(content)
    path = rng.choice([path for path in places(content) if path])
    *above, key = path
    node = changed
    for step in above:
        node = node[step]
    name = rng.choice(['replace', 'replace', 'replace', 'drop', 'twice', 'rename', 'type'])
    where = '.'.join(str(step) if isinstance(step, str) else '[]' for step in path)
    if name == 'drop':
        del node[key]
    elif name == 'twice' and isinstance(node, list):
        node.insert(key, copy.deepcopy(node[key]))
    elif name == 'rename' and isinstance(node, dict):
        node[key + rng.choice(['s', '_', ' '])] = node.pop(key)
    elif name == 'type':
        node[key] = _other_type(node[key])
    else:
        name, node[key] = 'replace', copy.deepcopy(rng.choice(STRANGE))
    return f'{name} {where}', changed


def _other_type(value: Any) -> Any:
    """The same thing as another type."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return float(value)
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return {str(n): item for n, item in enumerate(value)}
    return list(value.values()) if isinstance(value, dict) else str(value)


def change_text_of_json(content: Any, rng: Random) -> tuple[str, bytes]:
    """JSON as bytes: with a value changed, broken as text, or in another encoding."""
    name = rng.choice(['value'] * 6 + ['bytes', 'bytes', 'utf-16', 'bom', 'nested', 'not JSON'])
    text = json.dumps(content)
    if name == 'value':
        name, changed = change_json(content, rng)
        return name, json.dumps(changed).encode()
    if name == 'bytes':
        return change_bytes(text.encode(), rng)
    return name, {
        'utf-16': text.encode('utf-16'),
        'bom': b'\xef\xbb\xbf' + text.encode(),
        'nested': b'[' * 100_000,
        'not JSON': repr(content).encode(),
    }[name]
