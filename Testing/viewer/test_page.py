"""The page in a browser: what a user does from the first file to the download."""
import io
import json
import shutil
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
from browsing import VIEWS, Visit, amber, filled, violet
from cases import pictures
from dicom_making import save, slices
from pydicom import dcmread

from FusionINNLib.cli.__main__ import main

INPUTS, ALL = ("first", "second"), set(VIEWS)


def test_from_files_to_download(serve, browser, files, tmp_path, tiny_model):
    """Load, fuse, watch, cancel, fuse again, decompose both ways, numbers, download; the command line takes what was downloaded."""
    visit = Visit(browser, serve())
    visit.wait_until_idle()
    assert "made by code" in visit.state("said") and filled(visit) == set(INPUTS)
    for slot, path in files.items():
        visit.choose(slot, path)
        assert visit.state("inputs")[slot]["name"] == path.name
    assert visit.page.get_by_role("button", name="Decompose").is_disabled()

    visit.click_and_cancel("fuse")
    assert visit.state("said") == "Stopped: nothing was changed."
    assert filled(visit) == set(INPUTS)

    visit.click("Fuse")
    visit.page.wait_for_function("() => window.trame.state.get('step_text').startsWith('Fusing slice')")
    visit.wait_until_idle()
    assert visit.state("said") == "Fused adc and flair."
    assert filled(visit) == {*INPUTS, "fused"}
    assert "one grid; nothing was moved" in visit.page.locator("#moved").inner_text()

    assert visit.do("Decompose") == "Decomposed exactly, with the saved latent image."
    assert filled(visit) == ALL and not any(about["estimated"] for about in visit.state("views").values())
    assert visit.page.get_by_text("Identical in every voxel.").is_visible()
    assert all(amber(visit.picture(view)) == 0 for view in VIEWS)

    visit.page.get_by_label("Estimated").check()
    visit.page.get_by_text("Latents").click()
    visit.page.get_by_label("Number drawn").fill("64")
    visit.click("Decompose")
    visit.page.wait_for_function("() => window.trame.state.get('progress') > 0")
    assert visit.page.locator("#step").inner_text().startswith("Estimating slice")
    visit.page.get_by_role("button", name="Cancel").click()
    visit.wait_until_idle()
    assert visit.state("said") == "Stopped: nothing was changed."
    assert filled(visit) == {*INPUTS, "fused"}
    visit.page.get_by_label("Number drawn").fill("2")
    assert "ESTIMATED" in visit.do("Decompose")
    guessed = {view for view, about in visit.state("views").items() if about["estimated"]}
    assert guessed == {"decomposedFirst", "decomposedSecond", "difference"}
    visit.page.wait_for_timeout(500)  # for the last picture
    assert {view for view in VIEWS if amber(visit.picture(view)) > 20} == guessed
    assert all("ESTIMATED" in visit.page.locator(f"#view-{view}").get_attribute("aria-label") for view in guessed)
    assert not visit.page.get_by_text("Identical in every voxel.").is_visible()
    check_interval(visit)

    assert visit.do("Numbers") == "The numbers are computed."
    table = visit.page.get_by_role("complementary", name="Numbers").inner_text()
    assert "Q SSIM" in table and "10 mm margin" in table and "spread, mean" in table

    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download", exact=True).click()
    with visit.page.expect_download() as series:
        visit.page.get_by_role("button", name="Download as DICOM").click()
    assert visit.complaints == []
    own = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
    assert visit.requests and [address for address in visit.requests if not address.startswith(own)] == [], "nobody else is asked"
    download.value.save_as(tmp_path / "result.zip")
    series.value.save_as(tmp_path / "series.zip")
    check_series(tmp_path / "series.zip", tmp_path / "series")
    visit.page.close()
    check_download(tmp_path / "result.zip", files, tmp_path, tiny_model)


def check_interval(visit: Visit) -> None:
    """Violet with a legend over both estimates once it is wanted, nothing of it over exact sources, whose tool tip says why."""
    below, box = ("decomposedFirst", "decomposedSecond"), visit.page.get_by_label("90 % interval", exact=True)
    plain = {view: visit.picture(view) for view in below}
    assert not box.is_checked()
    box.check()
    visit.wait_for_pictures(plain)
    assert all(violet(visit.picture(view)) > violet(plain[view]) + 200 for view in below)
    assert "below its 90 % interval" in visit.page.locator("#view-decomposedFirst").get_attribute("aria-label")
    visit.page.get_by_label("Exact").check()
    visit.page.get_by_title("Exact sources have no interval").wait_for()
    assert box.is_disabled() and not box.is_checked()
    visit.page.get_by_label("Estimated").check()
    visit.page.get_by_title("How sure the estimate is").wait_for()
    assert box.is_checked()
    box.uncheck()
    for view in below:
        visit.wait_for_picture(view, plain[view])


