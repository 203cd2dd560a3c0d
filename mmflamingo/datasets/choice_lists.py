"""Lists of texts to rank that all samples of a set share."""

from collections import Counter
from collections.abc import Sequence

from .base import some
from .fields import Misfit, list_of, text


def check_choices(choices: Sequence[str], source: str) -> list[str]:
    """Texts to rank without outer white space.

    Args:
        choices: The texts.
        source: Where they are from, for messages.

    Raises:
        ValueError: There are fewer than two, one is empty, or some are the same.
    """
    plain = _plain(choices, source)
    twice = [choice for choice, count in Counter(plain).items() if count > 1]
    if len(plain) < 2 or twice:
        raise ValueError(
            f'{source} has {len(plain)} choices, these more than once: {some(twice) or "none"}. There must be at least '
            'two, all different.'
        )
    return plain


def unite_equal(names: Sequence[str], source: str) -> tuple[list[str], list[int]]:
    """Names of classes, each once: equal ones are one choice, which is right for all of their classes.

    Args:
        names: A name for each class; CLIP's for ImageNet hold 'missile' and 'sunglasses' twice.
        source: Where they are from, for messages.

    Returns:
        The choices, and the number of its choice for each class.

    Raises:
        ValueError: There are fewer than two different names, or one is empty.
    """
    plain = _plain(names, source)
    numbers = {choice: number for number, choice in enumerate(dict.fromkeys(plain))}
    if len(numbers) < 2:
        raise ValueError(f'{source} has the names {some(numbers)}; there must be at least two different ones.')
    return list(numbers), [numbers[choice] for choice in plain]


def _plain(choices: Sequence[str], source: str) -> list[str]:
    if isinstance(choices, str):
        raise ValueError(f'{source} is the text {choices!r}, it must be a list of texts.')
    try:
        return [choice.strip() for choice in list_of(text)(list(choices))]
    except Misfit as misfit:
        raise ValueError(f'{source}: of {len(choices)} choices, entry {misfit}.') from None
