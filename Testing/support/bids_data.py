"""A small made-up BIDS data set."""
import json
from pathlib import Path

from making import head, volume

from FusionINNLib.volumes.io import write_nifti


def write_dataset(folder: Path, subjects: int = 3, sessions: tuple[str, ...] = ()) -> Path:
    """Subjects 01, 02, ... with T1w, T1w with contrast, and FLAIR."""
    folder.mkdir(parents=True)
    description = {"Name": "made up", "BIDSVersion": "1.9.0", "DatasetType": "raw", "Authors": ["nobody"], "License": "CC0"}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    (folder / "README").write_text("Made by code; no patient has part in it.\n" * 5)
    for number in range(subjects):
        for session in sessions or ("",):
            sub = f"sub-{number + 1:02d}"
            anat, stem = folder / sub / "anat", sub
            if session:
                anat, stem = folder / sub / f"ses-{session}" / "anat", f"{sub}_ses-{session}"
            anat.mkdir(parents=True)
            for n, name in enumerate(("T1w", "ce-gd_T1w", "FLAIR")):
                write_nifti(volume(head(seed=10 * number + n)), anat / f"{stem}_{name}.nii.gz")
    return folder
