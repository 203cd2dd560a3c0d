"""Other systems' checkpoints, read into the keys of this one, and written from them."""

from .clip_activation import check_activation
from .clip_vision import clip_vision_state_dict
from .flamingo import COMPUTED, SYSTEMS, checkpoint_for, flamingo_state_dict

__all__ = ['COMPUTED', 'SYSTEMS', 'check_activation', 'checkpoint_for', 'clip_vision_state_dict', 'flamingo_state_dict']
