"""Flamingo: a frozen vision backbone, a frozen language model, and what joins them."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmflamingo.prompts import Prompt, PromptTemplate
from mmflamingo.registry import MODELS, PROMPTS, TOKENIZERS

from .checkpoints import flamingo_state_dict
from .compiling import compile_parts
from .decoding.close_ended import score_choices
from .decoding.generation import generate
from .decoding.prediction import note_choices, note_texts, template_of
from .losses import token_loss
from .media.media_cache import DEFAULT_BYTES, MediaCache
from .media.media_store import MediaStore
from .tokenizers import IGNORE_INDEX, FlamingoTokenizer

FRAMES_PER_PASS = 8  # encoded at once in evaluation: more need more memory and are no faster


@MODELS.register_module()
class Flamingo(BaseModel):
    """Visual language model for few-shot learning (https://arxiv.org/abs/2204.14198).

    Args:
        vision_backbone: Config of a module (N, 3, H, W) -> (N, V, D) with `embed_dims`.
        resampler: Config of a module (B, M, F, V, D) -> (B, M, K, D). `dim` is the backbone's width.
        language_model: Config of `FlamingoLMAdapter`. `visual_dim`, `vocab_size` and
            `image_token_id` follow from the other parts.
        tokenizer: Config of the tokenizer.
        prompts: Config of a PromptTemplate for each task.
        data_preprocessor: Config of the data preprocessor, which gets the tokenizer and the prompts.
        freeze_vision_backbone: Keep the backbone as it is: no gradients, always in evaluation mode.
        freeze_language_model: Keep the language model as it is; gradients only pass through it.
        train_token_embeddings: Train the embeddings of `<|endofchunk|>` and `<image>` even so, as
            the reference systems do. 'logits': only by the gradients of their logits.
        media_cache_bytes: In evaluation, visual tokens of up to so many bytes are kept, so that an image that is a
            shot of many queries is encoded once. 0 keeps none.
        media_store: New or empty folder, or an earlier store, where they are kept for other runs, too, up to 8 GiB. None keeps nothing on
            disk.
        feature_cache_bytes: In training, patch features of a frozen backbone of up to so many bytes are kept for later epochs.
            For transforms that leave nothing to chance.
        device_map: Where the modules lie in tests, for models larger than one device: 'auto', or a dict from names of modules to
            devices; see `mmflamingo.engine.placement.place`. None: all on one.
        max_memory: With 'auto', most memory of each device.
        offload_folder: Where modules on the disk are written to. None: where temporary files are.
    """

    def __init__(
        self,
        vision_backbone: dict,
        resampler: dict,
        language_model: dict,
        tokenizer: dict,
        prompts: Mapping[str, dict],
        data_preprocessor: dict,
        freeze_vision_backbone: bool = True,
        freeze_language_model: bool = True,
        train_token_embeddings: bool | str = False,
        media_cache_bytes: int = DEFAULT_BYTES,
        media_store: str | None = None,
        feature_cache_bytes: int = 0,
        device_map: str | Mapping[str, int | str] | None = None,
        max_memory: Mapping[int | str, int | str] | None = None,
        offload_folder: str | None = None,
    ) -> None:
        parts = {
            'tokenizer': TOKENIZERS.build(tokenizer),
            'prompts': {task: PROMPTS.build(prompt) for task, prompt in prompts.items()},
        }
        super().__init__(MODELS.build({**data_preprocessor, **parts}))
        self.vision_backbone = MODELS.build(vision_backbone)
        dim = self.vision_backbone.embed_dims
        self.resampler = MODELS.build({**resampler, 'dim': dim})
        self.language_model = MODELS.build(
            {
                **language_model,
                'visual_dim': dim,
                'vocab_size': len(self.tokenizer),
                'image_token_id': self.tokenizer.image_token_id,
            }
        )
        self.data_preprocessor.context_limit = self.language_model.context_limit
        if train_token_embeddings not in (False, True, 'logits'):
            raise ValueError(
                f"model.train_token_embeddings is {train_token_embeddings!r}: choose False, True or 'logits'."
            )
        if train_token_embeddings:
            self.language_model.train_token_rows(
                [self.tokenizer.end_of_chunk_token_id, self.tokenizer.image_token_id],
                train_token_embeddings == 'logits',
            )
        self.placement = {'device_map': device_map, 'max_memory': max_memory, 'offload_folder': offload_folder}
        self._frozen: list[nn.Module] = []
        if freeze_vision_backbone:
            self._frozen.append(self.vision_backbone)
        if freeze_language_model:
            self._frozen.append(self.language_model.lm)
        for module in self._frozen:
            module.requires_grad_(False)
        self.media_cache = MediaCache(
            media_cache_bytes,
            (self.vision_backbone, self.resampler),
            MediaStore(media_store) if media_store else None,
            settings=(vision_backbone, resampler, self.data_preprocessor.pixel_settings),
        )
        self.feature_cache = MediaCache(feature_cache_bytes, (self.vision_backbone,))
        self.train(self.training)

    @property
    def tokenizer(self) -> FlamingoTokenizer:
        """The tokenizer, which the data preprocessor holds."""
        return self.data_preprocessor.tokenizer

    @property
    def prompts(self) -> Mapping[str, PromptTemplate]:
        """The prompt of each task, which the data preprocessor holds."""
        return self.data_preprocessor.prompts

    def train(self, mode: bool = True) -> 'Flamingo':
        """Sets the mode of all that is not frozen."""
        super().train(mode)
        if mode:
            self.media_cache.kept.clear()
        for module in self._frozen:
            module.eval()
        return self

    def after_loading(self) -> str:
        """Once all weights are there: quantises the language model if the config says so, and tells of it."""
        return self.language_model.quantize()

    def compile(self, **options: Any) -> None:
        """Compiles in place what gains from it, see `compile_parts`."""
        compile_parts(self, options)

    def loaded_prefixes(self) -> dict[str, str]:
        """State-dict prefixes of the parts that have weights from files of their own, and these files."""
        parts = {'vision_backbone': self.vision_backbone, 'language_model.lm': self.language_model}
        files = {prefix: getattr(part, 'pretrained', None) for prefix, part in parts.items()}
        return {prefix: file for prefix, file in files.items() if file}

    def rows_without_source(self) -> dict[str, int]:
        """Matrices in which the rows of the added tokens are in no file of the language model, and how many these are.

        They are the same in every run.
        """
        lm, rows = self.language_model.lm, self.language_model.num_new_rows
        matrices = (lm.get_input_embeddings().weight, lm.get_output_embeddings().weight)
        names = [name for name, value in self.named_parameters() if any(value is matrix for matrix in matrices)]
        return dict.fromkeys(names, rows) if rows else {}

    def translate_keys(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The keys of this model for a state dict of OpenFlamingo, OpenMMLab, or of this project.

        Raises:
            ValueError: The state dict was made with another vocabulary, or can't be translated.
        """
        translated = flamingo_state_dict(state_dict, self.language_model.layers_path)
        embedding = self.language_model.lm.get_input_embeddings().weight
        key = next(key for key, value in self.state_dict(keep_vars=True).items() if value is embedding)
        if key in translated and len(translated[key]) != len(self.tokenizer):
            raise ValueError(
                f'it has {len(translated[key])} embedding rows, but model.tokenizer has {len(self.tokenizer)} tokens with '
                'the added ones: set model.tokenizer and model.language_model to those that the checkpoint was trained with.'
            )
        return translated

    def forward(
        self,
        images: Tensor,
        num_media: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        data_samples: list | None = None,
        prompts: Sequence[Prompt] | None = None,
        media_keys: Sequence[Sequence[Hashable]] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | dict[str, Tensor] | list:
        """Runs the model on a batch of the data preprocessor.

        Args:
            images: (B, M, F, 3, H, W), uint8 as the data preprocessor gives them, or normalised.
            num_media: (B,), how many of a sample's M media are real.
            input_ids: (B, L), padded on the left for prediction, on the right for training.
            attention_mask: (B, L), 1 for text and 0 for padding.
            labels: (B, L), -100 where no loss counts; for mode 'loss'.
            data_samples: B samples; for mode 'predict', which writes predictions into them.
            prompts: The B prompts that `input_ids` hold; for mode 'predict'.
            media_keys: As in `encode_media`.
            mode: 'tensor' for logits (B, L, vocabulary), 'loss' for `{'loss': scalar}`, 'predict' for the data samples.

        Raises:
            ValueError: The mode is unknown, samples of several tasks or with and without choices are to be predicted at once, or
                choices can't be told apart.
        """
        if mode not in ('tensor', 'loss', 'predict'):
            raise ValueError(f"mode is {mode!r}, it must be 'tensor', 'loss' or 'predict'.")
        media = (images, num_media, media_keys)
        if mode == 'predict':
            return self._predict(media, input_ids, attention_mask, data_samples, prompts)
        if mode == 'tensor':
            return self.language_model(self.encode_media(*media), input_ids, attention_mask)
        targets = F.pad(labels[:, 1:], (0, 1), value=IGNORE_INDEX)
        counts = targets != IGNORE_INDEX
        logits = self.language_model(self.encode_media(*media), input_ids, attention_mask, where=counts)
        return {'loss': token_loss(logits.float(), targets[counts])}

    def encode_media(
        self, images: Tensor, num_media: Tensor, media_keys: Sequence[Sequence[Hashable]] | None = None
    ) -> Tensor:
        """Visual tokens of all media; the filling between them costs nothing and stays 0.

        Args:
            images: (B, M, F, 3, H, W), uint8 as the data preprocessor gives them, or normalised.
            num_media: (B,), how many of a sample's M media are real.
            media_keys: For each sample, keys of its real media, which are the same only for the same pixels. Without
                gradients, media of a key are then encoded once, and not at all if the cache has them; with them, this goes for a
                frozen backbone's features.

        Returns:
            Tensor: (B, M, K, D).
        """
        batch, most_media = images.shape[:2]
        is_real = torch.arange(most_media, device=images.device) < num_media[:, None]
        places = is_real.flatten().nonzero().flatten()  # of the real media among all B * M
        media = images.flatten(0, 1)
        keys = None if media_keys is None else list(chain.from_iterable(media_keys))
        if keys is None or torch.is_grad_enabled() or self.training:
            tokens = self._encode(media[places], keys)
        else:
            tokens = self.media_cache.collect(keys, lambda numbers: self._encode(media[places[numbers]]))
        visual_tokens = tokens.new_zeros(batch * most_media, *tokens.shape[1:])
        visual_tokens[places] = tokens
        return visual_tokens.unflatten(0, (batch, most_media))

    def _encode(self, media: Tensor, keys: Sequence[Hashable] | None = None) -> Tensor:
        """Visual tokens (N, K, D) of media (N, F, 3, H, W), which may have N keys."""
        most = max(1, FRAMES_PER_PASS // media.shape[1])
        if not torch.is_grad_enabled() and len(media) > most:
            return torch.cat([self._encode(part) for part in media.split(most)])
        if media.dtype == torch.uint8:
            media = self.data_preprocessor.normalise(media)
        media = media.to(next(self.vision_backbone.parameters()).dtype)
        return self.resampler(self._features(media, keys)[None])[0]

    def _features(self, media: Tensor, keys: Sequence[Hashable] | None) -> Tensor:
        """Patch features (N, F, V, D) of media (N, F, 3, H, W)."""

        def see(numbers: list[int] | slice) -> Tensor:
            return self.vision_backbone(media[numbers].flatten(0, 1)).unflatten(0, (-1, media.shape[1]))

        frozen = self._is_frozen(self.vision_backbone)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            if keys is None or not frozen or not self.feature_cache.kept.max_bytes:
                return see(slice(None))
            return self.feature_cache.collect(keys, see)

    @torch.no_grad()
    def _predict(
        self, media: tuple, input_ids: Tensor, attention_mask: Tensor, data_samples: list, prompts: Sequence[Prompt]
    ) -> list:
        template = template_of(data_samples, self.prompts)
        visual_tokens = self.encode_media(*media)
        if data_samples[0].get('choices') is None:
            ids = generate(
                self.language_model,
                visual_tokens,
                input_ids,
                attention_mask,
                stop_token_ids=[self.tokenizer.end_of_chunk_token_id],
                pad_token_id=self.tokenizer.pad_token_id,
                settings=template.generation,
                sample_ids=[sample.get('sample_id') for sample in data_samples],
                banned_token_ids=self.tokenizer.unwritable_token_ids,
            )
            note_texts(data_samples, self.tokenizer.decode(ids), template)
            return data_samples
        # A picture of the pixels' mean is 0 after normalisation.
        grey = torch.zeros_like(media[0][:1, :1], dtype=torch.float32)
        grey_tokens = self.encode_media(grey, media[1].new_ones(1), [[('grey', *grey.shape)]])[0, 0]
        prompted = (visual_tokens, grey_tokens, prompts, data_samples)
        scores = score_choices(self.language_model, self.tokenizer, *prompted, template)
        note_choices(data_samples, scores, template)
        return data_samples

    def _is_frozen(self, module: nn.Module) -> bool:
        return any(module is frozen for frozen in self._frozen)
