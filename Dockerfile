# The gateway as a container image: `docker build -t muster .`; docs/container.md says how it is run.

FROM node:24-bookworm-slim AS build
WORKDIR /muster
# What bun.lock names, in a layer of its own: a change of the sources does not fetch it again.
COPY package.json bun.lock .npmrc ./
COPY scripts/setup.sh scripts/
RUN sh scripts/setup.sh
COPY tsconfig.json ./
COPY scripts scripts
COPY sql sql
COPY systemd systemd
COPY src src
RUN npm run build

# Not less than this. PostgreSQL's initdb starts its programs by /bin/sh and wants a passwd entry of its user, which distroless
# images lack; its programs want libstdc++, which busybox:glibc lacks. glibc, libstdc++ and a busybox copied together do work
# (5 MB), but nobody would bring them security updates; this gets Debian's whenever the image is built anew.
FROM debian:12-slim
LABEL org.opencontainers.image.title="Muster" \
      org.opencontainers.image.description="Appliance gateway in one executable: heartbeats, inventories, backups and alerts, kept and compared." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed id, so that whoever mounts a directory knows to whom it must belong.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/muster --shell /usr/sbin/nologin muster \
    && install -d -o muster -g muster -m 0700 /var/lib/muster
COPY --from=build /muster/dist/muster /usr/local/bin/muster
# Every interface is the container's own; what the outside sees of it is what is published. The second port has no login:
# it is for Prometheus on the same network, not to be published.
ENV DATA_DIR=/var/lib/muster \
    LISTEN_ADDRESS=0.0.0.0:8081 \
    HEALTH_LISTEN_ADDRESS=0.0.0.0:8091
EXPOSE 8081 8091
VOLUME /var/lib/muster
USER 10001:10001
# Lets requests and jobs finish (SHUTDOWN_TIMEOUT), then stops PostgreSQL: give it longer than an engine's usual 10 s.
STOPSIGNAL SIGTERM
# Alive, not ready: a container that is started anew does not bring back a database that is away.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/muster", "health"]
ENTRYPOINT ["/usr/local/bin/muster"]
CMD ["serve"]
