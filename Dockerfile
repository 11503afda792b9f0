# The image of the operator: one static program, and of its base the certificates of the authorities that it trusts.

# Any base that has these will do: docker build --build-arg BASE=...
ARG BASE=gcr.io/distroless/static:nonroot

# It builds on the platform of the builder for whichever is asked for, so that no other needs to be emulated.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
# The checkout is there as it is, with its history: from that, Go tells the program which version it is.
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/manager ./cmd/manager

FROM $BASE
LABEL org.opencontainers.image.title="soak-operator" \
      org.opencontainers.image.description="Cleans, builds, installs and tests a Helm chart over and over" \
      org.opencontainers.image.source="https://github.com/saltside/soak-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/manager /manager
# As a number, because a pod that must not run as root is refused if it cannot be seen that this is another.
USER 65532:65532
ENTRYPOINT ["/manager"]