def check_series(path: Path, folder: Path) -> None:
    """Every image of both ways back as a series that another reader reads, estimates called so, nobody's name in it."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    series = {one.name: sorted(one.iterdir()) for one in (folder / "fusioninn-dicom").iterdir()}
    assert set(series) == {"fused", "first_exact", "second_exact", "first_estimated", "second_estimated", "first_spread", "second_spread",
                           "cycle_error"}
    for name, files in series.items():
        header = dcmread(files[0], stop_before_pixels=True)
        assert len(files) == 24 and header.PatientName == "Anonymous"
        assert ("ESTIMATED" in header.SeriesDescription) == (name.split("_")[-1] in ("estimated", "spread", "error"))


def check_download(path: Path, files: dict[str, Path], tmp_path: Path, model: str) -> None:
    """The zip holds what `fusioninn fuse` writes, and more; `fusioninn decompose` gives the sources back from it."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "zip")
    folder = tmp_path / "zip/fusioninn-result"
    assert main(["fuse", str(files["first"]), str(files["second"]), "--out", str(tmp_path / "fused"), "--model", model,
                 "--device", "cpu"]) == 0
    for name in ("fused.nii.gz", "latent.nii.gz"):
        assert (folder / name).read_bytes() == (tmp_path / "fused" / name).read_bytes()
    ours, theirs = (json.loads((one / "fusion.json").read_text()) for one in (folder, tmp_path / "fused"))
    assert ours == theirs
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")
    assert main(["decompose", str(folder), "--out", str(tmp_path / "back"), "--model", model, "--device", "cpu"]) == 0
    for name, slot in (("first_exact", "first"), ("second_exact", "second")):
        back = nib.load(tmp_path / f"back/{name}.nii.gz")
        assert (np.asanyarray(back.dataobj) == np.asanyarray(nib.load(files[slot]).dataobj)).all()


def test_a_bad_file_is_refused_in_the_command_lines_words(visit, tmp_path, capsys, files):
    bad = tmp_path / "broken.nii.gz"
    bad.write_bytes(b"this is no image")
    visit.choose("first", bad)
    assert main(["fuse", str(bad), str(files["second"]), "--out", str(tmp_path / "out")]) == 2
    assert visit.page.get_by_role("alert").inner_text() == capsys.readouterr().err.strip().removeprefix("fusioninn: ")
    assert visit.state("inputs")["first"]["name"] == "adc.nii.gz"  # what was there stays
    assert visit.page.get_by_role("button", name="Fuse", exact=True).is_enabled()
    picture = pictures(tmp_path)["first"]
    visit.choose("segmentation", picture)
    visit.page.get_by_role("alert").get_by_text(f"{picture.name}: a picture cannot be a segmentation").wait_for()


def test_a_fusion_that_is_nowhere_else_ends_only_when_asked(visit, files, tmp_path):
    """Another volume takes its place: who says no keeps it; once it was downloaded, or for outlines, nobody is asked."""
    page, asked, answers = visit.page, [], []

    def answer(dialog):
        asked.append(dialog.message)
        (dialog.accept if answers.pop() else dialog.dismiss)()

    page.on("dialog", answer)
    other = tmp_path / "other.nii.gz"
    nib.save(nib.Nifti1Image(nib.load(files["first"]).get_fdata() + 1, nib.load(files["first"]).affine), other)
    visit.do("Fuse")
    answers.append(False)
    page.set_input_files("#file-first", str(other))
    page.wait_for_timeout(500)
    assert len(asked) == 1 and "not downloaded" in asked[0]
    assert visit.state("inputs")["first"]["name"] == "adc.nii.gz" and filled(visit) == {*INPUTS, "fused"}
    visit.choose("segmentation", files["segmentation"])
    answers.append(True)
    visit.choose("first", other)
    assert len(asked) == 2 and filled(visit) == set(INPUTS)
    visit.do("Fuse")
    with page.expect_download():
        page.get_by_role("button", name="Download", exact=True).click()
    visit.wait_until_idle()
    visit.choose("first", files["first"])
    assert len(asked) == 2 and filled(visit) == set(INPUTS)


def test_dropped_files(visit, files):
    """A file that is dropped on a place is loaded there; elsewhere the page says where to drop it, and stays."""
    page = visit.page
    drop = """([selector, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([window.dropped], name));
        document.querySelector(selector).dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: data}));
    }"""
    page.evaluate("numbers => { window.dropped = new Uint8Array(numbers) }", list(files["second"].read_bytes()))
    page.evaluate(drop, [".slot[data-slot=first]", "again.nii.gz"])
    page.wait_for_function("() => window.trame.state.get('inputs').first.name === 'again.nii.gz'")
    page.evaluate(drop, [".grid", "elsewhere.nii.gz"])
    page.wait_for_function("() => window.trame.state.get('problem').startsWith('Drop the file on')")


def test_one_of_several_series_is_chosen_on_the_page(visit, tmp_path):
    page = visit.page
    several = [one for n, name in enumerate(("localizer", "T2"))
               for one in slices((np.arange(6 * 20 * 24).reshape(6, 20, 24) % 89 + 100 * n).astype(np.int16), series=name)]
    page.set_input_files("#file-first", sorted(save(several, tmp_path / "dicom").iterdir()))
    page.get_by_role("group", name="Which one").get_by_text("T2, 6 files").click()
    page.wait_for_function("() => window.trame.state.get('inputs').first.name === 'T2'")
    assert not page.get_by_role("group", name="Which one").is_visible() and visit.state("problem") == ""


