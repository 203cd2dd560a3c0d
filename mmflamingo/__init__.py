"""mmflamingo: an open toolbox for Flamingo, the visual language model for few-shot learning."""

from .version import __version__

__all__ = ['__version__']
