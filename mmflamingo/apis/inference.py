"""Predictions for pictures, without a dataset."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from threading import RLock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from mmengine.config import ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.utils import track_iter_progress

from mmflamingo.datasets.base import build_transforms
from mmflamingo.models.flamingo import Flamingo
from mmflamingo.prompts import InterleavedPrompt, PromptTemplate
from mmflamingo.registry import DATASETS

from .inputs import Image, Shots, check_files, check_generation, choices_of, free_records, ranking_of, records_of, short
from .model_zoo import BUILDING, get_model

CALL = 'call'  # name of the prompt of a running call
Prediction = dict[str, Any]
_LOCKS: WeakKeyDictionary[Flamingo, RLock] = WeakKeyDictionary()


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
        image: Path, URL, PIL image, or array, see `FlamingoInferencer`.
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

    Several threads may use it, and several inferencers of one model: batches run one after the other.

    Args:
        model: Name of a model, path of a config, or a model of `get_model`.
        pretrained, device, dtype: As in `get_model`, for a model that is built here.

    Raises:
        ValueError: A model that is built already is not of `get_model`, or comes with further arguments.

    Examples:
        >>> inferencer = FlamingoInferencer('flamingo-tiny_zeroshot_vqa')
        >>> inferencer('cat.png', question='What is in the picture?')
        >>> inferencer(['cat.png', 'dog.png'], question='What is in the picture?')
        >>> inferencer('cat.png', question='What is this?', shots=[
        ...     dict(image='owl.png', question='What is this?', answer='dax')])
        >>> inferencer('cat.png', question='Is it a cat?', choices=['yes', 'no'])
        >>> inferencer(['cat.png', 'dog.png'], text='<image>Output:a cat<|endofchunk|><image>Output:')
        >>> inferencer(['cat.png', 'dog.png'], text=['<image>A photo of', '<image>This is'])
    """

    def __init__(
        self,
        model: str | Flamingo,
        pretrained: bool | str = True,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        if isinstance(model, Flamingo):
            if (pretrained, device, dtype) != (True, None, None):
                raise ValueError('The model is built already: leave out pretrained, device and dtype.')
            if not hasattr(model, 'cfg'):
                raise ValueError('The model has no `cfg` that says how pictures are loaded: take one of `get_model`.')
        self.model = model if isinstance(model, Flamingo) else get_model(model, pretrained, device, dtype)
        dataset = self.model.cfg.test_dataloader.dataset
        with BUILDING:
            self.pipeline = Compose(build_transforms(_load_from_anywhere(dataset.pipeline)))
            self._lock = _LOCKS.setdefault(self.model, RLock())
        self.task = dataset.get('task') or DATASETS.get(dataset.type).task

    def __call__(
        self,
        images: Image | Sequence[Image] | Sequence[Sequence[Image]],
        question: str | Sequence[str] | None = None,
        shots: Shots | Sequence[Shots] = (),
        text: str | Sequence[str] | None = None,
        choices: Sequence[str] | Sequence[Sequence[str]] | None = None,
        ranking: Mapping[str, Any] | None = None,
        batch_size: int = 8,
        show_progress: bool = False,
        **generation,
    ) -> Prediction | list[Prediction]:
        """Predicts.

        Args:
            images: One picture, or a list. Each is a path, a URL, a PIL image, or an array: (H, W, 3) in BGR, (H, W, 4)
                in BGRA, or (H, W) in grey, of uint8, uint16, bool, or floats from 0 to 1. All of them are turned into
                8 bits, upright and on white, by the rules of `mmflamingo.datasets.transforms.pixels`.
            question: One for all pictures, or one for each.
            shots: Examples that come before every picture, each a dict of `image` (None: text
                only) and `caption`, or `question` and `answer`; or a list of them for each picture.
            text: A free prompt. All pictures then belong to one sample, one for each `<image>` in
                it, and `<|endofchunk|>` ends an example. Nothing else may be special text. Or a list of such prompts,
                with a picture or a list of pictures for each.
            choices: Texts among which the model chooses the likeliest, instead of writing its own; or a list of them
                for each picture.
            ranking: How choices are compared, if not as the model's prompt says: fields of `prompts.Ranking`, such as
                `calibrate=True`.
            batch_size: How many samples run at once.
            show_progress: Show a progress bar.
            generation: What the search does differently this time, such as `num_beams`, `max_new_tokens` and
                `length_penalty`; see `mmflamingo.models.decoding.settings`.

        Returns:
            A dict for one picture or a free prompt, else a list of dicts in the order of the pictures or prompts:
            `prompt` and `pred_caption`, `pred_answer` or, for a free prompt, `pred_text`. With `choices` that
            is the chosen one, and `choice_scores` has the score of each: log-likelihoods, a token's mean by default.

        Raises:
            ValueError: Pictures, questions, shots, choices and prompt don't match, an argument is unknown or of another
                kind, or a picture cannot be read.
            FileNotFoundError: Pictures are missing.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'batch_size={short(batch_size)} must be a positive integer.')
        if choices is None and ranking is not None:
            raise ValueError('`ranking` compares choices: give `choices`, or leave it out.')
        own = self.model.prompts[self.task]
        check_generation(generation, own.generation, _ARGUMENTS)
        if choices is not None and generation:
            raise ValueError(f'Choices are ranked and nothing is generated: leave out {sorted(generation)}.')
        prompt = copy(own) if text is None else InterleavedPrompt()
        records = self._records(images, question, shots, text, prompt)
        if choices is not None:
            spread = choices_of(choices, len(records), prompt.clean)
            records = [{**record, 'choices': one} for record, one in zip(records, spread, strict=True)]
            prompt.ranking = ranking_of(ranking or {}, own.ranking)
        prompt.generation = {**own.generation, **generation}
        check_files(records)
        predictions = list(self._predict(records, prompt, batch_size, show_progress))
        several = isinstance(images, list | tuple) if text is None else not isinstance(text, str)
        return predictions if several else predictions[0]

    def _records(self, images: Any, question: Any, shots: Any, text: Any, prompt: PromptTemplate) -> list[dict]:
        """One record a sample."""
        pictures = list(images) if isinstance(images, list | tuple) else [images]
        if text is None:
            if self.task != 'vqa' and question is not None:
                raise ValueError(f"This config's task is {self.task}: leave out `question`, or take a model for VQA.")
            if self.task == 'vqa' and question is None:
                raise ValueError('This model answers questions: give a `question`.')
            return records_of(pictures, question, () if shots is None else shots, prompt)
        if question is not None or shots:
            raise ValueError('A free prompt holds all of the text: leave out `question` and `shots`.')
        if isinstance(text, list | tuple):
            return free_records(text, pictures if isinstance(images, list | tuple) else pictures * len(text))
        return free_records([text], [pictures])

    def _predict(
        self, records: list[dict], prompt: PromptTemplate | InterleavedPrompt, batch_size: int, show_progress: bool
    ) -> Iterator[Prediction]:
        samples = [{**record, 'task': CALL, 'sample_id': number} for number, record in enumerate(records)]
        starts = range(0, len(samples), batch_size)
        for start in track_iter_progress(starts) if show_progress else starts:
            batch = [self.pipeline(sample) for sample in samples[start : start + batch_size]]
            for done in self._run(pseudo_collate(batch), prompt):
                field = f'pred_{prompt.output}'
                prediction = {'prompt': done.prompt, field: done.get(field)}
                if 'choice_scores' in done:
                    prediction['choice_scores'] = dict(zip(done.choices, done.choice_scores, strict=True))
                yield prediction

    @torch.inference_mode()
    def _run(self, batch: dict, prompt: PromptTemplate | InterleavedPrompt) -> list:
        """Samples of a batch with their predictions; the model is this thread's alone, and as before afterwards."""
        with self._lock:
            self.model.prompts[CALL] = prompt
            try:
                return self.model.test_step(batch)
            finally:
                del self.model.prompts[CALL]


_ARGUMENTS = [
    name for name in inspect.signature(FlamingoInferencer.__call__).parameters if name not in ('self', 'generation')
]


def _load_from_anywhere(pipeline: Sequence[dict]) -> list:
    """The test pipeline, with pictures from anywhere; a bad one is an error, and none is taken from an earlier call."""

    def change(node: Any) -> Any:
        if isinstance(node, list | tuple):
            return [change(value) for value in node]
        if isinstance(node, dict):
            changed = ConfigDict({key: change(value) for key, value in node.items()})
            if changed.get('type') == 'LoadImageFromFile':
                changed.type = 'LoadImage'
            if changed.get('type') == 'ApplyToList':
                changed.pop('cache_bytes', None)
            changed.pop('on_bad_image', None)
            return changed
        return node

    return change(pipeline)
