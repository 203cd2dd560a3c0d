"""What a batch of samples gets for a prediction: a text that the model writes, or the likeliest of its choices."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from mmflamingo.prompts import PromptTemplate


def template_of(samples: Sequence, templates: Mapping[str, PromptTemplate]) -> PromptTemplate:
    """The template of a batch's task.

    Raises:
        ValueError: The samples have several tasks, or only some of them have choices.
    """
    tasks = {sample.get('task') for sample in samples}
    if len(tasks) > 1:
        raise ValueError(f'A batch to predict has the tasks {sorted(tasks)}; predict one task at a time.')
    if len({sample.get('choices') is None for sample in samples}) > 1:
        raise ValueError('A batch to predict has samples with and without `choices`; predict them apart.')
    return templates[tasks.pop()]


def note_texts(samples: Sequence, texts: Sequence[str], template: PromptTemplate) -> None:
    """Notes what was written in each sample."""
    for sample, text in zip(samples, texts, strict=True):
        sample.pred_text = text
        setattr(sample, f'pred_{template.output}', template.parse(text))


def note_choices(samples: Sequence, scores: Sequence[Tensor], template: PromptTemplate) -> None:
    """Notes the scores (C,) of each sample's C choices, and the likeliest of them."""
    for sample, own in zip(samples, scores, strict=True):
        sample.choice_scores = own.tolist()
        sample.pred_choice = int(own.argmax())
        sample.pred_text = sample.choices[sample.pred_choice]
        setattr(sample, f'pred_{template.output}', sample.pred_text)
