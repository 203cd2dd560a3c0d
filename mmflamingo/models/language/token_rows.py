"""A few trainable rows in a token embedding that is otherwise frozen."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class TrainableTokenRows(nn.Module):
    """Embeddings of some tokens that train while the language model stays as it is.

    The reference systems train the whole embedding matrix with gradients masked to these rows;
    weight decay and optimiser states then still touch all of it. Here the rows are a parameter of
    their own, put in place of the language model's rows. With tied embeddings they also give these
    tokens' logits.

    Args:
        lm: The language model; its rows are the start values.
        token_ids: Ids of the tokens.
        by_logits_only: No gradient comes from where the tokens are read, only from where they are
            predicted: the backward pass can end above the language model's first layers.

    Raises:
        ValueError: The language model computes more than a look-up in its embedding, which rows
            can't replace, or nothing would train the rows.
    """

    def __init__(self, lm: PreTrainedModel, token_ids: Sequence[int], by_logits_only: bool = False) -> None:
        super().__init__()
        embedding, head = lm.get_input_embeddings(), lm.get_output_embeddings()
        if type(embedding) is not nn.Embedding:
            raise ValueError(
                f'model.train_token_embeddings needs a plain embedding, {type(lm).__name__} has a '
                f'{type(embedding).__name__}: set it to False.'
            )
        if by_logits_only and head.weight is not embedding.weight:
            raise ValueError(
                f"model.train_token_embeddings='logits' needs one matrix for embeddings and logits, {type(lm).__name__} "
                'has two: set it to True.'
            )
        self.token_ids = tuple(token_ids)
        self.by_logits_only = by_logits_only
        self.weight = nn.Parameter(embedding.weight[list(token_ids)].detach().clone())
        embedding.register_forward_hook(self._replace_embeddings)
        if head.weight is embedding.weight:
            head.register_forward_hook(self._replace_logits)

    def _replace_embeddings(self, module: nn.Module, args: tuple[Tensor], embeddings: Tensor) -> Tensor:
        (input_ids,) = args
        rows = (self.weight.detach() if self.by_logits_only else self.weight).to(embeddings.device)
        input_ids = input_ids.to(embeddings.device)
        for token_id, row in zip(self.token_ids, rows, strict=True):
            embeddings = torch.where((input_ids == token_id)[..., None], row, embeddings)
        return embeddings

    def _replace_logits(self, module: nn.Module, args: tuple[Tensor], logits: Tensor) -> Tensor:
        (states,) = args
        token_ids = torch.tensor(self.token_ids, device=logits.device)
        states, rows = states.to(logits.device), self.weight.to(logits.device)
        return logits.index_copy(-1, token_ids, (states @ rows.T).to(logits.dtype))
