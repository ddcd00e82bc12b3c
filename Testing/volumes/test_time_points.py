"""Which volume is the earlier one, and which contrast it has, by tags and names."""
import numpy as np
import pytest

from FusionINNLib.volumes.time_points import contrast_of, is_earlier
from FusionINNLib.volumes.volume import Volume


def named(name: str, *folders: str, **tags: str) -> Volume:
    return Volume(np.zeros((1, 1, 1)), np.eye(4), name, identity={"file": name, "folders": folders, **tags})


@pytest.mark.parametrize("earlier, later", [
    (named("flair_preop.nii.gz"), named("flair_postop.nii.gz")), (named("FLAIR pre-op"), named("FLAIR")),
    (named("FLAIR"), named("FLAIR post-operative")), (named("flair_baseline"), named("flair_followup_1")),
    (named("flair_fu1"), named("flair_fu12")), (named("FLAIR.nii.gz", "week-004"), named("FLAIR.nii.gz", "week-012")),
    (named("FLAIR.nii.gz", "week-000-1"), named("FLAIR.nii.gz", "week-000-2")),
    (named("sub-1_ses-2_flair"), named("sub-1_ses-10_flair")), (named("flair_2019-05-01"), named("flair_20200301")),
    (named("x", study_date="20200101"), named("x", study_date="20200102")),
    (named("flair.nii", "ses-preop", "sub-1"), named("flair.nii", "ses-postop", "sub-1"))])
def test_the_earlier_one_is_told(earlier, later):
    assert is_earlier(earlier, later) is True and is_earlier(later, earlier) is False


@pytest.mark.parametrize("a, b", [
    (named("flair"), named("flair_1")), (named("t1_pre.nii"), named("t1_post.nii")), (named("flair_week1"), named("flair_visit2")),
    (named("003_FLAIR"), named("007_FLAIR")), (named("flair_20200101"), named("flair_20200101"))])
def test_where_nothing_tells_nothing_is_said(a, b):
    assert is_earlier(a, b) is None and is_earlier(b, a) is None


@pytest.mark.parametrize("name, contrast", [
    ("ADC", "ADC"), ("4: ep2d_diff_ADC", "ADC"), ("t1ce", "T1Gd"), ("T1 post contrast", "T1Gd"), ("t1_postop", "T1"), ("t1_post", "T1Gd"),
    ("T2 FLAIR", "FLAIR"), ("BraTS-1-t2f", "FLAIR"), ("t2_flair_tra_dark-fluid", "FLAIR"), ("t2w", "T2"), ("adcock", None),
    ("MRHead", None), ("FLAIR post-op", "FLAIR")])
def test_the_contrast_is_read_from_a_name(name, contrast):
    assert contrast_of(name) == contrast
