# The image the chart names: one static binary on an empty base, run as nobody.
FROM scratch AS base
LABEL org.opencontainers.image.title="Plimsoll" \
      org.opencontainers.image.source="https://github.com/plimsoll-dev/plimsoll" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
ENTRYPOINT ["/plimsoll"]
CMD ["run"]

# The binary was built already (`make image` where Rust and musl are): --target prebuilt, its folder as the context.
FROM base AS prebuilt
COPY plimsoll /plimsoll

FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --profile image --locked --package plimsoll \
 && cp target/image/plimsoll /plimsoll

FROM base
COPY --from=build /plimsoll /plimsoll
