"""mmflamingo: an open toolbox for Flamingo, the visual language model for few-shot learning."""

import logging
from importlib import import_module

from .version import __version__

# mmengine imports bitsandbytes where it is installed, which then says at every start that it lacks a kernel of its own.
logging.getLogger('bitsandbytes.backends.cpu.ops').setLevel(logging.ERROR)

_APIS = ('FlamingoInferencer', 'get_model', 'inference_model', 'list_models')
__all__ = ['__version__', *_APIS]


def __getattr__(name: str) -> object:
    """Imports `mmflamingo.apis`, and with it torch, only when one of its names is used."""
    if name in _APIS:
        return getattr(import_module('.apis', __name__), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
