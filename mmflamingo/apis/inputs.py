"""What the inferencer is given, checked before any work starts, as one record for each sample."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from reprlib import Repr
from typing import Any

from mmflamingo.datasets.clips import split_clip
from mmflamingo.models.decoding.settings import REFUSED, RULES, find_setting_mistakes
from mmflamingo.prompts import IMAGE_TOKEN, PromptTemplate, Ranking

Image = Any  # path, URL, PIL image, or array: (H, W, 3) in BGR, (H, W, 4) in BGRA, or (H, W) in grey
Shots = Sequence[Mapping[str, Any]]
NAMED_FILES = 5


def free_records(texts: Sequence[str], pictures: Sequence[Image | Sequence[Image]]) -> list[dict]:
    """Records of free prompts, each with its own picture or pictures.

    Raises:
        ValueError: There aren't as many pictures as prompts, or as `<image>` marks in a prompt.
    """
    _check_texts(texts, 'text')
    records = []
    for number, (text, own) in enumerate(zip(texts, _as_many(pictures, len(texts), 'texts', 'pictures'), strict=True)):
        own = list(own) if _is_list(own) else [own]
        if not own:
            raise ValueError(f'text {number} has no images: a prompt needs one at least, with an {IMAGE_TOKEN} mark.')
        if text.count(IMAGE_TOKEN) != len(own):
            raise ValueError(
                f'text {number} has {len(own)} images, but its prompt has {text.count(IMAGE_TOKEN)} {IMAGE_TOKEN} marks: '
                'each image needs one.'
            )
        records.append({'text': text, 'img_path': own, 'shots': []})
    return records


def records_of(
    pictures: Sequence[Image],
    question: str | Sequence[str] | None,
    shots: Shots | Sequence[Shots],
    prompt: PromptTemplate,
) -> list[dict]:
    """One record a picture, as the datasets make them.

    Raises:
        ValueError: Pictures, questions and shots differ in number, or one of them is not what it should be.
    """
    for number, picture in enumerate(pictures):
        if _is_list(picture):
            raise ValueError(f'picture {number} is a list: several pictures of one sample need a free prompt, `text`.')
    questions = for_each(question, len(pictures), lambda asked: asked is None or isinstance(asked, str), 'questions')
    if question is not None:
        _check_texts(questions, 'question')
    examples = for_each(shots, len(pictures), _are_shots, 'lists of shots')
    if not all(map(_are_shots, examples)):
        raise ValueError('shots are not a list of dicts, nor a list of such lists for each picture.')
    records = []
    for picture, asked, before in zip(pictures, questions, examples, strict=True):
        before = [_shot(shot, number, prompt) for number, shot in enumerate(before)]
        shown = [shot['img_path'] for shot in before if shot['img_path'] is not None]
        record = {'shots': before, 'img_path': [*shown, picture]}
        records.append(record if asked is None else {**record, 'question': asked})
    return records


def choices_of(
    choices: Sequence[str] | Sequence[Sequence[str]], count: int, clean: Callable[[str], str]
) -> list[list[str]]:
    """Choices of each sample.

    Args:
        choices: One list for all samples, or one for each.
        count: Number of samples.
        clean: What the prompt makes of a choice; two must not become the same.

    Raises:
        ValueError: There are none, or some are empty or the same.
    """
    return [_checked(own, clean) for own in for_each(choices, count, _are_texts, 'lists of choices')]


def ranking_of(settings: Mapping[str, Any], base: Ranking) -> Ranking:
    """How choices are compared, where some settings differ from the prompt's.

    Raises:
        ValueError: A setting is unknown, or of another type.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(f'ranking={short(settings)}: give a dict.')
    types = {field.name: type(getattr(base, field.name)) for field in fields(base)}
    for name, value in settings.items():
        if name not in types:
            raise ValueError(f'ranking has {short(name)}.{hint(name, types)}')
        if type(value) is not types[name]:
            raise ValueError(f'ranking[{name!r}] is {short(value)}, it must be of type {types[name].__name__}.')
    return replace(base, **settings)


