"""The data sample: every field that travels with the pixels of one query, named."""

from collections.abc import Collection, Mapping
from typing import Any

from mmengine.structures import BaseDataElement


class FlamingoDataSample(BaseDataElement):
    """All that is known about one query except its pixels.

    Fields are attributes (`sample.question`), `sample.get('question')` answers None for an absent
    one, and `sample.to_dict()` is what metrics receive. Absent fields are absent, never empty
    placeholders.

    Meta information (where the sample comes from):
        task (str): 'caption' or 'vqa'; the name of the prompt template.
        sample_id (int | str): Unique in the dataset: image id of captions, question id of VQA.
        image_id (int | str): The query's image.
        img_path (str | list[str]): Images in the order of the pixels: shots first, the query last.
        ori_shape, img_shape (tuple[int, int]): Height and width before and after the transforms, if
            kept.
        bad_images (list[str]): Files that couldn't be read and were replaced by a grey picture.

    Data (what goes into prompts and scores):
        shots (list[dict]): Examples in the order of the prompt, each with `sample_id`, `image_id`,
            `img_path` (None: text only) and either `caption` or `question` and `answer`.
        gt_caption (list[str]): All references of a caption sample.
        question (str), gt_answer (list[str]): A VQA sample; no answers on a test split.
        majority_answer, answer_type, question_type (str | None): As the annotation file says.
        choices (list[str]): Texts to rank, for a close-ended sample; nothing is generated.
        gt_choice (int): Number of the right one.
        output (str): The text to learn; in training records only.

    Predictions:
        dropped_shots (int): How many shots were left out on the left, if the prompt was too long with them.
        pred_text (str): Generated text as it is.
        pred_caption (str) or pred_answer (str): The same, parsed by the prompt template.
        choice_scores (list[float]), pred_choice (int): Of a close-ended sample, how likely each
            choice is (see `prompts.Ranking`), and the number of the likeliest one.
    """

    @classmethod
    def from_record(cls, record: Mapping[str, Any], meta_keys: Collection[str] = ()) -> 'FlamingoDataSample':
        """Make a data sample of a record.

        Args:
            record: Fields by name, without pixels.
            meta_keys: Those of them that are meta information; all others become data.
        """
        sample = cls()
        for name, value in record.items():
            field_type = 'metainfo' if name in meta_keys else 'data'
            sample.set_field(value, name, field_type=field_type)
        return sample
