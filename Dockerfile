# The likeness server, its command line and the default model bundles, as the Debian package that `make package` builds.
# Needs BuildKit, from the repository's root:
#   docker build --tag likeness .
# docker/README.md says how to run the image.

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


FROM base AS build
WORKDIR /src
COPY scripts/packages/build.txt scripts/packages/
RUN apt-get update \
 && grep -Ev '^(#|$)' scripts/packages/build.txt | xargs apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/*
COPY docker/unused-libraries docker/
RUN mkdir /packages && docker/unused-libraries /packages/likeness-unused-libraries.deb
COPY --from=fetch /src/.cache/npm .cache/npm
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY proto proto
COPY client client
COPY server server
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release -DLIKENESS_BUILD_TESTS=OFF \
 && cmake --build --preset release
COPY --from=model /models build/models
COPY --from=model /src/.cache/npm .cache/npm
COPY CHANGELOG.md CITATION.cff LICENSE README.md THIRD_PARTY_NOTICES.md ./
COPY deploy/debian deploy/debian
RUN cmake --build --preset release --target package && mv build/release/packages/*.deb /packages/


FROM base
# The user has a fixed number, so that volumes and Kubernetes can name it.
RUN groupadd --gid 10001 likeness \
 && useradd --uid 10001 --gid likeness --home-dir /var/lib/likeness --shell /usr/sbin/nologin likeness
RUN --mount=type=bind,from=build,source=/packages,target=/packages \
    apt-get update \
 && apt-get install -y --no-install-recommends /packages/*.deb \
 && rm -rf /etc/likeness /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/* \
# Both programs start only if all that they load is there.
 && likeness-server --version && likeness --version

ENV LIKENESS_MODEL=/usr/share/likeness/models/mobilefacenet-192.pt \
    LIKENESS_FACE_FINDER=/usr/share/likeness/models/face-finder.pt \
    LIKENESS_GALLERY=sqlite:/var/lib/likeness/gallery.db \
    LIKENESS_ADDRESS=0.0.0.0:50051 \
    LIKENESS_METRICS_ADDRESS=0.0.0.0:9464
USER 10001:10001
VOLUME /var/lib/likeness
EXPOSE 50051 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["likeness", "health", "--timeout", "3"]
ENTRYPOINT ["likeness-server"]

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="likeness" \
      org.opencontainers.image.description="Face verification over gRPC with a Siamese network" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="likeness" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