def check_generation(settings: Mapping[str, Any], base: Mapping[str, Any], arguments: Sequence[str]) -> None:
    """Raise if a setting of generation can't be used.

    Args:
        settings: What was given, by keyword.
        base: The prompt's own settings, which these change.
        arguments: What else could have been meant.
    """
    for name in settings:
        close = get_close_matches(name, arguments, n=1)
        if name not in RULES and name not in REFUSED and close:
            raise ValueError(f"There is no argument {name!r}. Did you mean '{close[0]}'?")
    mistakes = list(find_setting_mistakes({**base, **settings}))
    if mistakes:
        raise ValueError(' '.join(mistakes))


def check_files(records: Sequence[Mapping[str, Any]]) -> None:
    """Raise if pictures or videos on a local disk are missing, before the first is predicted.

    Raises:
        FileNotFoundError: Names the first of them.
    """
    sources = dict.fromkeys(os.fspath(s) for r in records for s in r['img_path'] if isinstance(s, str | os.PathLike))
    missing = [source for source in sources if _is_missing(source)]
    if missing:
        named = ', '.join(map(short, missing[:NAMED_FILES])) + (', ...' if len(missing) > NAMED_FILES else '')
        raise FileNotFoundError(f'{len(missing)} of {len(sources)} files do not exist: {named}. Correct the paths.')


def for_each(given: Any, count: int, is_for_all: Callable[[Any], bool], name: str) -> list:
    """What each of the pictures gets: all the same, or its own."""
    return [given] * count if is_for_all(given) else _as_many(given, count, 'pictures', name)


def hint(name: object, known: Sequence[str]) -> str:
    """What was meant, or what there is."""
    close = get_close_matches(str(name), known, n=1)
    return f" Did you mean '{close[0]}'?" if close else f' It takes {", ".join(known)}.'


def short(value: Any) -> str:
    """A value for a message, cut where it is long."""
    return _SHORT.repr(value)


_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 200


def _as_many(given: Any, count: int, of: str, name: str) -> list:
    if not _is_list(given):
        raise ValueError(f'{short(given)} is given for {name}: give a list.')
    if len(given) != count:
        raise ValueError(f'got {count} {of} but {len(given)} {name}.')
    return list(given)


def _shot(shot: Mapping[str, Any], number: int, prompt: PromptTemplate) -> dict:
    """A shot as the datasets have it."""
    names = list(dict.fromkeys(field for _, field in prompt.shot if field))
    known = ['image', *names]
    for key in shot:
        if key not in known:
            raise ValueError(f'shots[{number}] has the key {short(key)}.{hint(key, known)}')
    for name in names:
        if not isinstance(shot.get(name), str):
            found = short(shot[name]) if name in shot else 'missing'
            raise ValueError(
                f'shots[{number}][{name!r}] is {found}: it must be a text. A shot takes {", ".join(known)}.'
            )
    if _is_list(image := shot.get('image')):
        raise ValueError(f"shots[{number}]['image'] is {short(image)}: give one picture, or None for text alone.")
    return {**shot, 'img_path': image}


def _checked(choices: Sequence[str], clean: Callable[[str], str]) -> list[str]:
    """Choices that can be told apart."""
    if isinstance(choices, str) or not choices or not _are_texts(choices):
        raise ValueError(f'choices={short(choices)}: give a list of texts to choose from.')
    cleaned = [clean(choice) for choice in choices]
    if not all(choice.strip() for choice in cleaned):
        raise ValueError(f'choices={short(choices)}: one of them is empty. Leave it out.')
    twice = sorted(choice for choice, count in Counter(cleaned).items() if count > 1)
    if twice:
        raise ValueError(f'choices={short(choices)}: {short(twice)} are there more than once. Give each once.')
    return list(choices)


def _check_texts(texts: Sequence[str], name: str) -> None:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f'{name} {number} is {short(text)}, it must be a text.')
        if any('\ud800' <= character <= '\udfff' for character in text):
            raise ValueError(f'{name} {number} is {short(text)}: it holds half of a character (a lone surrogate).')


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _are_shots(shots: Any) -> bool:
    return _is_list(shots) and all(isinstance(shot, Mapping) for shot in shots)


def _are_texts(choices: Any) -> bool:
    return isinstance(choices, str) or (_is_list(choices) and all(isinstance(choice, str) for choice in choices))


def _is_missing(path: str) -> bool:
    """Whether a local path leads nowhere; one that is not a good path fails when it is read."""
    if '://' in path or path.startswith('file:'):
        return False
    try:
        file = split_clip(path)[0]
    except ValueError:
        return False
    return not os.path.exists(os.path.expanduser(file))
