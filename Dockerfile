# The image the chart names: one static binary on an empty base, run as nobody.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package plimsoll \
 && cp target/release/plimsoll /plimsoll

FROM scratch
COPY --from=build /plimsoll /plimsoll
USER 65532:65532
ENTRYPOINT ["/plimsoll"]
CMD ["run"]
