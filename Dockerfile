# The image of a job: `docker build -t fashiontune-job .`, then `docker run --gpus all fashiontune-job`.
#
# The torch wheels bring CUDA and cuDNN themselves, so the smallest CUDA image does. Two stages are in the image: Python
# with the locked dependencies and, on top of it and in seconds after a change of the code, the job.
ARG BASE_IMAGE=nvidia/cuda:13.0.1-base-ubuntu24.04

FROM ${BASE_IMAGE} AS dependencies
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini \
 && rm -rf /var/lib/apt/lists/*
# `--build-arg EXTRAS=ray` for FASHIONTUNE_EXECUTOR=ray
ARG EXTRAS
COPY requirements${EXTRAS:+-${EXTRAS}}.lock /opt/requirements.lock
# pip comes and goes within the layer; it installs into an environment that has none
RUN --mount=type=cache,target=/root/.cache/pip \
    apt-get update \
 && apt-get install -y --no-install-recommends python3-venv \
 && python3 -m venv /opt/tools \
 && python3 -m venv --without-pip /opt/job \
 && /opt/tools/bin/pip --python /opt/job/bin/python install --require-hashes -r /opt/requirements.lock \
 && apt-get purge -y --auto-remove python3-venv \
 && rm -rf /opt/tools /var/lib/apt/lists/*

FROM dependencies AS builder
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-venv \
 && python3 -m venv /opt/tools \
 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml README.md LICENSE /src/
COPY job /src/job
RUN /opt/tools/bin/pip --python /opt/job/bin/python install --no-cache-dir --no-deps --no-index --no-build-isolation \
    --root /installed /src

# ImageNet weights for FASHIONTUNE_INIT_WEIGHTS=imagenet without a download: `--build-arg IMAGENET_WEIGHTS=yes`
FROM dependencies AS weights
ARG IMAGENET_WEIGHTS
ARG IMAGENET_URL=https://download.pytorch.org/models/resnet18-f37072fd.pth
ARG IMAGENET_SHA256=f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec
RUN mkdir -p /torch/hub/checkpoints \
 && if [ -n "${IMAGENET_WEIGHTS}" ]; then \
      file=/torch/hub/checkpoints/resnet18-f37072fd.pth \
      && python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' "${IMAGENET_URL}" "${file}" \
      && echo "${IMAGENET_SHA256}  ${file}" > /tmp/sums \
      && sha256sum --check /tmp/sums; \
    fi

FROM dependencies
RUN mkdir --mode=1777 /data
COPY --from=weights /torch /opt/torch
COPY --from=builder /installed /
ARG IMAGENET_WEIGHTS
ARG BAKED=${IMAGENET_WEIGHTS:+/opt/torch}
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="fashiontune-job" \
      org.opencontainers.image.description="Tunes a ResNet18 on a catalogue of product photos" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# /tmp is the one place that has to be writable; USER is asked for where a user id has no name. GKE and others mount the
# driver's libraries into /usr/local/nvidia and leave it to the image to look there
ENV LD_LIBRARY_PATH=/usr/local/nvidia/lib64:/usr/local/nvidia/lib${LD_LIBRARY_PATH:+:${LD_LIBRARY_PATH}} \
    PATH=/opt/job/bin:${PATH} \
    HOME=/tmp \
    USER=job \
    TORCH_HOME=${BAKED:-/tmp/.cache/torch} \
    PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    SOURCE_REVISION=${REVISION}
WORKDIR /data
USER 10001:10001
STOPSIGNAL SIGTERM
# a signal within the first second, before Python heeds any, would be lost on process 1
ENTRYPOINT ["tini", "--", "job"]
