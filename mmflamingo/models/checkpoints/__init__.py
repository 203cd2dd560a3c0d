"""Other systems' checkpoints, read into the keys of this one."""

from .clip_vision import clip_vision_state_dict
from .flamingo import flamingo_state_dict

__all__ = ['clip_vision_state_dict', 'flamingo_state_dict']
