"""Contrastive pretraining of a vision encoder, with an optional captioning loss on its patch features."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import nn

from ...registry import MODELS, TOKENIZERS


@MODELS.register_module()
class PictureDataPreprocessor(BaseDataPreprocessor):
    """Normalises pictures of equal size, one a sample.

    Args:
        mean: Mean of the red, green and blue channel, for pixels of 0 to 255.
        std: Standard deviation likewise.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """`inputs`, B uint8 BGR tensors (1, 1, 3, H, W), become (B, 3, H, W), normalised RGB."""
        pixels = torch.stack(self.cast_data(data['inputs']))[:, 0, 0].flip(1).float()
        return {'inputs': (pixels - self.mean) / self.std, 'data_samples': data['data_samples']}


@MODELS.register_module()
class CLIPPretraining(BaseModel):
    """CLIP or CoCa: pictures and their captions meet in one space; with CoCa the captions are also written from patches.

    Sources: CLIP (https://arxiv.org/abs/2103.00020, figure 3), CoCa (https://arxiv.org/abs/2205.01917, section 3.2).
    The losses are open_clip's ClipLoss and CoCaLoss.

    The text tower reads a caption causally; its state at the last token is the caption's embedding. With
    `caption_loss_weight > 0` further layers attend to the pooled patch features and predict each next token.

    Args:
        vision_backbone: Config of the encoder to train; (N, 3, H, W) -> (N, V, D).
        tokenizer: Config of the tokenizer of the captions.
        resampler: Config of the attentional pooler of the captioning loss, a PerceiverResampler that Flamingo can
            start from; `dim` is the encoder's width. None: the captioning layers attend to all patches.
        embed_dims: Width of the text tower and of the shared space.
        text_depth: Layers of the text tower.
        decoder_depth: Layers that see patches, for the captioning loss.
        heads: Attention heads of both.
        caption_loss_weight: Weight of the captioning loss; 0 is plain CLIP.
        max_length: Captions are cut to so many tokens.
        data_preprocessor: As in mmengine, gives `inputs` (B, 3, H, W), normalised.
    """

    def __init__(
        self,
        vision_backbone: dict,
        tokenizer: dict,
        resampler: dict | None = None,
        embed_dims: int = 192,
        text_depth: int = 2,
        decoder_depth: int = 2,
        heads: int = 3,
        caption_loss_weight: float = 0.0,
        max_length: int = 64,
        data_preprocessor: dict | None = None,
    ):
        super().__init__(data_preprocessor=data_preprocessor)
        from open_clip.loss import ClipLoss, CoCaLoss  # only training needs it, and its import is slow

        self.vision_backbone = MODELS.build(vision_backbone)
        dim = self.vision_backbone.embed_dims
        self.resampler = MODELS.build({**resampler, 'dim': dim}) if resampler else None
        self.tokenizer = TOKENIZERS.build(tokenizer).hf
        self.max_length = max_length
        self.token_embedding = nn.Embedding(len(self.tokenizer), embed_dims)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        self.position_embedding = nn.Parameter(torch.randn(max_length, embed_dims) * 0.02)
        self.text_layers = nn.ModuleList(
            _layer(nn.TransformerEncoderLayer, embed_dims, heads) for _ in range(text_depth)
        )
        self.text_norm = nn.LayerNorm(embed_dims)
        self.image_norm = nn.LayerNorm(dim)
        self.image_projection = nn.Linear(dim, embed_dims, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.6593))  # log(1 / 0.07)
        self.decoder_layers = nn.ModuleList()
        self.contrastive_loss = ClipLoss()
        if caption_loss_weight:
            self.decoder_layers.extend(
                _layer(nn.TransformerDecoderLayer, embed_dims, heads) for _ in range(decoder_depth)
            )
            self.decoder_norm = nn.LayerNorm(embed_dims)
            self.contrastive_loss = CoCaLoss(
                caption_loss_weight=caption_loss_weight, clip_loss_weight=1.0, pad_id=self.tokenizer.pad_token_id
            )

    def forward(self, inputs: torch.Tensor, data_samples: list, mode: str = 'tensor'):
        """Losses of a batch.

        Args:
            inputs: (B, 3, H, W) normalised pictures.
            data_samples: B samples with `output`, one caption each.
            mode: 'loss' for the losses; 'tensor' for image and text embeddings (B, D), of unit length; 'predict' for
                each sample's rank of its own caption among the batch's (0 is best).
        """
        ids = self._tokenize([sample.output for sample in data_samples]).to(inputs.device)
        features = self.vision_backbone(inputs)
        patches = self.image_norm(features)
        states = self._read(ids)
        last = (ids != self.tokenizer.pad_token_id).sum(1) - 1
        image = F.normalize(self.image_projection(patches.mean(1)), dim=-1)
        text = F.normalize(self.text_norm(states[torch.arange(len(ids)), last]), dim=-1)
        if mode == 'tensor':
            return image, text
        if mode == 'predict':
            similarity = image @ text.T
            return (similarity > similarity.diag()[:, None]).sum(1).tolist()
        if not self.decoder_layers:
            return {'loss': self.contrastive_loss(image, text, self.logit_scale.exp())}
        pooled = self.resampler(features[:, None, None])[:, 0] if self.resampler else patches
        logits = self._write(states, self.image_projection(pooled))
        clip_loss, caption_loss = self.contrastive_loss(
            image, text, logits[:, :-1].float(), ids[:, 1:], self.logit_scale.exp()
        )
        return {'clip_loss': clip_loss, 'caption_loss': caption_loss}

    def _tokenize(self, captions: list[str]) -> torch.Tensor:
        """(B, L) ids, padded on the right, each with an end token so that the last state has read all of it."""
        texts = [caption + self.tokenizer.eos_token for caption in captions]
        encoded = self.tokenizer(
            texts, padding=True, padding_side='right', truncation=True, max_length=self.max_length, return_tensors='pt'
        )
        return encoded.input_ids

    def _read(self, ids: torch.Tensor) -> torch.Tensor:
        states = self.token_embedding(ids) + self.position_embedding[: ids.shape[1]]
        for layer in self.text_layers:
            states = layer(states, src_mask=_causal_mask(ids), is_causal=True)
        return states

    def _write(self, states: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
        for layer in self.decoder_layers:
            mask = _causal_mask(states[..., 0])
            states = layer(states, pooled, tgt_mask=mask, tgt_is_causal=True)
        return self.decoder_norm(states) @ self.token_embedding.weight.T


def _layer(kind: type[nn.Module], width: int, heads: int) -> nn.Module:
    return kind(width, heads, 4 * width, dropout=0.0, activation='gelu', batch_first=True, norm_first=True)


def _causal_mask(ids: torch.Tensor) -> torch.Tensor:
    return nn.Transformer.generate_square_subsequent_mask(ids.shape[1], device=ids.device)
