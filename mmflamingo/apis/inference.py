"""Predictions for pictures, without a dataset."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.utils import track_iter_progress

from mmflamingo.datasets.base import build_transforms
from mmflamingo.models.flamingo import Flamingo
from mmflamingo.prompts import InterleavedPrompt, PromptTemplate
from mmflamingo.registry import DATASETS

from .model_zoo import get_model

CALL = 'call'  # name of the prompt of a running call
Image = Any  # path, URL, PIL image, or uint8 array (H, W, 3) in BGR
Shots = Sequence[Mapping[str, Any]]
Prediction = dict[str, Any]


def inference_model(
    model: str | Flamingo,
    image: Image,
    question: str | None = None,
    shots: Shots = (),
    choices: Sequence[str] | None = None,
) -> Prediction:
    """Predicts for one picture.

    Args:
        model: Name of a model, path of a config, or a model of `get_model`.
        image: Path, URL, PIL image, or uint8 array (H, W, 3) in BGR.
        question: What is asked about it, if the model answers questions.
        shots: Examples, see `FlamingoInferencer`.
        choices: Texts to choose from, see `FlamingoInferencer`.

    Returns:
        dict: `pred_caption` or `pred_answer`, and `prompt`, the text that the model continued; with `choices` also
            their `choice_scores`.
    """
    return FlamingoInferencer(model)(image, question=question, shots=shots, choices=choices)


class FlamingoInferencer:
    """Captions pictures, answers questions about them, chooses among texts, and continues free interleaved prompts.

    Args:
        model: Name of a model, path of a config, or a model of `get_model`.
        pretrained, device, dtype: As in `get_model`, for a model that is built here.

    Examples:
        >>> inferencer = FlamingoInferencer('flamingo-tiny_zeroshot_vqa')
        >>> inferencer('cat.png', question='What is in the picture?')
        >>> inferencer(['cat.png', 'dog.png'], question='What is in the picture?')
        >>> inferencer('cat.png', question='What is this?', shots=[
        ...     dict(image='owl.png', question='What is this?', answer='dax')])
        >>> inferencer('cat.png', question='Is it a cat?', choices=['yes', 'no'])
        >>> inferencer(['cat.png', 'dog.png'], text='<image>Output:a cat<|endofchunk|><image>Output:')
    """

    def __init__(
        self,
        model: str | Flamingo,
        pretrained: bool | str = True,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.model = model if isinstance(model, Flamingo) else get_model(model, pretrained, device, dtype)
        dataset = self.model.cfg.test_dataloader.dataset
        self.pipeline = Compose(build_transforms(_load_from_anywhere(dataset.pipeline)))
        self.task = dataset.get('task') or DATASETS.get(dataset.type).task

    def __call__(
        self,
        images: Image | Sequence[Image],
        question: str | Sequence[str] | None = None,
        shots: Shots | Sequence[Shots] = (),
        text: str | None = None,
        choices: Sequence[str] | Sequence[Sequence[str]] | None = None,
        ranking: Mapping[str, Any] | None = None,
        batch_size: int = 8,
        show_progress: bool = False,
        **generation,
    ) -> Prediction | list[Prediction]:
        """Predicts.

        Args:
            images: One picture, or a list. Each is a path, a URL, a PIL image, or a uint8 array
                (H, W, 3) in BGR.
            question: One for all pictures, or one for each.
            shots: Examples that come before every picture, each a dict of `image` (None: text
                only) and `caption`, or `question` and `answer`; or a list of them for each picture.
            text: A free prompt. All pictures then belong to one sample, one for each `<image>` in
                it, and `<|endofchunk|>` ends an example. Nothing else may be special text.
            choices: Texts among which the model chooses the likeliest, instead of writing its own; or a list of them
                for each picture.
            ranking: How choices are compared, if not as the model's prompt says: fields of `prompts.Ranking`, such as
                `calibrate=True`.
            batch_size: How many samples run at once.
            show_progress: Show a progress bar.
            generation: What the search does differently this time: `num_beams`, `max_new_tokens`,
                `length_penalty`, and all else that Hugging Face's `generate` takes.

        Returns:
            A dict for one picture or a free prompt, else a list of dicts in the order of the
            pictures: `prompt` and `pred_caption`, `pred_answer` or, for a free prompt, `pred_text`. With `choices` that
            is the chosen one, and `choice_scores` has the score of each: log-likelihoods, a token's mean by default.

        Raises:
            ValueError: Pictures, questions, shots, choices and prompt don't go together; there are no choices, or two of
                them are the same.
        """
        several = isinstance(images, list | tuple)
        pictures = list(images) if several else [images]
        if choices is None and ranking is not None:
            raise ValueError('`ranking` compares choices: give `choices`, or leave it out.')
        if choices is not None and generation:
            raise ValueError(f'Choices are ranked and nothing is generated: leave out {sorted(generation)}.')
        own = self.model.prompts[self.task]
        if text is not None:
            if question is not None or shots:
                raise ValueError('A free prompt holds all of the text: leave out `question` and `shots`.')
            prompt = InterleavedPrompt()
            records = [{'text': text, 'img_path': pictures, 'shots': []}]
        else:
            prompt = copy(own)
            records = list(self._records(pictures, question, shots))
        if choices is not None:
            spread = _for_each(choices, len(records), _are_texts, 'lists of choices')
            records = [{**record, 'choices': _checked(some)} for record, some in zip(records, spread, strict=True)]
            prompt.ranking = replace(own.ranking, **ranking or {})
        prompt.generation = {**own.generation, **generation}
        predictions = list(self._predict(records, prompt, batch_size, show_progress))
        return predictions if several and text is None else predictions[0]

    def _records(
        self, images: list[Image], question: str | Sequence[str] | None, shots: Shots | Sequence[Shots]
    ) -> Iterator[dict]:
        """One record a picture, as the datasets make them."""
        if self.task != 'vqa' and question is not None:
            raise ValueError(f'This model writes a {self.task}: leave out `question`, or take a model for VQA.')
        if self.task == 'vqa' and question is None:
            raise ValueError('This model answers questions: give a `question`.')
        questions = _for_each(question, len(images), lambda asked: isinstance(asked, str | None), 'questions')
        examples = _for_each(shots, len(images), _are_shots, 'lists of shots')
        for image, asked, before in zip(images, questions, examples, strict=True):
            before = [{**shot, 'img_path': shot.get('image')} for shot in before]
            shown = [shot['img_path'] for shot in before if shot['img_path'] is not None]
            record = {'shots': before, 'img_path': [*shown, image]}
            yield record if asked is None else {**record, 'question': asked}

    @torch.inference_mode()
    def _predict(
        self, records: list[dict], prompt: PromptTemplate | InterleavedPrompt, batch_size: int, show_progress: bool
    ) -> Iterator[Prediction]:
        self.model.prompts[CALL] = prompt
        samples = [{**record, 'task': CALL, 'sample_id': number} for number, record in enumerate(records)]
        starts = range(0, len(samples), batch_size)
        for start in track_iter_progress(starts) if show_progress else starts:
            batch = [self.pipeline(sample) for sample in samples[start : start + batch_size]]
            for done in self.model.test_step(pseudo_collate(batch)):
                field = f'pred_{prompt.output}'
                prediction = {'prompt': done.prompt, field: done.get(field)}
                if 'choice_scores' in done:
                    prediction['choice_scores'] = dict(zip(done.choices, done.choice_scores, strict=True))
                yield prediction


def _for_each(given: Any, count: int, is_for_all: Callable[[Any], bool], name: str) -> list:
    """What each of the pictures gets: all the same, or its own."""
    if is_for_all(given):
        return [given] * count
    if len(given) != count:
        raise ValueError(f'{count} pictures and {len(given)} {name} do not go together.')
    return list(given)


def _are_shots(shots: Shots | Sequence[Shots]) -> bool:
    return all(isinstance(shot, Mapping) for shot in shots)


def _are_texts(choices: str | Sequence[str] | Sequence[Sequence[str]]) -> bool:
    return isinstance(choices, str) or all(isinstance(choice, str) for choice in choices)


def _checked(choices: str | Sequence[str]) -> list[str]:
    """Choices that can be told apart."""
    if isinstance(choices, str) or not choices or not _are_texts(choices):
        raise ValueError(f'choices={choices!r}: give a list of texts to choose from.')
    if not all(choice.strip() for choice in choices):
        raise ValueError(f'choices={choices!r}: one of them is empty. Leave it out.')
    twice = sorted({choice for choice in choices if choices.count(choice) > 1})
    if twice:
        raise ValueError(f'choices={choices!r}: {twice} are there more than once. Give each once.')
    return list(choices)


def _load_from_anywhere(pipeline: Sequence[dict]) -> list:
    """The test pipeline, with pictures from anywhere and not from files alone."""

    def change(node: Any) -> Any:
        if isinstance(node, list | tuple):
            return [change(value) for value in node]
        if isinstance(node, dict):
            changed = ConfigDict({key: change(value) for key, value in node.items()})
            if changed.get('type') == 'LoadImageFromFile':
                changed.type = 'LoadImage'
            return changed
        return node

    return change(pipeline)
