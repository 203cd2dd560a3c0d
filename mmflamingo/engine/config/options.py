"""The options of the command line, KEY=VALUE: from there to the config nothing changes.

A value that is a Python literal (`3`, `None`, `[1, 2]`, `{'a': 1}`, `'text'`) is that. Anything else is the text as it is
written, with its spaces, commas and brackets. Where the config has a text already, the value is a text as well: `1` and
`None` too, and only the quotes of a quoted text go.
"""

import ast
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from itertools import pairwise
from reprlib import repr as shortly
from tokenize import COMMENT, NL, STRING, TokenError, generate_tokens
from typing import Any

from mmengine.config import Config, ConfigDict

from ..errors import ConfigError

FLAG = '--cfg-options'
DELETE = '_delete_'  # mmengine's key in a dict that replaces another one instead of joining it
PLAIN_TYPES = (str, int, float, bool, type(None))
NO_LITERAL = object()
NEW = object()
# What people mean as a literal that Python writes otherwise.
MEANT = {'true': 'True', 'false': 'False', 'none': 'None', 'null': 'None'}
OPENINGS = ('[', '(', '{', '"', "'", 'dict(', 'list(', 'tuple(')


@dataclass(frozen=True)
class Written:
    """A value as it was written; what it means depends on what the config has at its key."""

    text: str


def parse_options(given: Sequence[str]) -> dict[str, Written]:
    """Values by their keys; where a key comes twice, the last one counts.

    Args:
        given: Options, each `KEY=VALUE`.

    Raises:
        ConfigError: An option has no `=`, or no key.
    """
    options: dict[str, Written] = {}
    for option in given:
        key, equals, text = option.partition('=')
        if not equals:
            raise ConfigError(
                f'{FLAG} {option!r} has no "=": write KEY=VALUE, and put CONFIG and CHECKPOINT before {FLAG}.'
            )
        if any(not part or part != part.strip() for part in key.split('.')):
            raise ConfigError(
                f'{FLAG} {option!r}: {key!r} is not a key. Write names or list indices with a dot between them.'
            )
        options.pop(key, None)
        options[key] = Written(text)
    return options


def read_values(given: Sequence[str]) -> dict[str, Any]:
    """Values by their keys for what has no config, such as arguments of a function; errors as of `parse_options`."""
    return {key: _meaning(written, NEW, key) for key, written in parse_options(given).items()}


def merge_options(cfg: Config, options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Put values into a config, in their order.

    Args:
        cfg: The config; it is changed.
        options: Values by key, such as `test_dataloader.batch_size` or `test_dataloader.dataset.pipeline.0.size`:
            `Written`, or as they are. A dict joins a dict that is there, unless it has `_delete_=True`.
        known: First parts of keys that the config may lack.

    Raises:
        ConfigError: A key leads to nowhere, or its value can't be meant.
    """
    for key, value in options.items():
        first, *inner = key.split('.')
        if first not in cfg and first not in known:
            close = get_close_matches(first, {*cfg, *known}, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ''
            raise ConfigError(f'{FLAG} {key}: the config has no key {first!r}.{hint}')
        cfg[first] = _replaced(cfg.get(first, NEW), inner, value, key, [first])


def _replaced(node: Any, path: Sequence[str], value: Any, key: str, passed: Sequence[str]) -> Any:
    """A part of a config, which stands at the key `passed`, with another value at the path below it."""
    if not path:
        return _joined(node, _meaning(value, node, key) if isinstance(value, Written) else value)
    name, rest = path[0], path[1:]
    here = [*passed, name]
    if node is NEW:
        return ConfigDict({name: _replaced(NEW, rest, value, key, here)})
    if isinstance(node, Mapping):
        changed = _replaced(node.get(name, NEW), rest, value, key, here)
        return ConfigDict({**node, name: changed})
    where = '.'.join(passed)
    if not isinstance(node, list | tuple):
        raise ConfigError(f'{FLAG} {key}: {where} is {shortly(node)} in the config, so it has no key {name!r}.')
    if not (name.isascii() and name.isdecimal() and int(name) < len(node)):
        allowed = f'0 to {len(node) - 1}' if node else 'none, it is empty'
        raise ConfigError(
            f'{FLAG} {key}: {where} is a list in the config, {name!r} is not one of its indices ({allowed}).'
        )
    place = int(name)
    return type(node)([*node[:place], _replaced(node[place], rest, value, key, here), *node[place + 1 :]])


def _joined(node: Any, value: Any) -> Any:
    """What stands at a key where a value is put onto what was there."""
    if not isinstance(value, Mapping):
        return value
    value = dict(value)
    base = {} if value.pop(DELETE, False) or not isinstance(node, Mapping) else node
    return ConfigDict({**base, **{name: _joined(base.get(name, NEW), inner) for name, inner in value.items()}})


def _meaning(written: Written, held: Any, key: str) -> Any:
    """What a value that is written means where the config holds another one.

    Raises:
        ConfigError: It looks like a literal and isn't one.
    """
    text, literal = written.text, _literal(written.text)
    if isinstance(held, str):
        return literal if isinstance(literal, str) else text
    if literal is not NO_LITERAL:
        return literal
    if meant := MEANT.get(text.strip().lower()):
        raise ConfigError(f"""{FLAG} {key}={text}: write {meant}, or '"{text}"' for the text.""")
    is_broken = held is not NEW and held is not None and text.lstrip().startswith(OPENINGS)
    if is_broken or (isinstance(held, list | tuple) and ',' in text):
        raise ConfigError(
            f'{FLAG} {key}={text}: the value is not valid Python, and {shortly(held)} in the config is not a text. '
            f"""Write it as Python does, such as "['a', 'b']" or "{{'a': 1}}"; a text in quotes within quotes: '"text"'."""
        )
    return text


def _literal(text: str) -> Any:
    """The Python literal that a text is; NO_LITERAL if it is none that a config may hold."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of backslashes in front of letters
            value = ast.literal_eval(text)
        tokens = [token for token in generate_tokens(StringIO(text.lstrip(' \t')).readline) if token.type != NL]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, TokenError):
        return NO_LITERAL
    # Python drops comments, puts texts without a comma together, and reads a quoted text with spaces around.
    has_comment = any(token.type == COMMENT for token in tokens)
    has_neighbours = any(a.type == b.type == STRING for a, b in pairwise(tokens))
    is_whole = not isinstance(value, str) or tokens[0].string == text
    return value if is_whole and not has_comment and not has_neighbours and _is_plain(value) else NO_LITERAL


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, PLAIN_TYPES) and _is_plain(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN_TYPES)
