"""Lists of texts to rank that all samples of a set share."""

from collections import Counter
from collections.abc import Sequence

from .base import some


def check_choices(choices: Sequence[str], source: str) -> list[str]:
    """Texts to rank without outer white space.

    Args:
        choices: The texts.
        source: Where they are from, for messages.

    Raises:
        ValueError: There are fewer than two, one is empty, or some are the same.
    """
    plain = [choice.strip() for choice in choices]
    twice = [choice for choice, count in Counter(plain).items() if count > 1]
    if len(plain) < 2 or '' in plain or twice:
        raise ValueError(
            f'{source} has {len(plain)} choices, {plain.count("")} of them empty, and these more than once: '
            f'{some(twice) or "none"}. There must be at least two, all different.'
        )
    return plain
