# FusionINN as a BIDS App: docker build -t fusioninn . ; docs/clusters.md says how to run it.
FROM python:3.12-slim
# TORCH: what pip is to install; "torch --index-url INDEX" for the build without CUDA, which is a tenth of the size.
ARG TORCH=torch
COPY pyproject.toml README.md LICENSE MODEL_LICENSE fusioninn.py /source/
COPY FusionINNLib /source/FusionINNLib
COPY Resources /source/Resources
RUN pip install --no-cache-dir ${TORCH} && pip install --no-cache-dir "/source[cohort]" && rm -r /source
# Each case is computed on one thread; many cases at once are what fills a machine.
ENV OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONUNBUFFERED=1
ENTRYPOINT ["fusioninn"]
CMD ["--help"]
