"""Models: what turns interleaved pictures and text into text."""

from .backbones import *  # noqa: F403
from .data_preprocessor import FlamingoDataPreprocessor
from .flamingo import Flamingo
from .language import *  # noqa: F403
from .pretraining import *  # noqa: F403
from .resamplers import *  # noqa: F403
from .tokenizers import FlamingoTokenizer

__all__ = ['Flamingo', 'FlamingoDataPreprocessor', 'FlamingoTokenizer']
