"""Predictions for pictures, without a dataset."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
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


def inference_model(
    model: str | Flamingo, image: Image, question: str | None = None, shots: Sequence[Mapping[str, Any]] = ()
) -> dict[str, str]:
    """Predicts for one picture.

    Args:
        model: Name of a model, path of a config, or a model of `get_model`.
        image: Path, URL, PIL image, or uint8 array (H, W, 3) in BGR.
        question: What is asked about it, if the model answers questions.
        shots: Examples, see `FlamingoInferencer`.

    Returns:
        dict: `pred_caption` or `pred_answer`, and `prompt`, the text that the model continued.
    """
    return FlamingoInferencer(model)(image, question=question, shots=shots)


class FlamingoInferencer:
    """Captions pictures, answers questions about them, and continues free interleaved prompts.

    Args:
        model: Name of a model, path of a config, or a model of `get_model`.
        pretrained, device, dtype: As in `get_model`, for a model that is built here.

    Examples:
        >>> inferencer = FlamingoInferencer('flamingo-tiny_zeroshot_vqa')
        >>> inferencer('cat.png', question='What is in the picture?')
        >>> inferencer(['cat.png', 'dog.png'], question='What is in the picture?')
        >>> inferencer('cat.png', question='What is this?', shots=[
        ...     dict(image='owl.png', question='What is this?', answer='dax')])
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
        shots: Sequence[Mapping[str, Any]] = (),
        text: str | None = None,
        batch_size: int = 8,
        show_progress: bool = False,
        **generation,
    ) -> dict[str, str] | list[dict[str, str]]:
        """Predicts.

        Args:
            images: One picture, or a list. Each is a path, a URL, a PIL image, or a uint8 array
                (H, W, 3) in BGR.
            question: One for all pictures, or one for each.
            shots: Examples that come before every picture, each a dict of `image` (None: text
                only) and `caption`, or `question` and `answer`.
            text: A free prompt. All pictures then belong to one sample, one for each `<image>` in
                it, and `<|endofchunk|>` ends an example. Nothing else may be special text.
            batch_size: How many samples run at once.
            show_progress: Show a progress bar.
            generation: What the search does differently this time: `num_beams`, `max_new_tokens`,
                `length_penalty`, and all else that Hugging Face's `generate` takes.

        Returns:
            A dict for one picture or a free prompt, else a list of dicts in the order of the
            pictures: `prompt` and `pred_caption`, `pred_answer` or, for a free prompt, `pred_text`.

        Raises:
            ValueError: Pictures, questions, shots and prompt don't go together.
        """
        several = isinstance(images, list | tuple)
        if text is not None:
            if question is not None or shots:
                raise ValueError('A free prompt holds all of the text: leave out `question` and `shots`.')
            prompt = InterleavedPrompt()
            records = [{'text': text, 'img_path': images if several else [images], 'shots': []}]
        else:
            prompt = copy(self.model.prompts[self.task])
            records = list(self._records(images if several else [images], question, shots))
        prompt.generation = {**self.model.prompts[self.task].generation, **generation}
        predictions = list(self._predict(records, prompt, batch_size, show_progress))
        return predictions if several and text is None else predictions[0]

    def _records(
        self, images: Sequence[Image], question: str | Sequence[str] | None, shots: Sequence[Mapping[str, Any]]
    ) -> Iterator[dict]:
        """One record a picture, as the datasets make them."""
        if self.task != 'vqa' and question is not None:
            raise ValueError(f'This model writes a {self.task}: leave out `question`, or take a model for VQA.')
        if self.task == 'vqa' and question is None:
            raise ValueError('This model answers questions: give a `question`.')
        questions = [question] * len(images) if isinstance(question, str | None) else list(question)
        if len(questions) != len(images):
            raise ValueError(f'{len(images)} pictures and {len(questions)} questions do not go together.')
        examples = [{**shot, 'img_path': shot.get('image')} for shot in shots]
        shown = [shot['img_path'] for shot in examples if shot['img_path'] is not None]
        for image, asked in zip(images, questions, strict=True):
            record = {'shots': examples, 'img_path': [*shown, image]}
            yield record if asked is None else {**record, 'question': asked}

    @torch.inference_mode()
    def _predict(
        self, records: list[dict], prompt: PromptTemplate | InterleavedPrompt, batch_size: int, show_progress: bool
    ) -> Iterator[dict[str, str]]:
        self.model.prompts[CALL] = prompt
        samples = [{**record, 'task': CALL, 'sample_id': number} for number, record in enumerate(records)]
        starts = range(0, len(samples), batch_size)
        for start in track_iter_progress(starts) if show_progress else starts:
            batch = [self.pipeline(sample) for sample in samples[start : start + batch_size]]
            for done in self.model.test_step(pseudo_collate(batch)):
                field = f'pred_{prompt.output}'
                yield {'prompt': done.prompt, field: done.get(field)}


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
