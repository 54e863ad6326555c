# The likeness server, its command line and the default model bundles. Needs BuildKit, from the repository's root:
#   docker build --tag likeness .
# docker/README.md says how to run the image.

FROM debian:bookworm-slim AS base
ARG DEBIAN_FRONTEND=noninteractive


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
COPY --from=fetch /src/.cache/npm .cache/npm
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY proto proto
COPY client client
COPY server server
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release -DLIKENESS_BUILD_TESTS=OFF \
 && cmake --build --preset release --target likeness-server likeness \
 && strip build/release/bin/likeness-server build/release/bin/likeness


FROM base
# The second list is what Debian's LibTorch pulls in by way of OpenCV's window and map readers and no library loads
# without a display or a map: graphics drivers with LLVM and Z3, map projections, names of languages; 200 MB.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libabsl20220623 \
      libcpp-httplib0.11 \
      libexif12 \
      libgrpc++1.51 \
      libopenblas0-pthread \
      libopencv-core406 \
      libopencv-imgproc406 \
      libpng16-16 \
      libprometheus-cpp-core1.0 \
      libprotobuf32 \
      libspdlog1.10 \
      libsqlite3-0 \
      libpq5 \
      libssl3 \
      libtorch1.13 \
      libturbojpeg0 \
      libwebp7 \
      libwebpdemux2 \
      libzip4 \
 && dpkg --purge --force-depends \
      iso-codes libgl1-mesa-dri libglx-mesa0 libllvm15 libz3-4 proj-data shared-mime-info xkb-data \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/*
RUN groupadd --gid 10001 likeness \
 && useradd --uid 10001 --gid likeness --home-dir /var/lib/likeness --shell /usr/sbin/nologin likeness \
 && install -d -o likeness -g likeness -m 0750 /var/lib/likeness
COPY --from=model /models/face-finder.pt /models/mobilefacenet-192.pt /usr/share/likeness/models/
COPY --from=build /src/build/release/bin/likeness-server /src/build/release/bin/likeness /usr/local/bin/
# Both programs start only if all that they load is there.
RUN likeness-server --version && likeness --version

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
LABEL org.opencontainers.image.title="likeness" \
      org.opencontainers.image.description="Face verification over gRPC with a Siamese network" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