def test_a_long_name_leaves_the_letter_at_the_top_alone(visit, files, tmp_path):
    """The middle of the name goes, and the tool tip has the whole one; where there is room it is whole."""
    page, name = visit.page, "patient_0123456789_visit_2_motion_corrected_adc"
    page.set_viewport_size({"width": 1000, "height": 700})
    title = page.locator("#view-first .title")
    page.mouse.move(*_middle(title))
    assert page.locator("#view-first").get_attribute("title") in (None, "")
    visit.choose("first", Path(shutil.copy(files["first"], tmp_path / f"{name}.nii.gz")))
    page.wait_for_function("name => document.querySelector('#view-first .title').dataset.full === 'First: ' + name", arg=name)
    box, letter = title.bounding_box(), page.locator("#view-first .edge.top").bounding_box()
    assert box["x"] + box["width"] < letter["x"] and box["height"] < 25
    assert page.locator("#view-first .end").is_visible() and page.locator("#view-first .end").inner_text() == name[-8:]
    page.mouse.move(*_middle(title))
    page.mouse.move(*(n + 1 for n in _middle(title)))
    assert page.locator("#view-first").get_attribute("title") == f"First: {name}"
    page.mouse.move(letter["x"], letter["y"] + 100)
    assert page.locator("#view-first").get_attribute("title") == ""


def _middle(element) -> tuple[float, float]:
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_result_folder(serve, browser, files, tmp_path, tiny_model):
    """Opened beside its sources it is compared with them."""
    out = tmp_path / "fused"
    assert main(["fuse", str(files["first"]), str(files["second"]), "--out", str(out), "--model", tiny_model, "--device", "cpu"]) == 0
    visit = Visit(browser, serve(files["first"], files["second"], out))
    visit.page.wait_for_function("() => window.trame.state.get('said').startsWith('Loaded the result')")
    assert filled(visit) == {*INPUTS, "fused"}
    visit.do("Decompose")
    assert visit.page.get_by_text("Identical in every voxel.").is_visible()
    assert not visit.state("unkept")  # it is a folder already
    visit.page.close()


def test_a_method_that_only_fuses_has_no_way_back_on_the_page(visit, tmp_path):
    """The upper views alone, no choice of a way back, and the reason; with the network everything is there again."""
    page = visit.page
    page.get_by_label("Method", exact=True).select_option("average")
    page.wait_for_function("() => window.trame.state.get('about_method').includes('only fuses')")
    assert visit.do("Fuse") == "Fused adc and flair."
    assert filled(visit) == {*INPUTS, "fused"}
    assert "only fuses" in page.locator("#only-fuses").inner_text()
    assert page.locator(".ways").count() == 0 and page.get_by_role("button", name="Decompose").is_disabled()
    assert page.locator("#view-fused").is_visible() and not page.locator("#view-difference").is_visible()
    page.screenshot(path=str(tmp_path / "only_fuses.png"))
    page.get_by_label("Method", exact=True).select_option("fusioninn")
    visit.do("Fuse")
    assert page.locator(".ways").count() == 1 and page.locator("#view-difference").is_visible()
    assert visit.do("Decompose") == "Decomposed exactly, with the saved latent image."
    page.wait_for_function("() => window.trame.state.get('views').difference.identical")


def test_the_patient_is_in_the_dicom_series_where_that_is_ticked(visit, tmp_path):
    """Not before two volumes are fused of which one came as a DICOM series; another volume unticks it."""
    page, box = visit.page, visit.page.get_by_label("with the patient's name")
    assert box.is_disabled()
    paths = {}
    for n, slot in enumerate(("first", "second")):
        series = slices((np.arange(6 * 20 * 24).reshape(6, 20, 24) % (89 - 20 * n)).astype(np.int16), series=slot)
        paths[slot] = sorted(save(series, tmp_path / slot).iterdir())
        page.set_input_files(f"#file-{slot}", paths[slot])
        page.wait_for_function("slot => window.trame.state.get('inputs')[slot].name === slot", arg=slot)
    page.select_option("#fusion_method", "average")
    page.locator("#fuse").click()
    page.wait_for_function("() => window.trame.state.get('why').named === ''")
    for ticked in (False, True):
        if ticked:
            box.check()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as DICOM").click()
        visit.wait_until_idle()
        with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
            names = {str(dcmread(io.BytesIO(archive.read(name))).PatientName) for name in archive.namelist() if name.endswith(".dcm")}
        assert names == {"Made^Up" if ticked else "Anonymous"} and ("name the patient" in visit.state("said")) == ticked
    assert box.is_checked()
    page.once("dialog", lambda dialog: dialog.accept())
    page.set_input_files("#file-first", paths["first"][1:])
    page.wait_for_function("() => !window.trame.state.get('named')")
    assert not box.is_checked()
