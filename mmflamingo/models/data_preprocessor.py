"""From a list of samples to the tensors that the model takes."""

import logging
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmflamingo.prompts import Prompt, PromptTemplate
from mmflamingo.registry import MODELS

from .decoding.close_ended import candidates_of
from .decoding.settings import MAX_NEW_TOKENS, parse_settings
from .language.context import ContextLimit
from .media.media_cache import content_keys
from .tokenizers import LOSS_ON, FlamingoTokenizer, TokenizedPrompt

# Beyond one a byte: a beginning or an end of the sequence, and the space that some tokenizers put first.
ADDED_TOKENS = 2


@MODELS.register_module()
class FlamingoDataPreprocessor(BaseDataPreprocessor):
    """Stacks and normalises images, renders and tokenises prompts.

    Args:
        tokenizer: Tokenizer of the model, set by `Flamingo`.
        prompts: Prompt of each task, set by `Flamingo`.
        mean: Mean of the three channels, in the order of the output, for pixels of 0 to 255.
        std: Standard deviation likewise.
        to_rgb: Turn the BGR images of the pipeline into RGB.
        loss_on: Training loss counts only 'output' tokens, or 'all' text.
        max_length: Most tokens of a prompt. A longer one loses whole shots from the left, with their images; `dropped_shots`
            of the sample says how many. None: what the language model's context leaves, without what is written.
        non_blocking: Copy to the device without waiting.

    Attributes:
        context_limit (ContextLimit): Of the language model, set by `Flamingo`. A hard one holds for any `max_length`.

    Raises:
        ValueError: `loss_on` is unknown.
    """

    def __init__(
        self,
        tokenizer: FlamingoTokenizer,
        prompts: Mapping[str, PromptTemplate],
        mean: Sequence[float],
        std: Sequence[float],
        to_rgb: bool = True,
        loss_on: str = 'output',
        max_length: int | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        if loss_on not in LOSS_ON:
            raise ValueError(f'model.data_preprocessor.loss_on is {loss_on!r}, it must be one of {list(LOSS_ON)}.')
        self.tokenizer = tokenizer
        self.prompts = prompts
        self.to_rgb = to_rgb
        self.loss_on = loss_on
        self.max_length = max_length
        self.context_limit = ContextLimit()
        self._num_shortened = 0
        self.pixel_settings = (tuple(mean), tuple(std), to_rgb)  # all that changes pixels
        # No buffers: a model in bfloat16 has to subtract the same mean.
        self.mean = torch.tensor(mean, dtype=torch.float32).view(3, 1, 1)
        self.std = torch.tensor(std, dtype=torch.float32).view(3, 1, 1)

    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepares a batch.

        Args:
            data: `inputs`, B uint8 tensors (M, F, 3, H, W), and `data_samples`, B of them.
            training: Make labels of the samples' `output`.

        Returns:
            dict: `images` (B, M, F, 3, H, W), uint8, for `normalise` when they are encoded, `num_media` (B,) how many of
                the M are real, `input_ids`, `attention_mask` and, in training, `labels` (B, L), `data_samples`,
                `prompts`, what is left of B prompts, and `media_keys`, for each sample keys of its media's pixels.

        Raises:
            ValueError: A sample has not as many images as its prompt, its task has no prompt, its
                text is too long without shots, or it has no output to learn.
        """
        if not isinstance(data, Mapping) or not {'inputs', 'data_samples'} <= data.keys():
            raise ValueError("The batch has no `inputs` or `data_samples`: end the dataset's pipeline with PackInputs.")
        samples = data['data_samples']
        inputs, tokenized, prompts = [], [], []
        for images, sample in zip(data['inputs'], samples, strict=True):
            prompt = self._render(sample, training)
            _check_image_count(sample, prompt, len(images))
            tokens, prompt = self._fit(sample, prompt, training)
            if not training:
                sample.prompt = prompt.text
            inputs.append(images[len(images) - prompt.num_images :])
            tokenized.append(tokens)
            prompts.append(prompt)
        text = self.tokenizer.pad(tokenized, training, self.loss_on)
        return {
            'images': self._stack(self.cast_data(inputs)),
            'num_media': torch.tensor([len(images) for images in inputs], device=self.device),
            **self.cast_data(text),
            'data_samples': samples,
            'prompts': prompts,
            'media_keys': [content_keys(images) for images in inputs],
        }

    def prompt_size(self, sample: Any) -> tuple[int, int]:
        """Tokens of a sample's prompt, and the most that are generated after it, those of all beams together.

        Args:
            sample: Record dict or data sample; its media are not needed.
        """
        prompt = self._render(sample, False)
        length = len(self.tokenizer.tokenize(prompt))
        generation = parse_settings(self.prompts[sample.get('task')].generation)
        written = generation.get('max_new_tokens', MAX_NEW_TOKENS) * generation.get('num_beams', 1)
        written = written if sample.get('choices') is None else 0
        return min(length, self._room(sample, prompt, length, False) or length), written

    def find_excess(self, sample: Any) -> str | None:
        """Why a sample to predict can't be read even without its shots; None if it can.

        Args:
            sample: Record dict or data sample; its media are not needed.
        """
        query = self._render(sample, False).chunks[-1]
        at_most = len(query.text.encode()) + ADDED_TOKENS
        room = self._room(sample, query, at_most, False)
        if room is None or at_most <= room:
            return None
        length = len(self.tokenizer.tokenize(query))
        room = self._room(sample, query, length, False)
        return self._too_long(sample, length, room) if length > room else None

    def _render(self, sample: Any, training: bool) -> Prompt:
        task = sample.get('task')
        if task not in self.prompts:
            raise ValueError(
                f'Sample {sample.get("sample_id")!r} has the task {task!r}, model.prompts has {list(self.prompts)}.'
            )
        if training and sample.get('output') is None:
            raise ValueError(
                f'Sample {sample.get("sample_id")!r} has no `output` to learn: train on a training dataset.'
            )
        return self.prompts[task].render(sample)

    def _fit(self, sample: Any, prompt: Prompt, training: bool) -> tuple[TokenizedPrompt, Prompt]:
        """Tokenises a prompt, and drops as few of its first shots as make it short enough."""
        tokens = self.tokenizer.tokenize(prompt)
        room = self._room(sample, prompt, len(tokens), training)
        if room is None or len(tokens) <= room:
            return tokens, prompt
        num_shots = prompt.num_chunks - 1

        def without(count: int) -> Prompt:
            return prompt.with_shots_in(range(count, num_shots))

        dropped = bisect_left(
            range(num_shots), True, key=lambda count: len(self.tokenizer.tokenize(without(count))) <= room
        )
        prompt = without(dropped)
        tokens = self.tokenizer.tokenize(prompt)
        if len(tokens) > room:
            raise ValueError(self._too_long(sample, len(tokens), room))
        if not training:
            sample.dropped_shots = dropped
        self._num_shortened += 1
        if math.log10(self._num_shortened).is_integer():  # the 1st, 10th, 100th, ...
            print_log(
                f'Prompts longer than {room} tokens lose their first shots: sample {sample.get("sample_id")!r} '
                f'{dropped} of {num_shots} (prompts so far: {self._num_shortened}).',
                'current',
                level=logging.WARNING,
            )
        return tokens, prompt

    def _room(self, sample: Any, prompt: Prompt, length: int, training: bool) -> int | None:
        """Most tokens that a prompt, which has `length` of them, may have; None for no limit."""
        limit = self.context_limit
        rooms = [] if self.max_length is None else [self.max_length]
        if limit.tokens is not None and (limit.is_hard or self.max_length is None):
            written = 0 if training else self._num_written(sample, prompt, limit.tokens - length)
            rooms.append(limit.tokens - written)
        return min(rooms, default=None)

    def _num_written(self, sample: Any, prompt: Prompt, spare: int) -> int:
        """Most tokens that may follow a prompt, generated or of a choice; if they are fewer than `spare`, at least these."""
        template, choices = self.prompts[sample.get('task')], sample.get('choices')
        if choices is None:
            return parse_settings(template.generation).get('max_new_tokens', MAX_NEW_TOKENS)
        at_most = max((len(choice.encode()) for choice in choices), default=0) + ADDED_TOKENS
        if at_most <= spare:
            return at_most
        return max(map(len, candidates_of(sample, prompt, self.tokenizer, template)))

    def _too_long(self, sample: Any, length: int, room: int) -> str:
        """The message for a prompt that doesn't fit."""
        limit = self.context_limit.tokens
        reason = (
            f'model.data_preprocessor.max_length is {room}'
            if room == self.max_length
            else f'the language model reads {limit} tokens, {limit - room} of which are for what is written'
        )
        return f'Sample {sample.get("sample_id")!r} has {length} tokens without any shot; {reason}.'

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels (..., 3, H, W), uint8, to what a vision backbone takes, float32."""
        pixels = pixels.flip(-3) if self.to_rgb else pixels
        return pixels.to(torch.float32).sub_(self.mean.to(pixels.device)).div_(self.std.to(pixels.device))

    def _stack(self, inputs: Sequence[Tensor]) -> Tensor:
        """B times (M, F, 3, H, W) to (B, M, F, 3, H, W); 0 fills up M."""
        shapes = {tuple(images.shape[1:]) for images in inputs}
        if len(shapes) > 1:
            raise ValueError(
                f'The media of a batch have the shapes {sorted(shapes)} (F, 3, H, W): make the '
                'pipeline resize and crop to one size and load one number of frames.'
            )
        return pad_sequence(inputs, batch_first=True)


def _check_image_count(sample: Any, prompt: Prompt, num_images: int) -> None:
    if prompt.num_images != num_images:
        raise ValueError(
            f'Sample {sample.get("sample_id")!r} has {num_images} images, but its prompt has '
            f'{prompt.num_images} <image> marks: {prompt.text!r}. Both must be one for each shot '
            'and one for the query.'
        )
