# VQAv2 as OpenFlamingo v2 measures it: supports come from train, each with the answer of one annotator; 0 shots are two
# examples without pictures. Queries are 5000 of val, where scores can be had. The published ones are of test-dev: put
# vqav2_test-dev.py in the place of this file, with the last two keys.
_base_ = ['./vqav2.py']

test_dataloader = dict(
    dataset=dict(
        support_question_file='annotations/v2_OpenEnded_mscoco_train2014_questions.json',
        support_ann_file='annotations/v2_mscoco_train2014_annotations.json',
        support_data_prefix=dict(img_path='train2014'),
        answer_policy='sample',
        zero_shot_text_only=2,
    ),
)

how_to_get_data = {
    'data/coco/annotations/v2_OpenEnded_mscoco_train2014_questions.json': 'unpack '
    'https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa/v2_Questions_Train_mscoco.zip in data/coco/annotations',
    'data/coco/annotations/v2_mscoco_train2014_annotations.json': 'unpack '
    'https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa/v2_Annotations_Train_mscoco.zip in data/coco/annotations',
    'data/coco/train2014': 'unpack http://images.cocodataset.org/zips/train2014.zip in data/coco',
}
