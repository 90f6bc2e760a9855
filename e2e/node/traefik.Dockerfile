# A real ingress controller, from its Go module.
FROM scratch
COPY traefik /traefik
ENTRYPOINT ["/traefik"]
