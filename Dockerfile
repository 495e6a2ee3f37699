# The engine in a container, for functions that run in containers beside it. See docs/containers.md.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /esm ./cmd/esm

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /esm /usr/local/bin/esm
ENV PATH=/usr/local/bin
WORKDIR /app
VOLUME /data
EXPOSE 9001
ENTRYPOINT ["/usr/local/bin/esm"]
CMD ["run", "/app/mappings.yaml", "--listen", "0.0.0.0:9001", "--data-dir", "/data"]
