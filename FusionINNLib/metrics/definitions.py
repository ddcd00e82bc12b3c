"""What each metric is, in a line: so that no number is shown without its definition. The papers are named where it is computed."""

WORDS = {
    "q_ssim": "mean SSIM of the fused image with either source (Gaussian 11 x 11, sigma 1.5; Wang 2004)",
    "q_fmi": "feature mutual information of raw pixels in 3 x 3 windows (Haghighat 2011)",
    "q_ncie": "nonlinear correlation information entropy, 0.802 (nothing in common) to 1 (Wang 2008)",
    "q_xy": "edge preservation, mean of each pixel's ratio; flat background counts 0.987 (Xydeas 2000)",
    "q_p": "SSIM with the livelier source in each window (Piella 2003)",
    "q_xy_centre": "q_xy of the central 3 x 3 pixels of a slice only: Q_XY as in Table 1 of the FusionINN paper",
    "q_p_centre": "q_p of the central 11 x 11 windows of a slice only: Q_P as in Table 1 of the FusionINN paper",
    "q_abf": "Q^AB/F, edge preservation as one ratio of two sums; flat background counts nothing (Xydeas 2000)",
    "mi": "mutual information with the first source plus that with the second, in bits",
    "en": "entropy of the fused image's histogram, in bits",
    "sd": "standard deviation of the fused image, in grey levels 0..255",
    "sf": "spatial frequency of the fused image, in grey levels 0..255 (Eskicioglu 1995)",
    "vif": "visual information fidelity in the pixel domain, summed over both sources (Sheikh 2006)",
    "scd": "sum of the correlations of differences, -2 to 2 (Aslantas 2015)",
    "ncc_sum": "sum of the nonlinear correlations with either source, 0 to 2: q_ncie without its floor",
    "q_ssim_masked": "q_ssim over the windows centred in the mask",
    "q_fmi_masked": "q_fmi over the windows centred in the mask",
    "q_ncie_masked": "q_ncie from the pixels of the mask alone",
    "q_xy_masked": "q_xy over the pixels of the mask",
    "q_p_masked": "q_p over the windows centred in the mask",
}
