# The container of a Dataflow worker that plays with vLLM on a GPU: CUDA, our lock, Beam's boot.
#
#   docker build -t REGION-docker.pkg.dev/PROJECT/REPOSITORY/tutelage:1 .
#   docker push    REGION-docker.pkg.dev/PROJECT/REPOSITORY/tutelage:1
#   tutelage launch ... --image REGION-docker.pkg.dev/PROJECT/REPOSITORY/tutelage:1
#
# Beam and Python's minor version must be those of the machine that launches. Our own package is not
# in it: each job brings the wheel of what is installed where it was launched.

ARG BEAM=2.77.0
FROM apache/beam_python3.11_sdk:${BEAM} AS beam

FROM nvidia/cuda:12.8.1-runtime-ubuntu22.04

ENV DEBIAN_FRONTEND=noninteractive \
    PIP_NO_CACHE_DIR=1 \
    # No compiler at start, which a fresh machine would wait for; see vLLM's notes on FlashInfer.
    VLLM_USE_FLASHINFER_SAMPLER=0 \
    # glibc has an arena for each thread, and gives back little of what was freed in it.
    MALLOC_ARENA_MAX=2 \
    HF_HOME=/var/cache/huggingface \
    TUTELAGE_CACHE=/var/cache/tutelage

RUN apt-get update \
    && apt-get install -y --no-install-recommends software-properties-common build-essential curl \
    && add-apt-repository -y ppa:deadsnakes/ppa \
    && apt-get update \
    && apt-get install -y --no-install-recommends python3.11 python3.11-dev python3.11-venv bubblewrap \
    && rm -rf /var/lib/apt/lists/*

RUN python3.11 -m venv /opt/python
ENV PATH=/opt/python/bin:$PATH

COPY pipeline/locks/gpu.txt /tmp/gpu.txt
RUN pip install -r /tmp/gpu.txt "apache-beam[gcp]==$(grep -oP '(?<=^apache-beam==)\S+' /tmp/gpu.txt)"

COPY --from=beam /opt/apache/beam /opt/apache/beam
ENTRYPOINT ["/opt/apache/beam/boot"]
