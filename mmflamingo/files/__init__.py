"""Files and downloads of others: opened only if they are regular files, bounded, and written as a whole or not at all."""

from .fetching import Limits, fetch, within
from .reading import check_regular, read_json
from .reasons import plain_reason
from .writing import check_output, check_output_folder, replacing, replacing_files

__all__ = [
    'Limits',
    'check_output',
    'check_output_folder',
    'check_regular',
    'fetch',
    'plain_reason',
    'read_json',
    'replacing',
    'replacing_files',
    'within',
]
