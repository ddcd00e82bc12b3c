"""A pair of pictures, one of them in colour, in a browser: from the upload to the download."""
import io
import zipfile

import nibabel as nib
import numpy as np
from browsing import Visit, amber, filled
from cases import pictures
from PIL import Image


def tint(picture: np.ndarray) -> int:
    """Pixels in the middle of a view, clear of the words at its edges, that are not grey."""
    height, width = picture.shape[0], picture.shape[1]
    middle = picture[height // 5:-height // 5, width // 5:-width // 5].astype(int)
    return int((np.ptp(middle, axis=-1) > 40).sum())


def test_from_pictures_in_colour_to_the_download(serve, browser, files, tmp_path):
    paths = pictures(tmp_path)
    visit = Visit(browser, serve(files["first"], files["second"]))
    for slot, path in paths.items():
        visit.choose(slot, path)
        assert "a picture has no place in the patient" in visit.state("said"), visit.state("problem")
    assert "in colour" in visit.page.locator(".slot[data-slot=second]").inner_text()
    assert visit.do("Fuse") == "Fused mr and pet, in the colours of pet."
    assert filled(visit) == {"first", "second", "fused"} and visit.page.get_by_role("button", name="Coronal").is_disabled()
    assert visit.do("Decompose").endswith("pet is in its own colours again.")
    assert visit.page.get_by_text("Identical in every voxel.").is_visible()
    visit.page.wait_for_timeout(1000)  # for the last picture
    is_tinted = {view: tint(visit.picture(view)) > 200 for view in ("first", "second", "fused", "decomposedFirst", "decomposedSecond")}
    assert is_tinted == {"first": False, "second": True, "fused": True, "decomposedFirst": False, "decomposedSecond": True}
    np.testing.assert_array_equal(visit.picture("decomposedSecond"), visit.picture("second"))

    visit.page.get_by_label("Estimated").check()
    assert "only its luminance is estimated" in visit.do("Decompose")
    visit.page.wait_for_timeout(1000)
    estimated = visit.picture("decomposedSecond")
    assert tint(estimated) > 200 and amber(estimated) > 20
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download", exact=True).click()
    visit.wait_until_idle()
    assert visit.complaints == []
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        archive.extractall(tmp_path / "zip")
    visit.page.close()
    folder = tmp_path / "zip/fusioninn-result"
    assert {"fused_color.nii.gz", "chroma.nii.gz", "second_estimated_color.nii.gz"} <= {path.name for path in folder.iterdir()}
    stored = np.asarray(nib.load(folder / "second_exact_color.nii.gz").dataobj)
    back = np.stack([stored[channel] for channel in "RGB"], -1).transpose(2, 1, 0, 3)[0]
    np.testing.assert_array_equal(back, np.asarray(Image.open(paths["second"])))
