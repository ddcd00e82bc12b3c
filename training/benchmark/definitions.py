"""What the page of the benchmark says in words: definitions, data, terms."""
from FusionINNLib.metrics.definitions import WORDS
from FusionINNLib.volumes.foreground import LEVEL
from training.benchmark.intervals import RESAMPLES
from training.benchmark.tables import NAMES
from training.benchmark.timing import ENOUGH, ROUNDS
from training.loop.convergence import CRITERION

DATA = (
    ("`brats18/<case>/{t1,t1ce,t2,flair,seg}.nii.gz`",
     "BraTS 2018 training data: \"Data Request\" at https://www.med.upenn.edu/sbia/brats2018/",
     "cite Menze 2015, Bakas 2017 and 2018; no pictures of it here"),
    ("`lgg/<case>/{t1ce,flair,seg}.nii.gz`",
     "\"LGG MRI segmentation\" (Buda 2019), https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation, source TCGA-LGG of The "
     "Cancer Imaging Archive; slices stacked by patient",
     "CC BY-NC-SA 4.0; training only"),
    ("`openms/patient07/{t1,t1ce,t2,flair,lesions}.nii.gz`",
     "https://github.com/muschellij2/open_ms_data, cross-sectional, patient 07 (Lesjak 2017)",
     "CC BY 4.0"),
    ("`isles22/sub-strokecase0009/{adc,dwi,flair,lesion}.nii.gz`",
     "ISLES 2022, https://doi.org/10.5281/zenodo.7153326 (Hernandez Petzsche 2022)",
     "CC BY-SA 4.0"))
"""Files, where to get them, terms."""

CREDITS = {"openms": "Multiple sclerosis patient 07 of Lesjak et al. 2017, CC BY 4.0: T1 with contrast and FLAIR.",
           "isles22": "ISLES 2022 (Hernandez Petzsche et al. 2022), one stroke case, CC BY-SA 4.0: ADC and FLAIR."}


def definitions() -> str:
    """How every number was made."""
    metrics = "\n".join(f"  - {NAMES[name]} (`{name}`): {text}" for name, text in WORDS.items())
    return f"""\
- **Same route for all**: every method gets the same whole slices, two images on nominal 0..1, and gives one fused image of the same size,
  which is neither stretched nor rounded before it is measured. What lies beyond -0.5..1.5 is cut off. The sources are those the method got.
- **Scale**: said with each set. In the set of the paper each slice runs from its minimum to its maximum, as published; in the others 0 is
  the background and 1 the 99.9th percentile of the head of the volume, because resampled volumes overshoot below their background.
- **Metrics** (`FusionINNLib/metrics`, tested against the published code; all but Q_SSIM on grey levels 0..255, as pictures are saved):
{metrics}
- **In the head**: where the larger of both sources, on the scale of the volume, exceeds {LEVEL:g}, opened by a cross of 3 x 3 pixels, holes
  filled, slice by slice.
- **Values** are means over patients of the means over their slices. **Intervals** [ ] are 95 % bootstrap intervals over patients:
  2.5th and 97.5th percentile of {RESAMPLES:,} draws of patients with replacement; of a set with one patient, over its slices, which says
  nothing of other patients.
- **Differences** are taken slice by slice, then averaged alike. *better* or *worse*: all of the interval lies on that side of 0; *tied*
  otherwise. The table slice by slice gives mean ± standard deviation over all slices, and the share of slices with the larger value.
- **Ranking**: methods without training, networks that have converged, and the default model as it is shipped. *not converged* and *not
  trained* networks stand in the tables but are neither bold nor compared with. {CRITERION}
  The learning rate falls along a cosine meanwhile, so a plateau is one of this schedule, not of any longer one. The least loss picks the
  weights.
- **Training**: the `train` cases of the split; steps and crops are in the table of costs. The baselines have the loss of the paper on the
  fused image and the crops of the default model's training, with the scale of the volume. The published network has the authors' loss and
  crops of slices with labels 1 and 2 from minimum to maximum; its fused image is that of the released program, sigmoid and all.
- **Time**: the network alone on one slice of the first set, batch 1, all methods in turn in the same run, median of at most {ROUNDS} rounds
  (fewer once a method has had {ENOUGH:g} seconds), the first one left out; networks that are not trained have fresh weights.
  **Parameters**: numbers that are learnt.
- **Estimates**: both sources from the fused image in full precision and one drawn latent, compared with the sources (SSIM, data range
  1); the default model's as its program draws it, cut off where no exchanged digit would be read."""

