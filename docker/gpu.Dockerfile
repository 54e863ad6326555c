# likeness on an NVIDIA GPU: CUDA's runtime and a LibTorch with CUDA. Needs BuildKit, from the repository's root:
#   docker build --tag likeness-gpu --file docker/gpu.Dockerfile .
#   docker run --gpus all … likeness-gpu          # everything else as docker/README.md says
#
# Ubuntu 24.04, which NVIDIA's images are made of, has the gRPC, Protobuf, Abseil and OpenCV of Debian 12. LibTorch brings
# cuBLAS, cuDNN and the like with it, so that the smallest of NVIDIA's images is enough to run on. Without LIBTORCH_URL the
# system's own LibTorch is taken: so docker/test builds this file where there is no network and no GPU.
ARG CUDA_BUILD_IMAGE=nvidia/cuda:12.6.3-devel-ubuntu24.04
ARG CUDA_IMAGE=nvidia/cuda:12.6.3-base-ubuntu24.04
# Of what LIBTORCH_URL has, where you want to be sure of it.
ARG LIBTORCH_SHA256=
ARG LIBTORCH_URL=https://download.pytorch.org/libtorch/cu126/libtorch-cxx11-abi-shared-with-deps-2.6.0%2Bcu126.zip

FROM debian:bookworm-slim AS base
ARG DEBIAN_FRONTEND=noninteractive
ENV LANG=C.UTF-8


# The pinned npm packages that the build itself needs.
FROM base AS fetch
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates npm python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY third_party third_party
RUN third_party/fetch.py google-gax chart.js


# The model bundles, made of published weights.
FROM fetch AS model
COPY scripts/packages/model.txt scripts/packages/
RUN apt-get update \
 && grep -Ev '^(#|$)' scripts/packages/model.txt | xargs apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/*
COPY model model
RUN python3 model/export.py --out /models face-finder mobilefacenet-192


FROM ${CUDA_BUILD_IMAGE} AS build
ARG DEBIAN_FRONTEND=noninteractive
ENV LANG=C.UTF-8
ARG LIBTORCH_URL
ARG LIBTORCH_SHA256
WORKDIR /src
COPY scripts/packages/build.txt scripts/packages/
RUN apt-get update \
 && grep -Ev "^(#|\$${LIBTORCH_URL:+|libtorch|libopenblas})" scripts/packages/build.txt \
    | xargs apt-get install -y --no-install-recommends ca-certificates curl unzip \
 && rm -rf /var/lib/apt/lists/*
RUN mkdir -p /opt/libtorch/lib \
 && if [ -n "$LIBTORCH_URL" ]; then \
      curl --fail --silent --show-error --location --output /tmp/libtorch.zip "$LIBTORCH_URL" \
   && echo "${LIBTORCH_SHA256:-$(sha256sum /tmp/libtorch.zip | cut -d ' ' -f 1)}  /tmp/libtorch.zip" | sha256sum --check \
   && unzip -q /tmp/libtorch.zip -d /opt && rm /tmp/libtorch.zip; \
    fi
COPY --from=fetch /src/.cache/npm .cache/npm
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY proto proto
COPY client client
COPY server server
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release -DLIKENESS_BUILD_TESTS=OFF ${LIBTORCH_URL:+-DCMAKE_PREFIX_PATH=/opt/libtorch} \
 && cmake --build --preset release
COPY --from=model /models build/models
COPY --from=model /src/.cache/npm .cache/npm
COPY CHANGELOG.md CITATION.cff LICENSE README.md THIRD_PARTY_NOTICES.md ./
COPY deploy/debian deploy/debian
RUN cmake --build --preset release --target package && mkdir /packages && mv build/release/packages/*.deb /packages/


FROM ${CUDA_IMAGE}
ARG DEBIAN_FRONTEND=noninteractive
ENV LANG=C.UTF-8
RUN groupadd --gid 10001 likeness \
 && useradd --uid 10001 --gid likeness --home-dir /var/lib/likeness --shell /usr/sbin/nologin likeness
COPY --from=build /opt/libtorch/lib /opt/libtorch/lib
RUN --mount=type=bind,from=build,source=/packages,target=/packages \
    echo /opt/libtorch/lib >/etc/ld.so.conf.d/libtorch.conf && ldconfig \
 && apt-get update \
 && apt-get install -y --no-install-recommends /packages/likeness_*.deb \
 && rm -rf /etc/likeness /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/* \
 && likeness-server --version && likeness --version

ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    LIKENESS_MODEL=/usr/share/likeness/models/mobilefacenet-192.pt \
    LIKENESS_FACE_FINDER=/usr/share/likeness/models/face-finder.pt \
    LIKENESS_GALLERY=sqlite:/var/lib/likeness/gallery.db \
    LIKENESS_ADDRESS=0.0.0.0:50051 \
    LIKENESS_METRICS_ADDRESS=0.0.0.0:9464
USER 10001:10001
VOLUME /var/lib/likeness
EXPOSE 50051 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["likeness", "health", "--timeout", "3"]
ENTRYPOINT ["likeness-server"]

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="likeness-gpu" \
      org.opencontainers.image.description="Face verification over gRPC with a Siamese network, on an NVIDIA GPU" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="likeness" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
