"""From a list of samples to the tensors that the model takes."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmflamingo.prompts import Prompt, PromptTemplate
from mmflamingo.registry import MODELS

from .media.media_cache import content_keys
from .tokenizers import LOSS_ON, FlamingoTokenizer, TokenizedPrompt


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
        max_length: Most tokens of a prompt. A longer one loses whole shots from the left, with
            their images.
        non_blocking: Copy to the device without waiting.

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
        samples = data['data_samples']
        inputs, tokenized, prompts = [], [], []
        for images, sample in zip(data['inputs'], samples, strict=True):
            prompt = self._render(sample, training)
            _check_image_count(sample, prompt, len(images))
            tokens, prompt = self._fit(sample, prompt)
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
        """Tokens of a sample's prompt, and the most that are generated behind it, those of all beams together.

        Args:
            sample: Record dict or data sample; its media are not needed.
        """
        length = len(self.tokenizer.tokenize(self._render(sample, False)))
        generation = self.prompts[sample.get('task')].generation
        written = generation.get('max_new_tokens', 0) * generation.get('num_beams', 1)
        return min(length, self.max_length or length), written

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

    def _fit(self, sample: Any, prompt: Prompt) -> tuple[TokenizedPrompt, Prompt]:
        """Tokenises a prompt and drops shots until it is short enough."""
        tokens = self.tokenizer.tokenize(prompt)
        if self.max_length is None or len(tokens) <= self.max_length:
            return tokens, prompt
        num_chunks = prompt.num_chunks
        while len(tokens) > self.max_length and prompt.num_chunks > 1:
            prompt = prompt.without_first_chunk()
            tokens = self.tokenizer.tokenize(prompt)
        if len(tokens) > self.max_length:
            raise ValueError(
                f'Sample {sample.get("sample_id")!r} has {len(tokens)} tokens without any shot, '
                f'model.data_preprocessor.max_length is {self.max_length}.'
            )
        print_log(
            f'Sample {sample.get("sample_id")!r} is longer than max_length = {self.max_length} '
            f'tokens: its first {num_chunks - prompt.num_chunks} of {num_chunks - 1} shots are '
            'left out.',
            'current',
            level=logging.WARNING,
        )
        return tokens, prompt

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
